"""What the kernel asks of the queue: fenced leases under one stable owner (protocol section 6, generation 2).

The owner is the project's, not the process's: whoever holds the instance lock may give back what the holder before
it had leased, and lease it again. There is no other way to a running entry.
"""

import datetime
from collections.abc import Callable

import msgspec

from animus_kernel.clock import parse_moment
from animus_kernel.dispatch.plain_queue import UNKNOWN_METHOD, ask_queue, fenced
from animus_kernel.dispatch.run import new_run_id
from animus_kernel.routing.seam import Plugins, ask
from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import RefusedError
from animus_plugin_protocol.wire import queue as v1
from animus_plugin_protocol.wire import queue_v2 as v2
from animus_plugin_protocol.wire.dispatch import ExecutionFence

__all__ = ["LEASE_BATCH", "FencedQueue"]

LEASE_BATCH = 5
"""The most entries one lease call may ask for."""

_PAGE = 500
_OTHER_NAME = "/recovered"


class FencedQueue:
    """The queue as the dispatcher sees it. Every method raises RpcFault when the queue cannot be asked."""

    def __init__(self, plugins: Plugins, repo_scope: str, new_run_id: Callable[[], str] = new_run_id) -> None:
        self._plugins, self._new_run_id = plugins, new_run_id
        self.owner_id = f"animus:{repo_scope}"

    async def lease(self, count: int) -> v2.FencedLeaseResult:
        """Take up to `count` entries; each that has no run id yet gets a new one."""
        run_ids = [self._new_run_id() for _ in range(count)]
        params = v2.FencedLeaseParams(max=count, owner_id=self.owner_id, workflow_ids=run_ids)
        return await ask_queue(self._plugins, methods.QUEUE_V2_LEASE, params, v2.FencedLeaseResult)

    async def renew(self, fence: ExecutionFence) -> v2.FencedMutationResult:
        """Keep a lease for another term."""
        params = v2.FencedRenewParams(execution=fence)
        return await ask_queue(self._plugins, methods.QUEUE_V2_LEASE_RENEW, params, v2.FencedMutationResult)

    async def recover(self, fence: ExecutionFence) -> v2.FencedMutationResult:
        """Take our own lease again after it ran out unopposed: a queue recovers only for another owner's name."""
        held = fence.queue_lease.owner_id if fence.queue_lease else ""
        name = self.owner_id if held != self.owner_id else self.owner_id + _OTHER_NAME
        params = v2.FencedRecoverParams(execution=fence, new_owner_id=name)
        try:
            return await ask_queue(self._plugins, methods.QUEUE_V2_LEASE_RECOVER, params, v2.FencedMutationResult)
        except RefusedError as fault:  # a queue need not know how
            return v2.FencedMutationResult(outcome="stale_fence", reason=fault.message)

    async def complete(self, fence: ExecutionFence, status: str, workflow_ref: str) -> v2.FencedMutationResult:
        """Finish the entry; repeating it is harmless."""
        params = v2.FencedCompletionParams(execution=fence, status=status, workflow_ref=workflow_ref)
        return await ask_queue(self._plugins, methods.QUEUE_V2_COMPLETION, params, v2.FencedMutationResult)

    async def give_back(self, fence: ExecutionFence, reason: str) -> v2.FencedMutationResult:
        """Return the entry to pending; it keeps its run id and its place."""
        params = v2.FencedReleasePendingParams(execution=fence, reason=reason)
        return await ask_queue(self._plugins, methods.QUEUE_V2_RELEASE_PENDING, params, v2.FencedMutationResult)

    async def hold(self, entry_id: str, reason: str) -> None:
        """Keep the entry from being leased until somebody releases it."""
        await ask(
            self._plugins,
            methods.QUEUE_HOLD,
            v1.QueueHoldParams(entry_id=entry_id, reason=reason),
            v1.QueueMutationResult,
        )

    async def own_entries(self) -> list[v1.QueueEntry]:
        """The entries leased under our owner id, by this process or one before it."""
        return [entry for entry in await self._assigned() if self._is_ours(entry)]

    async def own_and_inherited(self, now: datetime.datetime) -> list[v1.QueueEntry]:
        """As `own_entries`; besides, what another host let run out because it died is recovered and ours."""
        found = [await self._inherited(entry, now) for entry in await self._assigned()]
        return [entry for entry in found if self._is_ours(entry)]

    async def _inherited(self, entry: v1.QueueEntry, now: datetime.datetime) -> v1.QueueEntry:
        fence = entry.execution
        lease = None if fence is None else fence.queue_lease
        if fence is None or lease is None or self._is_ours(entry) or lease.expires_at >= now:
            return entry
        recovered = await self.recover(fence)
        return msgspec.structs.replace(entry, execution=recovered.execution or fence)

    async def _assigned(self) -> list[v1.QueueEntry]:
        return [fenced(entry, self.owner_id) for entry in await self.entries(["assigned"])]

    def _is_ours(self, entry: v1.QueueEntry) -> bool:
        lease = None if entry.execution is None else entry.execution.queue_lease
        return lease is not None and lease.owner_id in {self.owner_id, self.owner_id + _OTHER_NAME}

    async def entries(self, status: list[str]) -> list[v1.QueueEntry]:
        """All entries with one of these status words."""
        found: list[v1.QueueEntry] = []
        while True:
            params = v1.QueueListParams(status=status, limit=_PAGE, offset=len(found))
            page = await ask(self._plugins, methods.QUEUE_LIST, params, v1.QueueListResult)
            found += page.entries
            if not page.entries or len(found) >= page.total:
                return found

    async def is_empty(self) -> bool:
        """Whether there is no entry at all, whoever has it."""
        return not (await ask(self._plugins, methods.QUEUE_STATS, None, v1.QueueStats)).total

    async def next_deadline(self) -> datetime.datetime | None:
        """When the next deferred entry comes due."""
        try:
            result = await ask(self._plugins, methods.QUEUE_NEXT_DEADLINE, None, v1.QueueNextDeadlineResult)
        except RefusedError as fault:
            if fault.code in UNKNOWN_METHOD:
                return None  # a queue that defers nothing
            raise
        return None if result.next_run_at is None else parse_moment(result.next_run_at)
