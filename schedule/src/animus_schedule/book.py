"""The schedules of a project and how far each of them is: every decision, and none of the doing.

Its user keeps `Book.tracks` on disk. The order that makes a moment fire once, whatever dies in between: `look`, write
the tracks, do what `waiting` names under a key made of the schedule and the moment, `settle`, write again. A moment
that was decided stays waiting until it is settled; one that was done already is done again under the same key.
"""

import dataclasses
import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from animus_schedule.catch_up import decide
from animus_schedule.definition import Definition
from animus_schedule.timetable import Timetable
from animus_schedule.zone import ScheduleError

__all__ = ["HISTORY_LIMIT", "Book", "Fire", "Look", "Track"]

HISTORY_LIMIT = 50
"""How many of its latest moments a schedule remembers."""

FORGET_AFTER = datetime.timedelta(days=90)
"""A schedule that nobody defines any more is forgotten after this time."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fire:
    """What became of a moment: ``enqueued``, ``folded`` into an entry that is still there, or ``refused``."""

    at: datetime.datetime
    done_at: datetime.datetime
    outcome: str
    entry_id: str | None = None
    reason: str | None = None


@dataclasses.dataclass(kw_only=True)
class Track:
    """How far a schedule is.

    Attributes:
        written_as: what the cursor belongs to; a schedule that was rewritten begins now.
        cursor: every moment up to here was decided.
        waiting: moments that were decided to fire and are not settled.
        switched: what somebody said after the authors; None when nobody did.
    """

    written_as: str
    cursor: datetime.datetime | None = None
    waiting: list[datetime.datetime] = dataclasses.field(default_factory=list[datetime.datetime])
    fired: int = 0
    missed: int = 0
    switched: bool | None = None
    history: list[Fire] = dataclasses.field(default_factory=list[Fire])


class Look(NamedTuple):
    """What `Book.look` found.

    Attributes:
        has_changed: the tracks have to be written.
        next_at: when to look again; None for never.
        missed: schedules that passed moments over, and how many.
        reset: schedules that began anew because the clock had gone back.
    """

    has_changed: bool
    next_at: datetime.datetime | None
    missed: Mapping[str, int]
    reset: list[str]


class Book:
    """Schedules and their tracks. `problems` says which ones cannot be understood."""

    def __init__(self, definitions: Iterable[Definition], tracks: dict[str, Track]) -> None:
        self.tracks = tracks
        self.definitions: dict[str, Definition] = {}
        self.problems: dict[str, str] = {}
        self._timetables: dict[str, Timetable] = {}
        for definition in definitions:
            self.definitions[definition.id] = definition
            try:
                self._timetables[definition.id] = definition.timetable()
            except ScheduleError as error:
                self.problems[definition.id] = str(error)

    def is_enabled(self, schedule_id: str) -> bool:
        """Whether it fires."""
        definition = self.definitions[schedule_id]
        track = self.tracks.get(schedule_id)
        if schedule_id in self.problems or definition.disabled_reason is not None:
            return False
        return definition.enabled if track is None or track.switched is None else track.switched

    def next_at(self, schedule_id: str, now: datetime.datetime) -> datetime.datetime | None:
        """When it fires next; None for never."""
        return self._timetables[schedule_id].next_after(now) if self.is_enabled(schedule_id) else None

    def switch(self, schedule_id: str, *, on: bool) -> None:
        """Let it fire, or not, whatever its authors wrote. Switched on it begins now."""
        self._track(self.definitions[schedule_id]).switched = on

    def look(self, now: datetime.datetime) -> Look:
        """Decide about all moments up to `now`."""
        has_changed = self._forget(now)
        moments: list[datetime.datetime] = []
        missed: dict[str, int] = {}
        reset: list[str] = []
        for definition in self.definitions.values():
            track = self._track(definition)
            before = (track.written_as, track.cursor)
            self._begin_anew_if_rewritten(definition, track)
            if self.is_enabled(definition.id):
                decision = decide(self._timetables[definition.id], definition.catch_up, track.cursor, now)
                track.cursor = decision.cursor
                track.waiting += decision.fires
                track.missed += decision.missed
                missed |= {definition.id: decision.missed} if decision.missed else {}
                reset += [definition.id] if decision.is_reset else []
                moments += [decision.next_at] if decision.next_at is not None else []
            elif track.waiting:
                track.waiting, has_changed = [], True
            has_changed = has_changed or before != (track.written_as, track.cursor)
        return Look(has_changed, min(moments, default=None), missed, reset)

    def waiting(self) -> Iterator[tuple[Definition, datetime.datetime]]:
        """What is to be done now, oldest first for each schedule."""
        for definition in self.definitions.values():
            if self.is_enabled(definition.id):
                for at in list(self._track(definition).waiting):
                    yield definition, at

    def settle(self, schedule_id: str, fire: Fire) -> None:
        """A moment was dealt with."""
        track = self.tracks[schedule_id]
        track.waiting = [at for at in track.waiting if at != fire.at]
        track.fired += fire.outcome != "refused"
        track.history = [*track.history, fire][-HISTORY_LIMIT:]

    def _track(self, definition: Definition) -> Track:
        return self.tracks.setdefault(definition.id, Track(written_as=""))

    def _begin_anew_if_rewritten(self, definition: Definition, track: Track) -> None:
        parts = (definition.when, definition.timezone, definition.active_hours, self.is_enabled(definition.id))
        written_as = "|".join(map(str, parts))
        if track.written_as != written_as:
            track.written_as, track.cursor = written_as, None

    def _forget(self, now: datetime.datetime) -> bool:
        old = [
            name
            for name, track in self.tracks.items()
            if name not in self.definitions and (track.cursor is None or now - track.cursor > FORGET_AFTER)
        ]
        for name in old:
            del self.tracks[name]
        return bool(old)
