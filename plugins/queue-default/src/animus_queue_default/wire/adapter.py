"""The queue behind the plugin protocol: one small handler per method of section 3.7.

All of them run inline: they are bounded by one sync, and requests that arrive together share it.
"""

from animus_plugin_protocol import Plugin, methods
from animus_plugin_protocol.wire.dispatch import FenceSubject
from animus_plugin_protocol.wire.lifecycle import EnvRequirement
from animus_plugin_protocol.wire.queue import (
    QueueCapabilities,
    QueueCompletionParams,
    QueueEnqueueParams,
    QueueEnqueueResult,
    QueueEntryParams,
    QueueHoldParams,
    QueueLeaseParams,
    QueueLeaseResult,
    QueueListParams,
    QueueListResult,
    QueueMarkAssignedParams,
    QueueMutationResult,
    QueueNextDeadlineResult,
    QueueReleasePendingParams,
    QueueReleasePendingResult,
    QueueReorderParams,
    QueueReorderResult,
    QueueStats,
)
from animus_plugin_protocol.wire.queue_v2 import (
    FencedCompletionParams,
    FencedEnqueueParams,
    FencedEnqueueResult,
    FencedLeaseParams,
    FencedLeaseResult,
    FencedMutationResult,
    FencedRecoverParams,
    FencedReleasePendingParams,
    FencedRenewParams,
)
from animus_queue_default.clock import Clock, SystemClock
from animus_queue_default.fault import InvalidRequestError
from animus_queue_default.model.identity import Mint, mint_id
from animus_queue_default.model.lease import TTL_SETTING
from animus_queue_default.model.status import Status
from animus_queue_default.operations.fenced import MAX_LEASE_BATCH
from animus_queue_default.operations.unfenced import checked_outcome, require_id_count
from animus_queue_default.operations.view import list_entries, totals
from animus_queue_default.storage.files import Files
from animus_queue_default.wire import care, translation
from animus_queue_default.wire.desk import Desk
from animus_queue_default.wire.limits import require_not_negative, require_short
from animus_queue_default.wire.place import CONFIG_SETTING

__all__ = ["NAME", "VERSION", "build"]

NAME = "animus-queue-default"
VERSION = "0.1.0"
_QUEUE = methods.METHODS[methods.QUEUE_LEASE].kind


def build(clock: Clock | None = None, files: Files | None = None, mint: Mint = mint_id) -> Plugin:
    """The plugin, with every method of the queue registered.

    Args:
        clock: where the time comes from; the machine's unless a test brings its own.
        files: the operating system, likewise.
        mint: makes the ids, likewise.
    """
    desk = Desk(clock or SystemClock(), files, mint)
    plugin = Plugin(NAME, VERSION, description="The default Animus queue: fenced leases in a checksummed journal.")
    _register_unfenced(plugin, _Unfenced(desk))
    _register_fenced(plugin, _Fenced(desk))
    care.register(plugin, desk)
    plugin.register_flush(desk.flush)
    plugin.on_initialize(desk.bind)
    plugin.on_shutdown(desk.close)
    plugin.on_health(desk.health)
    plugin.advertise(
        _QUEUE,
        QueueCapabilities(priority_weighted=True, max_lease_batch=MAX_LEASE_BATCH, generation_fenced_leases_v1=True),
    )
    plugin.require_env(EnvRequirement(name=CONFIG_SETTING, description="where state is kept instead of ~/.animus"))
    plugin.require_env(
        EnvRequirement(name=TTL_SETTING, description="how many seconds a lease lives without renewal, 1 to 604800")
    )
    return plugin


class _Unfenced:
    """Handlers of the first generation."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def enqueue(self, params: QueueEnqueueParams) -> QueueEnqueueResult:
        with self._desk as desk:
            request = translation.request_from_wire(params.subject_dispatch, params.run_at, params.expire_after_secs)
            receipt = desk.queue(create=True).enqueue(request)
            return QueueEnqueueResult(
                enqueued=receipt.enqueued,
                entry_id=receipt.entry_id,
                subject_id=receipt.subject,
                warning=receipt.warning,
            )

    def list(self, params: QueueListParams) -> QueueListResult:
        with self._desk as desk:
            require_not_negative(limit=params.limit, offset=params.offset)
            page = list_entries(
                desk.store(), desk.clock, statuses=params.status, limit=params.limit, offset=params.offset or 0
            )
            return QueueListResult(
                entries=[translation.entry_to_wire(entry) for entry in page.entries],
                total=page.total,
                stats=translation.totals_to_wire(page.totals),
            )

    def lease(self, params: QueueLeaseParams) -> QueueLeaseResult:
        with self._desk as desk:
            require_id_count(params.max, params.workflow_ids)
            require_short(workflow_id=max(params.workflow_ids or (), key=len, default=None))
            excluded = frozenset(params.exclude_subjects or ())
            leased = desk.queue().lease(params.max, params.workflow_ids, excluded)
            return QueueLeaseResult(leased=[translation.entry_to_wire(entry) for entry in leased])

    def stats(self, params: None) -> QueueStats:  # noqa: ARG002 - a method without params
        with self._desk as desk:
            return translation.totals_to_wire(totals(desk.store(), desk.clock))

    def hold(self, params: QueueHoldParams) -> QueueMutationResult:
        with self._desk as desk:
            require_short(reason=params.reason)
            return translation.mutation_to_wire(desk.queue().hold(params.entry_id, params.reason))

    def release(self, params: QueueEntryParams) -> QueueMutationResult:
        with self._desk as desk:
            return translation.mutation_to_wire(desk.queue().release(params.entry_id))

    def drop(self, params: QueueEntryParams) -> QueueMutationResult:
        with self._desk as desk:
            return translation.mutation_to_wire(desk.queue().drop(params.entry_id))

    def reorder(self, params: QueueReorderParams) -> QueueReorderResult:
        with self._desk as desk:
            return QueueReorderResult(reordered_count=desk.queue().reorder(params.entry_ids))

    def mark_assigned(self, params: QueueMarkAssignedParams) -> QueueMutationResult:
        with self._desk as desk:
            require_short(workflow_id=params.workflow_id)
            mutation = desk.queue().mark_assigned(params.entry_id, params.workflow_id)
            return translation.mutation_to_wire(mutation)

    def completion(self, params: QueueCompletionParams) -> QueueMutationResult:
        with self._desk as desk:
            outcome = checked_outcome(params.status)
            mutation = desk.queue().complete(params.entry_id, outcome, params.workflow_ref, params.workflow_id)
            return translation.mutation_to_wire(mutation)

    def release_pending(self, params: QueueReleasePendingParams) -> QueueReleasePendingResult:
        with self._desk as desk:
            require_short(reason=params.reason)
            desk.queue().return_to_pending(params.entry_id, params.reason)
            return QueueReleasePendingResult(entry_id=params.entry_id, status=Status.PENDING.value)

    def next_deadline(self, params: None) -> QueueNextDeadlineResult:  # noqa: ARG002 - a method without params
        with self._desk as desk:
            entry = desk.queue().next_deadline()
            return QueueNextDeadlineResult(next_run_at=None if entry is None else entry.run_at_text)


class _Fenced:
    """Handlers of the second generation."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def enqueue(self, params: FencedEnqueueParams) -> FencedEnqueueResult:
        with self._desk as desk:
            request = translation.fenced_request_from_wire(params)
            receipt = desk.fenced(create=True).enqueue(request, params.idempotency_key)
            return FencedEnqueueResult(
                enqueued=receipt.enqueued,
                entry_id=receipt.entry_id,
                subject=FenceSubject(qualified_id=receipt.subject, generation=receipt.generation),
                warning=receipt.warning,
            )

    def lease(self, params: FencedLeaseParams) -> FencedLeaseResult:
        with self._desk as desk:
            translation.check_lease(params)
            exclusion = translation.exclusion_from_wire(params.exclude)
            handout = desk.fenced().lease(params.max, params.owner_id, params.workflow_ids, exclusion)
            return FencedLeaseResult(
                leased=[translation.leased_to_wire(entry) for entry in handout.leased],
                blocked=[translation.block_to_wire(block) for block in handout.blocked],
            )

    def renew(self, params: FencedRenewParams) -> FencedMutationResult:
        with self._desk as desk:
            fence = translation.fence_from_wire(params.execution)
            return translation.act_to_wire(desk.fenced().renew(fence, params.ttl_secs))

    def recover(self, params: FencedRecoverParams) -> FencedMutationResult:
        with self._desk as desk:
            fence = translation.fence_from_wire(params.execution)
            require_short(new_owner_id=params.new_owner_id)
            return translation.act_to_wire(desk.fenced().recover(fence, params.new_owner_id, params.ttl_secs))

    def completion(self, params: FencedCompletionParams) -> FencedMutationResult:
        with self._desk as desk:
            fence = translation.fence_from_wire(params.execution)
            outcome = checked_outcome(params.status)
            return translation.act_to_wire(desk.fenced().complete(fence, outcome, params.workflow_ref))

    def release_pending(self, params: FencedReleasePendingParams) -> FencedMutationResult:
        with self._desk as desk:
            fence = translation.fence_from_wire(params.execution)
            require_short(reason=params.reason)
            if not params.reason.strip():
                raise InvalidRequestError("reason is empty; say why the entry is returned")
            return translation.act_to_wire(desk.fenced().return_to_pending(fence, params.reason))


def _register_unfenced(plugin: Plugin, serve: _Unfenced) -> None:
    plugin.register_method(methods.QUEUE_ENQUEUE, serve.enqueue, inline=True)
    plugin.register_method(methods.QUEUE_LIST, serve.list, inline=True)
    plugin.register_method(methods.QUEUE_LEASE, serve.lease, inline=True)
    plugin.register_method(methods.QUEUE_STATS, serve.stats, inline=True)
    plugin.register_method(methods.QUEUE_HOLD, serve.hold, inline=True)
    plugin.register_method(methods.QUEUE_RELEASE, serve.release, inline=True)
    plugin.register_method(methods.QUEUE_DROP, serve.drop, inline=True)
    plugin.register_method(methods.QUEUE_REORDER, serve.reorder, inline=True)
    plugin.register_method(methods.QUEUE_MARK_ASSIGNED, serve.mark_assigned, inline=True)
    plugin.register_method(methods.QUEUE_COMPLETION, serve.completion, inline=True)
    plugin.register_method(methods.QUEUE_RELEASE_PENDING, serve.release_pending, inline=True)
    plugin.register_method(methods.QUEUE_NEXT_DEADLINE, serve.next_deadline, inline=True)


def _register_fenced(plugin: Plugin, serve: _Fenced) -> None:
    plugin.register_method(methods.QUEUE_V2_ENQUEUE, serve.enqueue, inline=True)
    plugin.register_method(methods.QUEUE_V2_LEASE, serve.lease, inline=True)
    # Both spellings of the two are in use; they are one method each.
    for renew in (methods.QUEUE_V2_LEASE_RENEW, methods.QUEUE_V2_RENEW):
        plugin.register_method(renew, serve.renew, inline=True)
    for recover in (methods.QUEUE_V2_LEASE_RECOVER, methods.QUEUE_V2_RECOVER):
        plugin.register_method(recover, serve.recover, inline=True)
    plugin.register_method(methods.QUEUE_V2_COMPLETION, serve.completion, inline=True)
    plugin.register_method(methods.QUEUE_V2_RELEASE_PENDING, serve.release_pending, inline=True)
