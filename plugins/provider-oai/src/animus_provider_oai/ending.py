"""How a run ends before its answer: cancelled, out of time, or failed; and how whoever waits hears of it."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from animus_process import Clock, SystemClock

__all__ = ["CANCELLED", "TIMED_OUT", "RunControl", "RunEndedError", "RunFailedError"]

CANCELLED: Final = "cancelled"
TIMED_OUT: Final = "timed_out"


class RunEndedError(Exception):
    """Somebody or the time limit ended the run. `how` is `CANCELLED` or `TIMED_OUT`."""

    def __init__(self, how: str) -> None:
        """Say how."""
        super().__init__(f"the run was {how.replace('_', ' ')}")
        self.how = how


class RunFailedError(Exception):
    """The run cannot go on.

    Attributes:
        failure: ``transient``, ``provider_exhaustion``, ``target_unavailable``, ``auth`` or ``unknown``.
        category: the provider kind's word for it (docs/protocol.md, provider).
        retry_after_seconds: when it is worth another try, if the endpoint said so.
        limit: which bound of ours was reached, if one was.
    """

    def __init__(
        self,
        message: str,
        *,
        failure: str = "unknown",
        category: str = "run_failed",
        retry_after_seconds: float | None = None,
        limit: str | None = None,
    ) -> None:
        """Say what happened and what to do."""
        super().__init__(message)
        self.message = message
        self.failure = failure
        self.category = category
        self.retry_after_seconds = retry_after_seconds
        self.limit = limit


class RunControl:
    """Ends a run from any thread. Whoever waits in the run wakes up and asks `check`.

    Attributes:
        hurry: set when processes get no time to end by themselves.
    """

    def __init__(self, timeout_seconds: float | None = None, clock: Clock | None = None) -> None:
        """Start the time limit, if there is one."""
        self._clock = clock or SystemClock()
        self._deadline = None if timeout_seconds is None else self._clock.monotonic() + timeout_seconds
        self._turn = threading.Lock()
        self._is_cancelled = False
        self._wakers: list[Callable[[], object]] = []
        self.hurry = threading.Event()

    @property
    def is_hurried(self) -> bool:
        """Whether this process is about to end."""
        return self.hurry.is_set()

    def cancel(self) -> None:
        """End the run, without waiting."""
        with self._turn:
            self._is_cancelled = True
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    def kill(self) -> None:
        """End it at once: this process is about to end."""
        self.hurry.set()
        self.cancel()

    def check(self) -> None:
        """Go on only if the run may.

        Raises:
            RunEndedError: it may not.
        """
        if self._is_cancelled:
            raise RunEndedError(CANCELLED)
        if self._deadline is not None and self._clock.monotonic() >= self._deadline:
            raise RunEndedError(TIMED_OUT)

    def within(self, seconds: float) -> float:
        """`seconds`, or what is left of the run if that is less."""
        left = seconds if self._deadline is None else self._deadline - self._clock.monotonic()
        return max(0.0, min(seconds, left))

    @contextmanager
    def waking(self, wake: Callable[[], object]) -> Generator[None]:
        """Have `wake` called, from any thread, when the run is cancelled meanwhile (at once if it was)."""
        with self._turn:
            self._wakers.append(wake)
            is_late = self._is_cancelled
        try:
            if is_late:
                wake()
            yield
        finally:
            with self._turn:
                self._wakers.remove(wake)

    def pause(self, seconds: float) -> None:
        """Wait so long.

        Raises:
            RunEndedError: the run ended meanwhile.
        """
        news = threading.Event()
        with self.waking(news.set):
            news.wait(self.within(seconds))
        self.check()
