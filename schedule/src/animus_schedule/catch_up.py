"""What to do now about the moments since the last look: the catch-up policy of a schedule, as one pure decision."""

import datetime
import enum
import itertools
from typing import NamedTuple

from animus_schedule.timetable import Timetable

__all__ = ["ALL_LIMIT", "COUNT_LIMIT", "ON_TIME", "RESET_AFTER", "CatchUp", "Decision", "decide"]

ON_TIME = datetime.timedelta(seconds=60)
"""A moment no older than this is on time: timers are late, machines are busy."""

ALL_LIMIT = 20
"""The most moments that `CatchUp.ALL` catches up with at once: the latest ones."""

COUNT_LIMIT = 256
"""Missed moments are counted up to this number."""

RESET_AFTER = datetime.timedelta(hours=1)
"""A clock that went back by less is waited for, so that nothing fires twice; by more, and counting begins anew."""


class CatchUp(enum.StrEnum):
    """What happens with moments that passed while nobody looked."""

    FIRE_ONCE = "fire_once"
    """The latest one is fired, however late; it stands for all of them."""
    SKIP = "skip"
    """Only one that is on time is fired."""
    ALL = "all"
    """Each is fired, oldest first, at most `ALL_LIMIT`."""


class Decision(NamedTuple):
    """What to fire, and where the next decision begins.

    Attributes:
        fires: the moments to fire now, oldest first.
        missed: how many moments were passed over, at most `COUNT_LIMIT`.
        cursor: everything up to here is dealt with; keep it before anything is fired.
        next_at: when to decide again; None for never.
        is_reset: the clock had gone back so far that counting began anew.
    """

    fires: tuple[datetime.datetime, ...]
    missed: int
    cursor: datetime.datetime
    next_at: datetime.datetime | None
    is_reset: bool = False


def decide(timetable: Timetable, policy: CatchUp, cursor: datetime.datetime | None, now: datetime.datetime) -> Decision:
    """Decide about the moments after `cursor` up to `now`.

    A schedule that is seen for the first time (`cursor` None) begins now. Outside the active hours nothing is caught
    up with: what was missed waits until they open.
    """
    is_reset = cursor is not None and cursor - now > RESET_AFTER
    if cursor is None or is_reset:
        return Decision((), 0, now, timetable.next_after(now), is_reset)
    following = timetable.next_after(max(now, cursor))
    since: datetime.datetime = cursor
    latest = timetable.backward(now)
    due = list(itertools.islice(itertools.takewhile(lambda at: at > since, latest), COUNT_LIMIT))
    if not due:
        return Decision((), 0, cursor, following)
    is_on_time = now - due[0] <= ON_TIME
    if timetable.hours is not None and not timetable.is_open(now) and not is_on_time:
        return Decision((), 0, cursor, timetable.hours.next_open(now))
    kept = {CatchUp.FIRE_ONCE: 1, CatchUp.SKIP: int(is_on_time), CatchUp.ALL: ALL_LIMIT}[policy]
    return Decision(tuple(reversed(due[:kept])), max(len(due) - kept, 0), due[0], following)
