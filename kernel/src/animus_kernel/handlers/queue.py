"""The queue, as people see it: entries by id or by subject."""

import msgspec

from animus_control.errors import ControlError
from animus_kernel.dispatch.door import split_subject
from animus_kernel.kernel import Kernel
from animus_kernel.routing.seam import ask
from animus_plugin_protocol import methods
from animus_plugin_protocol.wire import control, queue, queue_care

__all__ = [
    "drop",
    "enqueue",
    "export",
    "history",
    "hold",
    "list_entries",
    "release",
    "reorder",
    "row_of",
    "stats",
    "take_in",
]

_CONTROL_WORDS = {"pending": "ready", "assigned": "in-flight"}


async def enqueue(kernel: Kernel, params: control.QueueEnqueueParams) -> control.QueueEnqueueResult:
    """Ask for work through the one door.

    Raises:
        ControlError: ``conflict`` when the subject waits or is at work with another workflow, unless a key was given.
    """
    result = await kernel.door.enqueue(params)
    kernel.wake()
    if result.enqueued:
        return result
    entries = await kernel.queue.entries([])
    there = next((row_of(entry) for entry in entries if entry.entry_id == result.entry_id), None)
    if there is None:  # it left the queue meanwhile, or its key was used before
        return result
    shown = msgspec.structs.replace(
        result, status=there.status, workflow_id=there.workflow_id, workflow_ref=there.workflow_ref
    )
    if there.workflow_ref == result.workflow_ref:
        return shown
    run = f" as {there.workflow_id}" if there.status == "assigned" and there.workflow_id else ""
    message = f"{result.subject_id} is on the queue already, {there.status} for {there.workflow_ref!r}{run}"
    if params.idempotency_key is not None:  # it is bound to that entry from now on: an answer, and no refusal
        return msgspec.structs.replace(shown, warning=f"{message}; the key stands for that entry now")
    step, details = f"animus why {there.id}", {"entry_id": there.id, "workflow_ref": there.workflow_ref}
    raise ControlError("conflict", f"{message}; nothing was enqueued", details=details, next_step=step)


async def list_entries(kernel: Kernel, params: control.QueueListParams) -> control.QueueListResult:
    """A page of entries."""
    wire = queue.QueueListParams(status=params.status, limit=params.limit, offset=params.offset)
    page = await ask(kernel.plugins, methods.QUEUE_LIST, wire, queue.QueueListResult)
    return control.QueueListResult(entries=[*map(row_of, page.entries)], total=page.total, stats=page.stats)


async def history(kernel: Kernel, params: control.QueueHistoryParams) -> queue_care.QueueHistoryResult:
    """A page of the entries that have left the queue."""
    subject_id = split_subject(params.subject)[1] if params.subject else None
    wire = queue_care.QueueHistoryParams(limit=params.limit, offset=params.offset, subject_id=subject_id)
    return await ask(kernel.plugins, methods.QUEUE_HISTORY, wire, queue_care.QueueHistoryResult)


async def export(kernel: Kernel, params: control.QueueExportParams) -> queue_care.QueueExportResult:
    """A part of the queue in the form that another queue takes in."""
    wire = queue_care.QueueExportParams(limit=params.limit, offset=params.offset)
    return await ask(kernel.plugins, methods.QUEUE_EXPORT, wire, queue_care.QueueExportResult)


async def take_in(kernel: Kernel, params: queue_care.QueueImportParams) -> queue_care.QueueImportResult:
    """Add entries that another queue exported."""
    result = await ask(kernel.plugins, methods.QUEUE_IMPORT, params, queue_care.QueueImportResult)
    kernel.wake()
    return result


async def stats(kernel: Kernel, _: control.EmptyParams) -> queue.QueueStats:
    """How many entries there are."""
    return await ask(kernel.plugins, methods.QUEUE_STATS, None, queue.QueueStats)


async def hold(kernel: Kernel, params: control.QueueHoldParams) -> control.QueueMutationResult:
    """Keep entries from being started."""
    return await _each(kernel, params.id, methods.QUEUE_HOLD, queue.QueueHoldParams(entry_id="", reason=params.reason))


async def release(kernel: Kernel, params: control.QueueEntryIdParams) -> control.QueueMutationResult:
    """Free held entries."""
    result = await _each(kernel, params.id, methods.QUEUE_RELEASE, queue.QueueEntryParams(entry_id=""))
    kernel.wake()
    return result


async def drop(kernel: Kernel, params: control.QueueEntryIdParams) -> control.QueueMutationResult:
    """Take entries off the queue; a run under way for one is told to stop."""
    result = await _each(kernel, params.id, methods.QUEUE_DROP, queue.QueueEntryParams(entry_id=""))
    if kernel.dispatcher is not None:
        for entry_id in result.changed:
            kernel.dispatcher.check_lease(entry_id)
    return result


async def reorder(kernel: Kernel, params: control.QueueReorderParams) -> queue.QueueReorderResult:
    """Put entries first."""
    wire = queue.QueueReorderParams(entry_ids=params.ids)
    return await ask(kernel.plugins, methods.QUEUE_REORDER, wire, queue.QueueReorderResult)


async def _each(
    kernel: Kernel, wanted: str, method: str, params: queue.QueueHoldParams | queue.QueueEntryParams
) -> control.QueueMutationResult:
    """Do `method` to the entry `wanted`, or to all entries of the subject `wanted`."""
    entries = await kernel.queue.entries([])
    ids = [entry.entry_id for entry in entries if entry.entry_id == wanted]
    if not ids and ":" in wanted:
        _, subject_id = split_subject(wanted)
        ids = [entry.entry_id for entry in entries if subject_id in {entry.subject_id, row_of(entry).subject_id}]
    if not ids:
        raise ControlError("not_found", f"there is no queue entry {wanted!r}", next_step="animus queue list")
    changed: list[str] = []
    for entry_id in ids:
        changes = msgspec.structs.replace(params, entry_id=entry_id)
        result = await ask(kernel.plugins, method, changes, queue.QueueMutationResult)
        if result.changed:
            changed.append(entry_id)
    return control.QueueMutationResult(changed=changed, unchanged=[one for one in ids if one not in changed])


def row_of(entry: queue.QueueEntry) -> control.QueueEntryRow:
    """An entry as clients see it."""
    lease = entry.execution.queue_lease if entry.execution else None
    subject = entry.subject_dispatch.subject
    return control.QueueEntryRow(
        id=entry.entry_id,
        subject_id=entry.subject_id if subject is None else split_subject(f"{subject.kind}:{subject.id}")[1],
        workflow_ref=entry.subject_dispatch.workflow_ref,
        status=entry.status,
        control_status=_CONTROL_WORDS.get(entry.status, entry.status),
        enqueued_at=entry.enqueued_at,
        priority=entry.subject_dispatch.priority,
        workflow_id=entry.workflow_id,
        run_at=entry.run_at,
        hold_reason=entry.hold_reason,
        lease_owner=lease.owner_id if lease else None,
        lease_expires_at=lease.expires_at.isoformat() if lease else None,
    )
