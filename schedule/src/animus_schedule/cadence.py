"""The moments a schedule names, before active hours: by a cron expression on a wall clock, or every so many seconds."""

import datetime
from collections.abc import Iterator
from typing import Protocol

from animus_schedule.cron import CronExpression
from animus_schedule.zone import ScheduleError, instants_of, load_zone, wall_of

__all__ = ["Cadence", "CronCadence", "EveryCadence"]

_SLACK = datetime.timedelta(hours=3)
"""No change of an offset since 1970 moves a clock back by more; where clocks skip a whole day, forward is enough."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Cadence(Protocol):
    """A rising row of moments without end."""

    def next_after(self, moment: datetime.datetime) -> datetime.datetime:
        """The first one later than `moment`."""
        ...

    def latest_at(self, moment: datetime.datetime) -> datetime.datetime:
        """The last one that is not later than `moment`."""
        ...


class CronCadence:
    """The moments at which a clock in `timezone` shows a time that `expression` names.

    A time of the day that daylight saving leaves out is moved to the moment the clocks go forward; one that comes
    twice counts the first time. An expression whose hour is open (``*/15 * * * *``) counts time instead: every hour
    has its four quarters, also the repeated one.

    Raises:
        ScheduleError: the expression or the zone cannot be understood.
    """

    def __init__(self, expression: str, timezone: str = "UTC") -> None:
        self._cron = CronExpression(expression)
        self._zone = load_zone(timezone)

    def next_after(self, moment: datetime.datetime) -> datetime.datetime:
        """The first one later than `moment`."""
        best: datetime.datetime | None = None
        for wall in self._cron.forward(wall_of(moment, self._zone) - self._slack(moment)):
            if best is not None and self._earliest(wall) >= best:
                break
            later = [instant for instant in self._instants(wall) if instant > moment]
            if later:
                best = later[0] if best is None else min(best, later[0])
                if not self._slack(best):
                    break
        return best or moment  # the walk has no end, so there always is one

    def latest_at(self, moment: datetime.datetime) -> datetime.datetime:
        """The last one that is not later than `moment`."""
        best: datetime.datetime | None = None
        for wall in self._cron.backward(wall_of(moment, self._zone) + self._slack(moment)):
            if best is not None and self._latest(wall) <= best:
                break
            earlier = [instant for instant in self._instants(wall) if instant <= moment]
            if earlier:
                best = earlier[-1] if best is None else max(best, earlier[-1])
                if not self._slack(best):
                    break
        return best or moment

    def _instants(self, wall: datetime.datetime) -> tuple[datetime.datetime, ...]:
        return instants_of(wall, self._zone, elapsing=self._cron.is_elapsing)

    def _earliest(self, wall: datetime.datetime) -> datetime.datetime:
        return min(self._both(wall))

    def _latest(self, wall: datetime.datetime) -> datetime.datetime:
        return max(self._both(wall))

    def _both(self, wall: datetime.datetime) -> Iterator[datetime.datetime]:
        return (wall.replace(tzinfo=self._zone, fold=fold).astimezone(datetime.UTC) for fold in (0, 1))

    def _slack(self, moment: datetime.datetime) -> datetime.timedelta:
        """How far around `moment` the order of wall times may differ from that of moments."""
        offsets = {(moment + delta).astimezone(self._zone).utcoffset() for delta in (-_SLACK, _SLACK * 0, _SLACK)}
        return _SLACK if len(offsets) > 1 else _SLACK * 0


class EveryCadence:
    """The moments whose distance from 1970-01-01T00:00Z is a multiple of `seconds`: no restart moves them.

    Raises:
        ScheduleError: `seconds` is not positive.
    """

    def __init__(self, seconds: int) -> None:
        if seconds < 1:
            raise ScheduleError(f"every {seconds} seconds: write a whole number of seconds of at least 1")
        self._step = datetime.timedelta(seconds=seconds)

    def next_after(self, moment: datetime.datetime) -> datetime.datetime:
        """The first one later than `moment`."""
        return self.latest_at(moment) + self._step

    def latest_at(self, moment: datetime.datetime) -> datetime.datetime:
        """The last one that is not later than `moment`."""
        return _EPOCH + (moment - _EPOCH) // self._step * self._step
