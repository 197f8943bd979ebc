"""What the kernel asks of the queue: fenced leases under one stable owner (protocol section 3.7, generation 2).

The owner is the project's, not the process's: whoever holds the instance lock may give back what the holder before
it had leased, and lease it again. There is no other way to a running entry.
"""

import datetime

from animus_kernel.seam import Plugins, ask
from animus_plugin_protocol import methods
from animus_plugin_protocol.wire.dispatch import ExecutionFence
from animus_plugin_protocol.wire.queue import (
    QueueEntry,
    QueueHoldParams,
    QueueListParams,
    QueueListResult,
    QueueNextDeadlineResult,
)
from animus_plugin_protocol.wire.queue_v2 import (
    FencedCompletionParams,
    FencedLeaseParams,
    FencedLeaseResult,
    FencedMutationResult,
    FencedReleasePendingParams,
    FencedRenewParams,
)

__all__ = ["LEASE_BATCH", "FencedQueue", "parse_moment"]

LEASE_BATCH = 5
"""The most entries one lease call may ask for."""

_PAGE = 500


class FencedQueue:
    """The queue as the dispatcher sees it. Every method raises RpcFault when the queue cannot be asked."""

    def __init__(self, plugins: Plugins, repo_scope: str) -> None:
        self._plugins = plugins
        self.owner_id = f"animus:{repo_scope}"

    async def lease(self, run_ids: list[str]) -> FencedLeaseResult:
        """Take up to as many entries as there are ids."""
        params = FencedLeaseParams(max=len(run_ids), owner_id=self.owner_id, workflow_ids=run_ids)
        result: FencedLeaseResult = await ask(self._plugins, methods.QUEUE_V2_LEASE, params)
        return result

    async def renew(self, fence: ExecutionFence) -> FencedMutationResult:
        """Keep a lease for another term."""
        result: FencedMutationResult = await ask(
            self._plugins, methods.QUEUE_V2_LEASE_RENEW, FencedRenewParams(execution=fence)
        )
        return result

    async def complete(self, fence: ExecutionFence, status: str, workflow_ref: str) -> FencedMutationResult:
        """Finish the entry; repeating it is harmless."""
        params = FencedCompletionParams(execution=fence, status=status, workflow_ref=workflow_ref)
        result: FencedMutationResult = await ask(self._plugins, methods.QUEUE_V2_COMPLETION, params)
        return result

    async def give_back(self, fence: ExecutionFence, reason: str) -> FencedMutationResult:
        """Return the entry to pending; it keeps its run id and its place."""
        params = FencedReleasePendingParams(execution=fence, reason=reason)
        result: FencedMutationResult = await ask(self._plugins, methods.QUEUE_V2_RELEASE_PENDING, params)
        return result

    async def hold(self, entry_id: str, reason: str) -> None:
        """Keep the entry from being leased until somebody releases it."""
        await ask(self._plugins, methods.QUEUE_HOLD, QueueHoldParams(entry_id=entry_id, reason=reason))

    async def own_entries(self) -> list[QueueEntry]:
        """The entries leased under our owner id, by this process or one before it."""
        return [
            entry
            for entry in await self.entries(["assigned"])
            if entry.execution is not None
            and entry.execution.queue_lease is not None
            and entry.execution.queue_lease.owner_id == self.owner_id
        ]

    async def entries(self, status: list[str]) -> list[QueueEntry]:
        """All entries with one of these status words."""
        found: list[QueueEntry] = []
        while True:
            params = QueueListParams(status=status, limit=_PAGE, offset=len(found))
            page: QueueListResult = await ask(self._plugins, methods.QUEUE_LIST, params)
            found += page.entries
            if not page.entries or len(found) >= page.total:
                return found

    async def next_deadline(self) -> datetime.datetime | None:
        """When the next deferred entry comes due."""
        result: QueueNextDeadlineResult = await ask(self._plugins, methods.QUEUE_NEXT_DEADLINE)
        return None if result.next_run_at is None else parse_moment(result.next_run_at)


def parse_moment(text: str) -> datetime.datetime:
    """A moment from RFC 3339 text; one without an offset is taken as UTC."""
    moment = datetime.datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)
