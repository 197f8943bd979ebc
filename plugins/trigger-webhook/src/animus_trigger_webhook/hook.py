"""A webhook: what may come in at its path, and how often."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["GITHUB", "PLAIN", "Hook", "RateWindow"]

PLAIN = "webhook"
GITHUB = "github_webhook"

_WINDOW_SECONDS = 60.0


class Hook(NamedTuple):
    """One trigger with a path of its own.

    Attributes:
        trigger_id: the last part of its path.
        type: `PLAIN` or `GITHUB`; says which headers name the event, the delivery and the signature.
        secret: the key of the signature; None takes unsigned deliveries.
        deliveries_per_minute: how many are taken.
        events: which events; none means all. ``name`` or, for bodies with an action, ``name.action``.
    """

    trigger_id: str
    type: str
    secret: bytes | None = None
    deliveries_per_minute: int = 10
    events: tuple[str, ...] = ()

    def wants(self, event: str | None, action: str | None) -> bool:
        """Whether an event passes the filter."""
        return not self.events or event in self.events or (action is not None and f"{event}.{action}" in self.events)


class RateWindow:
    """At most so many deliveries in any minute."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._taken: deque[float] = deque()

    def wait_seconds(self, limit: int) -> float:
        """How long a sender must wait before the next delivery is taken; 0 when it may come now."""
        now = self._monotonic()
        while self._taken and self._taken[0] <= now - _WINDOW_SECONDS:
            self._taken.popleft()
        if len(self._taken) < limit:
            return 0.0
        return self._taken[len(self._taken) - limit] + _WINDOW_SECONDS - now if limit else _WINDOW_SECONDS

    def take(self) -> None:
        """One was taken now."""
        self._taken.append(self._monotonic())
