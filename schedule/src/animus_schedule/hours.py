"""Active hours: the part of every day in which something may be started."""

import datetime
import re
from collections.abc import Iterator

from animus_schedule.zone import ScheduleError, changes_between, instants_of, load_zone, wall_of

__all__ = ["ActiveHours"]

_FORM = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)-([01]?\d|2[0-4]):([0-5]\d)")
_MINUTE = datetime.timedelta(minutes=1)
_DAY = datetime.timedelta(days=1)
_DAY_MINUTES = 24 * 60
_LEAST = datetime.timedelta(microseconds=1)


class ActiveHours:
    """From ``HH:MM`` until before ``HH:MM`` by a clock in `timezone`; hours that end before they begin pass midnight.

    Raises:
        ScheduleError: the text or the zone cannot be understood.
    """

    def __init__(self, text: str, timezone: str = "UTC") -> None:
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ScheduleError(f"active hours {text!r}: write them as in 08:00-18:30")
        start_hour, start_minute, end_hour, end_minute = map(int, match.groups())
        self._start, self._end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
        if max(self._start, self._end) > _DAY_MINUTES or self._start == self._end:
            raise ScheduleError(f"active hours {text!r}: the day has 24 hours, and the two times have to differ")
        self._zone = load_zone(timezone)

    def contains(self, moment: datetime.datetime) -> bool:
        """Whether `moment` lies in the hours."""
        wall = wall_of(moment, self._zone)
        minute = wall.hour * 60 + wall.minute
        if self._start < self._end:
            return self._start <= minute < self._end
        return minute >= self._start or minute < self._end

    def next_open(self, moment: datetime.datetime) -> datetime.datetime:
        """`moment` if it lies in the hours, else when they begin next."""
        if self.contains(moment):
            return moment
        edges = self._edges(moment, self._start, (-1, 0, 1, 2))
        return min(edge for edge in edges if edge >= moment and self.contains(edge))

    def last_open(self, moment: datetime.datetime) -> datetime.datetime:
        """`moment` if it lies in the hours, else the last moment before it that does."""
        if self.contains(moment):
            return moment
        edges = (edge - _LEAST for edge in self._edges(moment, self._end, (1, 0, -1, -2)))
        return max(last for last in edges if last < moment and self.contains(last))

    def _edges(self, moment: datetime.datetime, minute: int, days: tuple[int, ...]) -> Iterator[datetime.datetime]:
        """When the clock shows `minute` of the days around `moment`, and when it is moved: hours change at no other."""
        midnight = _midnight(wall_of(moment, self._zone))
        for day in days:
            wall = midnight + _DAY * day + _MINUTE * minute
            yield from instants_of(wall, self._zone)
            yield from instants_of(wall, self._zone, elapsing=True)
        yield from changes_between(moment + _DAY * min(days), moment + _DAY * max(days), self._zone)


def _midnight(wall: datetime.datetime) -> datetime.datetime:
    return wall.replace(hour=0, minute=0, second=0, microsecond=0)
