"""Schedules, on the control socket."""

import datetime
from typing import Annotated

from msgspec import Meta

from animus_plugin_protocol.wire.presence import Wire

__all__ = [
    "ScheduleFire",
    "ScheduleHistoryParams",
    "ScheduleHistoryResult",
    "ScheduleIdParams",
    "ScheduleListParams",
    "ScheduleListResult",
    "ScheduleRow",
]


class ScheduleIdParams(Wire, frozen=True, kw_only=True):
    """Which schedule."""

    id: Annotated[str, Meta(description="The schedule's id.")]


class ScheduleRow(Wire, frozen=True, kw_only=True):
    """A schedule and where it is. `disabled_reason` says why it does not fire."""

    id: str
    workflow_ref: str
    when: str
    timezone: str
    enabled: bool
    catch_up: str
    next_at: datetime.datetime | None = None
    last_at: datetime.datetime | None = None
    fired: int = 0
    missed: int = 0
    waiting: int = 0
    """Moments whose dispatch is not on the queue yet."""
    active_hours: str | None = None
    disabled_reason: str | None = None
    description: str | None = None


class ScheduleListParams(Wire, frozen=True, kw_only=True):
    """Which page of the schedules."""

    limit: Annotated[int, Meta(description="Rows a page.", ge=1)] = 50
    offset: Annotated[int, Meta(description="Rows to leave out.", ge=0)] = 0


class ScheduleListResult(Wire, frozen=True, kw_only=True):
    """A page of the schedules of the project; `total` counts them before paging."""

    schedules: list[ScheduleRow]
    total: int


class ScheduleHistoryParams(Wire, frozen=True, kw_only=True):
    """The latest moments of a schedule."""

    id: Annotated[str, Meta(description="The schedule's id.")]
    limit: Annotated[int, Meta(description="The most rows.", ge=1)] = 20


class ScheduleFire(Wire, frozen=True, kw_only=True):
    """What became of a moment: ``enqueued``, ``folded`` into an entry that still waits or runs, or ``refused``."""

    at: datetime.datetime
    done_at: datetime.datetime
    outcome: str
    entry_id: str | None = None
    reason: str | None = None


class ScheduleHistoryResult(Wire, frozen=True, kw_only=True):
    """Newest first."""

    fires: list[ScheduleFire]
