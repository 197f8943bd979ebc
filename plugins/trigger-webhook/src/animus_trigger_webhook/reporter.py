"""Tells the host of what waits, and remembers what it was told and has not answered yet.

At most `WINDOW` events of a trigger are with the host at once: it never has to throw one away, and a long wait of one
trigger costs the others nothing. What the host does not answer is told again when it asks to watch again.
"""

import threading
from collections.abc import Callable, Iterable

from animus_trigger_webhook.spool import Spool, Spooled

__all__ = ["WINDOW", "Reporter"]

WINDOW = 64
"""Events of one trigger that the host may have without an answer."""


class Reporter:
    """One thread; the other methods are for any."""

    def __init__(self, spool: Spool, tell: Callable[[Spooled], None], on_failure: Callable[[Exception], None]) -> None:
        """Report nothing yet.

        Args:
            spool: holds what waits.
            tell: hands one event to the host; may wait for it, and raises when it is gone.
            on_failure: is told why reporting ended; it begins again with the next `watch`.
        """
        self._spool, self._tell, self._on_failure = spool, tell, on_failure
        self._open: dict[str, set[str]] = {}
        self._changed = threading.Condition()
        self._has_work = self._is_closed = False
        self._thread: threading.Thread | None = None

    def watch(self, trigger_ids: Iterable[str]) -> None:
        """The host listens for these, from now on and for everything that waits; those named before stay."""
        with self._changed:
            self._open.update((trigger_id, set()) for trigger_id in trigger_ids)
            if self._thread is None:
                self._thread = threading.Thread(target=self._report, name="webhook-report", daemon=True)
                self._thread.start()
        self.wake()

    def forget(self, trigger_id: str) -> None:
        """The host does not listen for this one any more."""
        with self._changed:
            self._open.pop(trigger_id, None)

    def answered(self, trigger_id: str, event_id: str) -> None:
        """The host has dealt with an event, which the spool knows: there is room for another."""
        with self._changed:
            self._open.get(trigger_id, set()).discard(event_id)
        self.wake()

    def wake(self) -> None:
        """Something waits, or there is room."""
        with self._changed:
            self._has_work = True
            self._changed.notify()

    def close(self) -> None:
        """Report nothing further."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _report(self) -> None:
        try:
            while self._wait():
                with self._changed:
                    rooms = [(trigger_id, set(told)) for trigger_id, told in self._open.items()]
                for trigger_id, told in rooms:
                    for event in self._spool.pending(trigger_id, WINDOW - len(told), told):
                        self._report_one(event)
        except Exception as error:  # noqa: BLE001 - whatever it is must be seen, and the spool keeps what waits
            with self._changed:
                self._thread = None  # the next watch begins again
            if not self._is_closed:
                self._on_failure(error)

    def _report_one(self, event: Spooled) -> None:
        with self._changed:
            told = self._open.get(event.trigger_id)
            if told is None or self._is_closed:
                return
            told.add(event.event_id)  # before it is told: the answer may be quicker than we are
        self._tell(event)

    def _wait(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._has_work or self._is_closed)
            self._has_work = False
            return not self._is_closed
