"""``schedule`` commands."""

import datetime

from animus_cli.table import Column, ago, duration, facts, table
from animus_cli.terminal import Screen
from animus_plugin_protocol.wire.control import ScheduleHistoryResult, ScheduleListResult, ScheduleRow

__all__ = ["one", "page", "past"]

_COLUMNS = [
    Column("SCHEDULE"),
    Column("WHEN"),
    Column("WORKFLOW", flexible=True),
    Column("STATE", status=True),
    Column("NEXT"),
    Column("LAST"),
    Column("NOTE", flexible=True),
]
_FIRES = [Column("MOMENT"), Column("OUTCOME"), Column("ENTRY"), Column("REASON", flexible=True)]


def page(result: ScheduleListResult, screen: Screen) -> list[str]:
    """A table of schedules."""
    if not result.schedules:
        return ["There are no schedules. They stand under schedules: in .animus/workflows.yaml."]
    rows = [
        [row.id, f"{row.when} {row.timezone}", row.workflow_ref, _state(row), _until(row.next_at, screen),
         ago(row.last_at, screen), row.disabled_reason or row.description or ""]
        for row in result.schedules
    ]  # fmt: skip
    lines = table(_COLUMNS, rows, screen)
    hidden = result.total - len(rows)
    return lines if hidden <= 0 else [*lines, f"{len(rows)} of {result.total}; more with --offset"]


def one(row: ScheduleRow, screen: Screen) -> list[str]:
    """Everything about one schedule."""
    lines = facts(
        [
            ("schedule", row.id),
            ("about", row.description or ""),
            ("workflow", row.workflow_ref),
            ("when", f"{row.when} ({row.timezone})"),
            ("hours", row.active_hours or ""),
            ("state", _state(row)),
            ("reason", row.disabled_reason or ""),
            ("next", "" if row.next_at is None else f"{row.next_at.isoformat()} ({_until(row.next_at, screen)})"),
            ("last", ago(row.last_at, screen)),
            ("fired", f"{row.fired}, missed {row.missed} (catch up: {row.catch_up})"),
            ("not on the queue yet", str(row.waiting) if row.waiting else ""),
        ],
        screen,
    )
    return lines if row.enabled else [*lines, f"next: animus schedule enable {row.id}"]


def past(result: ScheduleHistoryResult, screen: Screen) -> list[str]:
    """What became of its latest moments."""
    if not result.fires:
        return ["It has not fired yet. next: animus schedule list"]
    rows = [[fire.at.isoformat(), fire.outcome, fire.entry_id or "", fire.reason or ""] for fire in result.fires]
    return table(_FIRES, rows, screen)


def _state(row: ScheduleRow) -> str:
    return "ready" if row.enabled else "disabled"


def _until(moment: datetime.datetime | None, screen: Screen) -> str:
    return "" if moment is None else f"in {duration((moment - screen.now).total_seconds())}"
