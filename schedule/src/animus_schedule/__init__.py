"""When a schedule fires: cron times, time zones, active hours and what to do about missed times.

Pure: nothing here reads a clock, a file or the network. Moments are aware datetimes in UTC.
"""

from animus_schedule.book import Book, Fire, Look, Track
from animus_schedule.cadence import Cadence, CronCadence, EveryCadence
from animus_schedule.catch_up import CatchUp, Decision, decide
from animus_schedule.definition import Definition
from animus_schedule.hours import ActiveHours
from animus_schedule.timetable import Timetable
from animus_schedule.zone import ScheduleError

__all__ = [
    "ActiveHours",
    "Book",
    "Cadence",
    "CatchUp",
    "CronCadence",
    "Decision",
    "Definition",
    "EveryCadence",
    "Fire",
    "Look",
    "ScheduleError",
    "Timetable",
    "Track",
    "decide",
]
