"""Cron expressions as a walk over wall times; the only module that touches the cron library."""

import datetime
from collections.abc import Iterator
from typing import Any

from animus_schedule.zone import ScheduleError

__all__ = ["CronExpression"]

_SHORTCUTS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
_FIELDS = 5
_SECOND = datetime.timedelta(seconds=1)


class CronExpression:
    """Five fields, or a shortcut such as ``@daily``.

    Raises:
        ScheduleError: the text is no such expression, or names a day that no year has.
    """

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())
        self._fields = _SHORTCUTS.get(self.text.lower(), self.text)
        if len(self._fields.split()) != _FIELDS:
            raise ScheduleError(f"cron {text!r}: write five fields: minute hour day-of-month month day-of-week")
        from croniter import CroniterError, croniter  # type: ignore[import-untyped] # noqa: PLC0415 - no types, 70 ms

        self._library: Any = croniter
        library_error: type[Exception] = CroniterError
        try:
            next(self.forward(datetime.datetime(2024, 1, 1)))  # noqa: DTZ001 - wall times are naive
        except (library_error, ValueError, KeyError) as error:
            raise ScheduleError(f"cron {text!r}: {error}") from error

    @property
    def is_elapsing(self) -> bool:
        """Whether the hour is left open, so that the expression counts time rather than names times of the day."""
        return self._fields.split()[1].startswith("*")

    def forward(self, wall: datetime.datetime) -> Iterator[datetime.datetime]:
        """The matching wall times from the minute of `wall` on, rising."""
        walk = self._library(self._fields, _minute_of(wall) - _SECOND, ret_type=datetime.datetime)
        while True:
            yield walk.get_next()

    def backward(self, wall: datetime.datetime) -> Iterator[datetime.datetime]:
        """The matching wall times up to the minute of `wall`, falling."""
        walk = self._library(self._fields, _minute_of(wall) + _SECOND, ret_type=datetime.datetime)
        while True:
            yield walk.get_prev()


def _minute_of(wall: datetime.datetime) -> datetime.datetime:
    return wall.replace(second=0, microsecond=0)
