"""One schedule as its authors wrote it, and the timetable that follows from it."""

import dataclasses
from typing import Any

from animus_schedule.cadence import CronCadence, EveryCadence
from animus_schedule.catch_up import CatchUp
from animus_schedule.hours import ActiveHours
from animus_schedule.timetable import Timetable
from animus_schedule.zone import ScheduleError

__all__ = ["Definition"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Definition:
    """When to ask for which work. Exactly one of `cron` and `every_secs` is given.

    Attributes:
        active_hours: ``HH:MM-HH:MM`` in `timezone`.
        disabled_reason: why it cannot fire, whoever switches it on.
        subject: ``kind:id``; without one the work is about the schedule itself.
    """

    id: str
    workflow_ref: str
    cron: str | None = None
    every_secs: int | None = None
    timezone: str = "UTC"
    active_hours: str | None = None
    catch_up: CatchUp = CatchUp.FIRE_ONCE
    enabled: bool = True
    disabled_reason: str | None = None
    subject: str | None = None
    title: str | None = None
    input: Any = None
    vars: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    priority: str | None = None
    description: str | None = None

    @property
    def when(self) -> str:
        """For people."""
        return self.cron if self.cron is not None else f"every {self.every_secs} s"

    def timetable(self) -> Timetable:
        """The moments it fires.

        Raises:
            ScheduleError: what is written cannot be understood.
        """
        if (self.cron is None) == (self.every_secs is None):
            raise ScheduleError(f"schedule {self.id!r}: write either cron or every")
        hours = None if self.active_hours is None else ActiveHours(self.active_hours, self.timezone)
        if self.cron is not None:
            return Timetable(CronCadence(self.cron, self.timezone), hours)
        return Timetable(EveryCadence(self.every_secs or 0), hours)
