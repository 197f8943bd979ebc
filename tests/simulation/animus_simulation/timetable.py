"""When the schedules of the simulation should have fired, counted minute by minute, and what became of that.

It walks through the minutes and looks at a wall clock, and shares no code with the real timetable.
"""

import datetime
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from animus_schedule.catch_up import COUNT_LIMIT
from animus_simulation.workflows import SCHEDULES

__all__ = ["judge_schedules"]

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
MINUTE = datetime.timedelta(minutes=1)
LATE = datetime.timedelta(minutes=20)
"""So long after a moment it is decided, once nothing goes wrong; the last restart and its back-off lie in between."""


def _every_ten_minutes(moment: datetime.datetime) -> bool:
    return moment.minute % 10 == 0


def _every_hour(moment: datetime.datetime) -> bool:
    return moment.minute == 0


def _at_half_past_two(moment: datetime.datetime) -> bool:
    """02:30 in Berlin, the first of two; on the day that has none, when the clocks move."""
    local, before = moment.astimezone(BERLIN), (moment - MINUTE).astimezone(BERLIN)
    if (local.hour, local.minute) == (2, 30):
        return not local.fold
    return before.hour < 2 <= local.hour and (local.hour, local.minute) > (2, 30)


MOMENTS: Mapping[str, Callable[[datetime.datetime], bool]] = {
    "often": _every_ten_minutes,
    "hourly": _every_hour,
    "nightly": _at_half_past_two,
    "punctual": _at_half_past_two,
}


class _Track(msgspec.Struct):
    cursor: datetime.datetime | None = None
    waiting: list[datetime.datetime] = []
    missed: int = 0
    history: list[dict[str, Any]] = []


class _Stored(msgspec.Struct):
    schedules: dict[str, _Track] = {}


def judge_schedules(
    state_dir: Path, keys: set[str], now: datetime.datetime, *, is_settled: bool, longest_leap: float
) -> Iterator[str]:
    """What is wrong with what has fired.

    Args:
        state_dir: where the kernel keeps how far each schedule is.
        keys: of everything that was ever enqueued.
        now: the wall clock.
        is_settled: nothing has gone wrong for long.
        longest_leap: by how many seconds the clock was set forward at most, all at once or while nobody looked.
    """
    path = state_dir / "state" / "schedule-state.json"
    stored = msgspec.json.decode(path.read_bytes(), type=_Stored) if path.exists() else _Stored()
    for schedule_id in SCHEDULES:
        is_moment, track = MOMENTS[schedule_id], stored.schedules.get(schedule_id, _Track())
        prefix = f"schedule:{schedule_id}:"
        fired = {datetime.datetime.fromisoformat(key.removeprefix(prefix)) for key in keys if key.startswith(prefix)}
        yield from (f"{schedule_id} fired at {at}, which is no moment of it" for at in fired if not is_moment(at))
        if not fired or track.cursor is None:
            continue
        refused = {str(fire["at"]) for fire in track.history if fire["outcome"] == "refused"}
        known = fired | {*track.waiting} | {datetime.datetime.fromisoformat(at) for at in refused}
        passed = {at for at in _minutes(min(fired), track.cursor) if is_moment(at)}
        if len(passed - known) > track.missed and track.missed + 1 < COUNT_LIMIT:
            yield f"{schedule_id} passed over {sorted(passed - known)} and counts {track.missed} as missed"
        if SCHEDULES[schedule_id] == "all" and track.missed and longest_leap < 3600:
            yield f"{schedule_id} is to catch up with everything and missed {track.missed}"
        due = [at for at in _minutes(track.cursor + MINUTE, now - LATE) if is_moment(at)]
        if is_settled and due:
            yield f"{schedule_id} has not decided about {due[0]}, and it is {now}"


def _minutes(first: datetime.datetime, last: datetime.datetime) -> Iterator[datetime.datetime]:
    moment = first.replace(second=0, microsecond=0)
    while moment <= last:
        if moment >= first:
            yield moment
        moment += MINUTE
