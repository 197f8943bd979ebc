"""The loop: events are taken, become spans and records, are exported, and only then are behind us.

After a death at any moment the next observer begins behind the last exported event. What was exported just before is
perhaps exported once more, under the same ids.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

from animus_observer_otel.cursor import Cursor, CursorFile, Position
from animus_observer_otel.export import Export, Shipment
from animus_observer_otel.feed import Feed
from animus_observer_otel.measure import Levels
from animus_observer_otel.timeline import FinishedSpan, Timelines
from animus_plugin_protocol.wire.control import DaemonEvent

__all__ = ["Meter", "Observer", "Pace"]


class Meter(Protocol):
    """What counts."""

    levels: Levels
    lost: dict[str, int]

    def add(self, span: FinishedSpan) -> None:
        """Count a span that was exported."""
        ...


class Pace(NamedTuple):
    """How much and how often; lengths in seconds."""

    batch_events: int = 512
    wait_seconds: float = 1.0
    levels_seconds: float = 15.0
    first_retry_seconds: float = 1.0
    last_retry_seconds: float = 60.0


_PACE = Pace()


class Observer:
    """One observer of one project."""

    def __init__(  # noqa: PLR0913 - the seams, each used
        self,
        feed: Feed,
        export: Export,
        meter: Meter,
        cursor_file: CursorFile,
        *,
        ask_levels: Callable[[], Levels],
        monotonic: Callable[[], float],
        say: Callable[[str], None],
        include_content: bool = False,
        pace: Pace = _PACE,
    ) -> None:
        """Put the parts together; `say` is told what people should know."""
        self._feed, self._export, self._meter, self._cursor_file = feed, export, meter, cursor_file
        self._ask_levels, self._monotonic, self._say = ask_levels, monotonic, say
        self._include_content, self._pace = include_content, pace
        self._stopped = threading.Event()
        cursor = cursor_file.load()
        self._position, self._timelines = cursor.position, Timelines(cursor.open_runs)
        self._levels_at: float | None = None

    @property
    def position(self) -> Position | None:
        """The last event that was exported."""
        return self._position

    def stop(self) -> None:
        """End soon; what is not exported by then stays for the next time."""
        self._stopped.set()

    def run(self, *, once: bool = False) -> bool:
        """Export until stopped, or with `once` what there is; whether everything that was taken is exported."""
        while not self._stopped.is_set():
            self._look_at_levels()
            is_over = self._feed.is_over()  # asked first: what came before the end is still taken
            events = self._feed.take(self._pace.batch_events, self._pace.wait_seconds)
            if events:
                spans = [span for event in events for span in self._timelines.take(event)]
                records = [event for event in events if event.id or self._include_content]
                if not self._ship(Shipment(spans, records), once=once):
                    return False
                self._done(events, spans)
            elif is_over:
                return True
        return True

    def _done(self, events: list[DaemonEvent], spans: list[FinishedSpan]) -> None:
        for span in spans:
            self._meter.add(span)
        recorded = [event for event in events if event.id]
        if recorded:
            self._position = Position(recorded[-1].seq, recorded[-1].occurred_at)
            self._cursor_file.save(Cursor(position=self._position, open_runs=self._timelines.open_runs))
        self._tell_lost()

    def _ship(self, shipment: Shipment, *, once: bool) -> bool:
        """Repeat until nothing is left; False when that was given up."""
        delay = self._pace.first_retry_seconds
        is_told = False
        while any(shipment := self._export.send(shipment)):
            if once:
                return False
            if not is_told:
                self._say("the collector does not take what is sent to it; it is tried again until it does")
                is_told = True
            if self._stopped.wait(delay):
                return False
            self._look_at_levels()
            delay = min(delay * 2, self._pace.last_retry_seconds)
        if is_told:
            self._say("the collector takes it again")
        return True

    def _tell_lost(self) -> None:
        lost = {
            "missed": self._feed.missed,
            "rejected": self._export.rejected,
            "given_up": self._timelines.given_up,
        }
        lost = {reason: count for reason, count in lost.items() if count}
        if lost != self._meter.lost:
            self._meter.lost = lost
            self._say(f"not exported so far: {', '.join(f'{count} {reason}' for reason, count in lost.items())}")

    def _look_at_levels(self) -> None:
        now = self._monotonic()
        if self._levels_at is None or now - self._levels_at >= self._pace.levels_seconds:
            self._levels_at = now
            self._meter.levels = self._ask_levels()
