"""``queue`` commands."""

from animus_cli.table import Column, ago, facts, paragraph, parse_moment, table
from animus_cli.terminal import Screen, clean
from animus_plugin_protocol.wire.control import (
    QueueEnqueueResult,
    QueueEntryRow,
    QueueListResult,
    QueueMutationResult,
)
from animus_plugin_protocol.wire.queue import QueueReorderResult, QueueStats
from animus_plugin_protocol.wire.queue_care import QueueHistoryResult, QueueImportResult

__all__ = ["changed", "counts", "page", "past", "receipt", "reordered", "taken_in"]

_COLUMNS = [
    Column("ENTRY"),
    Column("STATUS", status=True),
    Column("SUBJECT", flexible=True),
    Column("WORKFLOW", flexible=True),
    Column("PRIORITY"),
    Column("ENQUEUED"),
    Column("NOTE", flexible=True),
]

_PAST = [
    Column("ENTRY"),
    Column("OUTCOME", status=True),
    Column("SUBJECT", flexible=True),
    Column("WORKFLOW", flexible=True),
    Column("LEFT"),
    Column("RUN"),
    Column("REASON", flexible=True),
]


def receipt(result: QueueEnqueueResult, screen: Screen) -> list[str]:
    """What now stands in the queue."""
    verb = "Enqueued" if result.enqueued else "Already in the queue:"
    where = f", {result.status}" if result.status else ""
    run = f", run {result.workflow_id}" if result.workflow_id else ""
    lines = [clean(f"{verb} {result.subject_id} for {result.workflow_ref} as entry {result.entry_id}{where}{run}.")]
    return [*lines, *paragraph(f"warning: {result.warning}", screen)] if result.warning else lines


def page(result: QueueListResult, screen: Screen) -> list[str]:
    """A table of entries, and how many there are in all."""
    if not result.entries:
        return ["The queue is empty." if not result.stats.total else "No entry matches."]
    rows = [
        [
            entry.id,
            entry.status,
            entry.subject_id,
            entry.workflow_ref,
            entry.priority or "",
            ago(parse_moment(entry.enqueued_at), screen),
            _note(entry),
        ]
        for entry in result.entries
    ]
    lines = table(_COLUMNS, rows, screen)
    hidden = result.total - len(result.entries)
    return lines if hidden <= 0 else [*lines, f"{len(result.entries)} of {result.total}; more with --offset"]


def past(result: QueueHistoryResult, screen: Screen) -> list[str]:
    """A table of entries that have left the queue."""
    if not result.entries:
        return ["No entry has left the queue."]
    rows = [
        [
            entry.entry_id,
            entry.outcome,
            entry.subject_id,
            entry.workflow_ref,
            ago(parse_moment(entry.finished_at), screen),
            entry.workflow_id or "",
            entry.reason or "",
        ]
        for entry in result.entries
    ]
    lines = table(_PAST, rows, screen)
    return lines if result.next_offset is None else [*lines, f"There are more: --offset {result.next_offset}"]


def taken_in(result: QueueImportResult, screen: Screen) -> list[str]:
    """How many entries were added, and why others were not."""
    lines = [f"{result.imported} entries were added. next: animus queue list"]
    for skipped in result.skipped:
        lines += paragraph(f"left out: {skipped.entry_id}: {skipped.reason}", screen)
    return lines


def counts(result: QueueStats, screen: Screen) -> list[str]:
    """How many entries are in which status."""
    return facts(
        [
            ("total", str(result.total)),
            ("pending", str(result.pending)),
            ("assigned", str(result.assigned)),
            ("held", str(result.held)),
            ("not due yet", str(result.deferred)),
        ],
        screen,
    )


def changed(result: QueueMutationResult, screen: Screen) -> list[str]:
    """Which entries changed."""
    lines: list[str] = []
    if result.changed:
        lines += paragraph(f"Changed: {', '.join(result.changed)}", screen)
    if result.unchanged:
        lines += paragraph(f"Nothing to change: {', '.join(result.unchanged)}", screen)
    return lines or ["No entry matches."]


def reordered(result: QueueReorderResult, screen: Screen) -> list[str]:
    """How many entries stand first now."""
    return paragraph(f"{result.reordered_count} moved to the front. next: animus queue list", screen)


def _note(entry: QueueEntryRow) -> str:
    if entry.hold_reason:
        return entry.hold_reason
    if entry.workflow_id:
        return entry.workflow_id
    return f"not before {entry.run_at}" if entry.run_at else ""
