"""What the queue said when it was asked last, and for how long nobody needs to ask it again."""

import datetime

from animus_control.event_log import EventLog
from animus_kernel.clock import Clock
from animus_plugin_protocol.wire.queue_v2 import FencedLeaseResult

__all__ = ["BEATS_AT_REST", "Rest"]

BEATS_AT_REST = 10
"""At so many heartbeats one the queue is asked that had nothing to run and nothing deferred when it was asked last."""


class Rest:
    """Lasts from an answer that left nothing to wait for to the next wake-up, or to the tenth heartbeat.

    A lost wake-up is found then; while there is anything to run, to renew or to wait for, every heartbeat looks.
    """

    def __init__(self, clock: Clock, events: EventLog, beat_seconds: float) -> None:
        self._clock, self._events = clock, events
        self._seconds = (BEATS_AT_REST - 0.5) * beat_seconds  # the tenth beat may come a little early
        self._blocked: dict[str, str] = {}
        self._is_drained = False
        self._since: datetime.datetime | None = None

    def end(self) -> None:
        """The queue is about to be asked."""
        self._since, self._is_drained = None, False

    def hear(self, answer: FencedLeaseResult, wanted: int) -> None:
        """An answer to a lease of `wanted` entries; what is newly blocked goes into the events."""
        blocked = {row.entry_id: row.reason for row in answer.blocked}
        for entry_id, reason in blocked.items():
            if self._blocked.get(entry_id) != reason:
                self._events.record("entry_blocked", entry_id=entry_id, reason=reason)
        self._blocked, self._is_drained = blocked, not blocked and len(answer.leased) < wanted

    def begin(self) -> None:
        """Nothing is deferred and no run is ours: rest, if the queue had nothing else to give."""
        self._since = self._clock.now() if self._is_drained else None

    @property
    def lasts(self) -> bool:
        """Whether this heartbeat need not ask; a clock that was set forward or back ends the rest."""
        return self._since is not None and abs((self._clock.now() - self._since).total_seconds()) < self._seconds
