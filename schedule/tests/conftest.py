"""Cron by counting minutes, written without the library that the package uses."""

import datetime
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import pytest

MINUTE = datetime.timedelta(minutes=1)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def _field(text: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for item in text.split(","):
        body, _, step = item.partition("/")
        if body == "*":
            first, last = low, high
        else:
            begin, _, end = body.partition("-")
            first, last = int(begin), int(end or begin)
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def matches(expression: str, wall: datetime.datetime) -> bool:
    texts = expression.split()
    minute, hour, day, month, weekday = (_field(text, *bounds) for text, bounds in zip(texts, RANGES, strict=True))
    is_day, is_weekday = wall.day in day, wall.isoweekday() % 7 in {number % 7 for number in weekday}
    either = texts[2] != "*" and texts[4] != "*"
    on_day = is_day or is_weekday if either else is_day and is_weekday
    return wall.minute in minute and wall.hour in hour and wall.month in month and on_day


def by_counting(
    expression: str, zone: ZoneInfo, begin: datetime.datetime, end: datetime.datetime
) -> Iterator[datetime.datetime]:
    """The rule of the package's README, minute after minute."""
    elapsing = expression.split()[1].startswith("*")
    moment, last_wall = begin, (begin - MINUTE).astimezone(zone).replace(tzinfo=None)
    while moment < end:
        local = moment.astimezone(zone)
        wall = local.replace(tzinfo=None, fold=0)
        left_out = []
        if not elapsing:
            skipped = last_wall + MINUTE
            while skipped < wall:
                left_out.append(skipped)
                skipped += MINUTE
        wanted = [wall, *left_out] if elapsing or not local.fold else left_out
        if any(matches(expression, one) for one in wanted):
            yield moment
        moment, last_wall = moment + MINUTE, wall


@pytest.fixture(scope="session")
def count_moments() -> Callable[..., list[datetime.datetime]]:
    return lambda *arguments: list(by_counting(*arguments))


@pytest.fixture(scope="session")
def at() -> Callable[[str], datetime.datetime]:
    """A moment in UTC."""
    return lambda text: datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
