"""The methods that look into the queue and move it: ``queue/why``, ``history``, ``export`` and ``import``."""

from animus_plugin_protocol import Plugin, methods
from animus_plugin_protocol.wire.queue_care import (
    QueueAuditLine,
    QueueExportParams,
    QueueExportResult,
    QueueHistoryEntry,
    QueueHistoryParams,
    QueueHistoryResult,
    QueueImportParams,
    QueueImportResult,
    QueueImportSkip,
    QueueWhyParams,
    QueueWhyResult,
)
from animus_queue_default.model.entry import Finished
from animus_queue_default.model.moment import format_moment
from animus_queue_default.operations.explanation import explain
from animus_queue_default.operations.view import finished_page
from animus_queue_default.wire.desk import Desk
from animus_queue_default.wire.limits import require_not_negative
from animus_queue_default.wire.transfer import export_entries, import_entries
from animus_queue_default.wire.translation import fence_to_wire

__all__ = ["register"]


def register(plugin: Plugin, desk: Desk) -> None:
    """Let `plugin` serve the methods from `desk`."""
    serve = _Care(desk)
    plugin.register_method(methods.QUEUE_WHY, serve.why, inline=True)
    plugin.register_method(methods.QUEUE_HISTORY, serve.history, inline=True)
    plugin.register_method(methods.QUEUE_EXPORT, serve.export, inline=True)
    plugin.register_method(methods.QUEUE_IMPORT, serve.take_in, inline=True)


class _Care:
    """Handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def why(self, params: QueueWhyParams) -> QueueWhyResult:
        with self._desk as desk:
            found = explain(desk.store(), desk.clock, params.entry_id)
            return QueueWhyResult(
                entry_id=found.entry_id,
                status=found.status,
                explanation=found.text,
                remedy=found.remedy,
                subject_id=found.subject,
                block_reason=found.block_reason,
                conflicts_with=found.conflicts_with,
                execution=None if found.fence is None else fence_to_wire(found.fence),
                audit=[
                    QueueAuditLine(
                        at=format_moment(line.at),
                        method=line.operation,
                        from_status=line.from_status,
                        to_status=line.to_status,
                        reason=line.reason or None,
                    )
                    for line in found.audit
                ],
            )

    def history(self, params: QueueHistoryParams) -> QueueHistoryResult:
        with self._desk as desk:
            require_not_negative(limit=params.limit, offset=params.offset)
            offset = params.offset or 0
            source = desk.store().finished(offset)
            page = finished_page(source, subject=params.subject_id, limit=params.limit, offset=offset)
            return QueueHistoryResult(
                entries=[_finished_to_wire(item) for item in page.entries], next_offset=page.next_offset
            )

    def export(self, params: QueueExportParams) -> QueueExportResult:
        with self._desk as desk:
            require_not_negative(limit=params.limit, offset=params.offset)
            page = export_entries(desk.store(), limit=params.limit, offset=params.offset or 0)
            return QueueExportResult(
                entries=page.entries, subject_generations=page.generations, next_offset=page.next_offset
            )

    def take_in(self, params: QueueImportParams) -> QueueImportResult:
        with self._desk as desk:
            store = desk.store(create=True)
            result = import_entries(store, desk.clock, params.entries, params.subject_generations)
            skipped = [QueueImportSkip(entry_id=entry_id, reason=reason) for entry_id, reason in result.skipped]
            return QueueImportResult(imported=result.imported, skipped=skipped)


def _finished_to_wire(finished: Finished) -> QueueHistoryEntry:
    return QueueHistoryEntry(
        entry_id=finished.entry_id,
        subject_id=finished.subject,
        workflow_ref=finished.workflow_ref,
        outcome=finished.outcome.value,
        enqueued_at=format_moment(finished.enqueued_at),
        finished_at=format_moment(finished.finished_at),
        finished_by=finished.finished_by,
        reason=finished.reason,
        workflow_id=finished.standing.workflow_id,
        idempotency_keys=[bound.key for bound in finished.keys],
    )
