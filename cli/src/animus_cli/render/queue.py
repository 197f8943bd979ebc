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

__all__ = ["changed", "counts", "page", "receipt", "reordered"]

_COLUMNS = [
    Column("ENTRY"),
    Column("STATUS", status=True),
    Column("SUBJECT", flexible=True),
    Column("WORKFLOW", flexible=True),
    Column("PRIORITY"),
    Column("ENQUEUED"),
    Column("NOTE", flexible=True),
]


def receipt(result: QueueEnqueueResult, screen: Screen) -> list[str]:
    """What now stands in the queue."""
    verb = "Enqueued" if result.enqueued else "Already in the queue:"
    lines = [clean(f"{verb} {result.subject_id} for {result.workflow_ref} as entry {result.entry_id}.")]
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
