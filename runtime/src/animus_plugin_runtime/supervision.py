"""When a plugin may be started again: the state table, without processes or waiting."""

import enum
from collections import deque

__all__ = [
    "BACKOFF_SECONDS",
    "COOL_DOWN_SECONDS",
    "RESTARTS",
    "WINDOW_SECONDS",
    "IllegalStepError",
    "State",
    "Supervision",
]

RESTARTS = 3
"""Restarts within the window before the plugin is left alone for a while."""

WINDOW_SECONDS = 60.0
COOL_DOWN_SECONDS = 300.0

BACKOFF_SECONDS = (0.0, 0.5, 2.0)
"""Wait before the first, second and third restart within the window."""


class State(enum.StrEnum):
    """Where a supervised plugin is."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    BACKOFF = "backoff"
    COOLING_DOWN = "cooling_down"
    STOPPING = "stopping"


class Step(enum.StrEnum):
    """What can happen to it."""

    START = "start"
    STARTED = "started"
    FAILED = "failed"
    STOP = "stop"
    ENDED = "ended"


class IllegalStepError(RuntimeError):
    """A step that the table does not have: a bug of the caller."""


# FAILED leads to BACKOFF or COOLING_DOWN, as the budget decides; the table says where it is legal.
_TABLE: dict[tuple[State, Step], State] = {
    (State.STOPPED, Step.START): State.STARTING,
    (State.STOPPED, Step.STOP): State.STOPPED,
    (State.STARTING, Step.STARTED): State.READY,
    (State.STARTING, Step.FAILED): State.BACKOFF,
    (State.STARTING, Step.STOP): State.STOPPING,
    (State.READY, Step.FAILED): State.BACKOFF,
    (State.READY, Step.STOP): State.STOPPING,
    (State.BACKOFF, Step.START): State.STARTING,
    (State.BACKOFF, Step.STOP): State.STOPPED,
    (State.COOLING_DOWN, Step.START): State.STARTING,
    (State.COOLING_DOWN, Step.STOP): State.STOPPED,
    (State.STOPPING, Step.ENDED): State.STOPPED,
}


class Supervision:
    """The state of one plugin and its budget of restarts. Moments are seconds of one monotonic clock.

    Attributes:
        state: see `State`.
        restarts: how often it was started after a failure, ever.
    """

    def __init__(self) -> None:
        self.state = State.STOPPED
        self.restarts = 0
        self._recent: deque[float] = deque()
        self._not_before = 0.0

    def wait_seconds(self, now: float) -> float:
        """How long a start has to wait."""
        if self.state in {State.BACKOFF, State.COOLING_DOWN}:
            return max(0.0, self._not_before - now)
        return 0.0

    def start(self, now: float) -> None:
        """A start begins.

        Raises:
            IllegalStepError: it runs already, is stopping, or has to wait.
        """
        if self.wait_seconds(now) > 0:
            message = f"start is not legal for another {self.wait_seconds(now):g} s"
            raise IllegalStepError(message)
        came_from = self.state
        self._move(Step.START)
        if came_from is State.COOLING_DOWN:
            self._recent.clear()
        if came_from in {State.BACKOFF, State.COOLING_DOWN}:
            self.restarts += 1
            self._recent.append(now)

    def started(self) -> None:
        """The handshake is done."""
        self._move(Step.STARTED)

    def failed(self, now: float) -> None:
        """The start failed or the plugin died: wait a little, or for long when that happens too often."""
        self._move(Step.FAILED)
        while self._recent and self._recent[0] <= now - WINDOW_SECONDS:
            self._recent.popleft()
        if len(self._recent) >= RESTARTS:
            self.state = State.COOLING_DOWN
            self._not_before = now + COOL_DOWN_SECONDS
        else:
            self._not_before = now + BACKOFF_SECONDS[len(self._recent)]

    def stop(self) -> None:
        """A stop is wanted. What does not run is stopped at once."""
        self._move(Step.STOP)

    def ended(self) -> None:
        """Nothing of it runs any more."""
        self._move(Step.ENDED)

    def _move(self, step: Step) -> None:
        following = _TABLE.get((self.state, step))
        if following is None:
            message = f"{step.value!r} is not legal while {self.state.value!r}"
            raise IllegalStepError(message)
        self.state = following
