"""A queue of the first generation, asked as one of the second: its leases have no fence, no term and no owner.

Protocol section 6: such a queue stays valid. What the second generation adds it cannot promise: a key that was used
once may enqueue again, and every assigned entry counts as ours, because nobody can tell otherwise.
"""

import datetime
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

import msgspec

from animus_kernel.routing.seam import Plugins, ask
from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import ErrorCode, RefusedError
from animus_plugin_protocol.wire import queue as v1
from animus_plugin_protocol.wire import queue_v2 as v2
from animus_plugin_protocol.wire.dispatch import ExecutionFence, FenceSubject, QueueLease

__all__ = ["UNKNOWN_METHOD", "ask_queue", "fenced"]

Answer = TypeVar("Answer")

UNKNOWN_METHOD: Final = frozenset({ErrorCode.METHOD_NOT_FOUND, ErrorCode.METHOD_NOT_SUPPORTED})
"""How a plugin says that it does not serve a method."""

_NEVER: Final = datetime.datetime(9000, 1, 1, tzinfo=datetime.UTC)


async def ask_queue(plugins: Plugins, method: str, params: Any, answer: type[Answer]) -> Answer:
    """Ask the queue a method of the second generation, or what the first has for it if it knows no second.

    Raises:
        RpcFault: as `ask`.
    """
    try:
        return await ask(plugins, method, params, answer)
    except RefusedError as fault:
        if fault.code not in UNKNOWN_METHOD or method not in _FORMER:
            raise
    return cast("Answer", await _FORMER[method](plugins, params))


def fenced(entry: v1.QueueEntry, owner_id: str) -> v1.QueueEntry:
    """An assigned entry with a fence: its own, or one that says what is known without."""
    if entry.execution is not None or entry.workflow_id is None:
        return entry
    fence = ExecutionFence(
        schema="animus.execution-fence.v1",
        version=1,
        workflow_id=entry.workflow_id,
        workflow_generation=1,
        subject=FenceSubject(qualified_id=entry.subject_id, generation=1),
        queue_lease=QueueLease(entry_id=entry.entry_id, owner_id=owner_id, generation=1, expires_at=_NEVER),
    )
    return msgspec.structs.replace(entry, execution=fence)


async def _enqueue(plugins: Plugins, params: v2.FencedEnqueueParams) -> v2.FencedEnqueueResult:
    wish = v1.QueueEnqueueParams(
        subject_dispatch=params.subject_dispatch, run_at=params.run_at, expire_after_secs=params.expire_after_secs
    )
    receipt = await ask(plugins, methods.QUEUE_ENQUEUE, wish, v1.QueueEnqueueResult)
    forgets = "this queue keeps no idempotency keys: asked for again it may run again"
    return v2.FencedEnqueueResult(
        enqueued=receipt.enqueued,
        entry_id=receipt.entry_id,
        subject=FenceSubject(qualified_id=receipt.subject_id, generation=1),
        warning=receipt.warning or (None if params.idempotency_key is None else forgets),
    )


async def _lease(plugins: Plugins, params: v2.FencedLeaseParams) -> v2.FencedLeaseResult:
    wish = v1.QueueLeaseParams(max=params.max, workflow_ids=params.workflow_ids)
    found = await ask(plugins, methods.QUEUE_LEASE, wish, v1.QueueLeaseResult)
    named = [
        entry if entry.workflow_id is not None else msgspec.structs.replace(entry, workflow_id=run_id)
        for entry, run_id in zip(found.leased, params.workflow_ids, strict=False)
    ]
    entries = [fenced(entry, params.owner_id) for entry in named]
    return v2.FencedLeaseResult(
        leased=[v2.LeasedEntry(entry=one, execution=one.execution) for one in entries if one.execution is not None]
    )


async def _renew(_plugins: Plugins, params: v2.FencedRenewParams) -> v2.FencedMutationResult:
    return v2.FencedMutationResult(outcome="applied", execution=params.execution)


async def _complete(plugins: Plugins, params: v2.FencedCompletionParams) -> v2.FencedMutationResult:
    wish = v1.QueueCompletionParams(
        entry_id=_entry_id(params.execution),
        status=params.status,
        workflow_ref=params.workflow_ref,
        workflow_id=params.execution.workflow_id,
    )
    return _became(await ask(plugins, methods.QUEUE_COMPLETION, wish, v1.QueueMutationResult))


async def _give_back(plugins: Plugins, params: v2.FencedReleasePendingParams) -> v2.FencedMutationResult:
    wish = v1.QueueReleasePendingParams(entry_id=_entry_id(params.execution), reason=params.reason)
    try:
        await ask(plugins, methods.QUEUE_RELEASE_PENDING, wish, v1.QueueReleasePendingResult)
    except RefusedError as fault:
        return v2.FencedMutationResult(outcome="not_assigned", reason=fault.message)
    return v2.FencedMutationResult(outcome="applied")


def _became(result: v1.QueueMutationResult) -> v2.FencedMutationResult:
    return v2.FencedMutationResult(outcome="applied" if result.changed else "not_found")


def _entry_id(fence: ExecutionFence) -> str:
    return "" if fence.queue_lease is None else fence.queue_lease.entry_id


_FORMER: Final[dict[str, Callable[[Plugins, Any], Awaitable[object]]]] = {
    methods.QUEUE_V2_ENQUEUE: _enqueue,
    methods.QUEUE_V2_LEASE: _lease,
    methods.QUEUE_V2_LEASE_RENEW: _renew,
    methods.QUEUE_V2_COMPLETION: _complete,
    methods.QUEUE_V2_RELEASE_PENDING: _give_back,
}
