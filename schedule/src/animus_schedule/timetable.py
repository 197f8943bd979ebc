"""The moments at which a schedule fires: a cadence within active hours."""

import datetime
from collections.abc import Iterator
from typing import NamedTuple

from animus_schedule.cadence import Cadence
from animus_schedule.hours import ActiveHours

__all__ = ["Timetable"]

HOPS = 1000
"""After so many days in a row without a moment inside the active hours there is none."""

_LEAST = datetime.timedelta(microseconds=1)


class Timetable(NamedTuple):
    """A cadence; its moments outside `hours` do not exist."""

    cadence: Cadence
    hours: ActiveHours | None = None

    def is_open(self, moment: datetime.datetime) -> bool:
        """Whether something may be started at `moment`."""
        return self.hours is None or self.hours.contains(moment)

    def next_after(self, moment: datetime.datetime) -> datetime.datetime | None:
        """The first moment to fire after `moment`; None when the active hours exclude all of them."""
        for _ in range(HOPS):
            at = self.cadence.next_after(moment)
            if self.hours is None or self.hours.contains(at):
                return at
            moment = max(at, self.hours.next_open(at) - _LEAST)
        return None

    def backward(self, moment: datetime.datetime) -> Iterator[datetime.datetime]:
        """The moments to fire up to and including `moment`, latest first."""
        hops = 0
        while hops < HOPS:
            at = self.cadence.latest_at(moment)
            if self.hours is None or self.hours.contains(at):
                yield at
                hops, moment = 0, at - _LEAST
            else:
                hops, moment = hops + 1, min(at - _LEAST, self.hours.last_open(at))
