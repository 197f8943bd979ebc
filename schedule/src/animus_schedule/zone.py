"""What a clock on a wall shows and when: the hour that is missing in spring, the one that comes twice in autumn."""

import datetime
from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["ScheduleError", "changes_between", "instants_of", "load_zone", "wall_of"]


_STEP = datetime.timedelta(hours=6)


class ScheduleError(ValueError):
    """A cron expression, a time zone or hours that cannot be understood; the message quotes the text."""


def load_zone(name: str) -> ZoneInfo:
    """The time zone `name`.

    Raises:
        ScheduleError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ScheduleError(f"there is no time zone {name!r}; write it as in Europe/Berlin") from error


def wall_of(moment: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
    """What a clock in `zone` shows at `moment`: a naive datetime."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def instants_of(wall: datetime.datetime, zone: ZoneInfo, *, elapsing: bool = False) -> tuple[datetime.datetime, ...]:
    """The moments that stand for the wall time `wall`, earliest first.

    A wall time that comes twice stands for its first moment, one that is left out for the moment the clocks move
    forward. With `elapsing` wall times are only a way to count: twice is twice and left out is left out.
    """
    first = wall.replace(tzinfo=zone, fold=0).astimezone(datetime.UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(datetime.UTC)
    if first == second:
        return (first,)
    if first < second:
        return (first, second) if elapsing else (first,)
    return () if elapsing else (_transition(second, first, zone),)


def changes_between(begin: datetime.datetime, end: datetime.datetime, zone: ZoneInfo) -> Iterator[datetime.datetime]:
    """The moments at which the clocks of `zone` are moved; two within six hours are not told apart."""
    while begin < end:
        following = min(begin + _STEP, end)
        if begin.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            yield _transition(begin, following, zone)
        begin = following


def _transition(before: datetime.datetime, after: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
    """The second between the two moments at which the offset of `zone` changes."""
    low, high = int(before.timestamp()), int(after.timestamp())
    old = before.astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.datetime.fromtimestamp(middle, zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return datetime.datetime.fromtimestamp(high, datetime.UTC)
