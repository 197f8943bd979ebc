"""Retention: what finished runs left behind goes when its time is over. Nothing of a run that is not over is touched.

Nobody waits for it: it runs beside the runs, at most once an hour, when a run was let go. What a failed run left
uncommitted in its worktree is committed to its branch before the worktree goes.
"""

import asyncio
import contextlib
import functools
from collections.abc import Callable

import msgspec

from animus_workflow_runner_default.authoring.model import Retention
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.engine.steering import SignalReport
from animus_workflow_runner_default.engine.stored_runs import StoredRuns
from animus_workflow_runner_default.engine.transition import Moved
from animus_workflow_runner_default.journal import retention as journal_retention
from animus_workflow_runner_default.journal.journal import JournalError, OwnershipError
from animus_workflow_runner_default.journal.record import Attempt, Run
from animus_workflow_runner_default.repository.git import Git, GitError
from animus_workflow_runner_default.repository.worktree import archive_worktree

__all__ = ["INTERVAL_SECONDS", "Housekeeping"]

INTERVAL_SECONDS = 3_600.0
MAX_STEPS = 100
"""How many batches one pass takes at most; the next pass goes on."""

_replace = msgspec.structs.replace


class Housekeeping:
    """Applies the project's retention."""

    def __init__(self, services: Services, stored: StoredRuns, retention: Callable[[], Retention]) -> None:
        self._services = services
        self._stored = stored
        self._retention = retention
        self._last: float | None = None
        self._task: asyncio.Task[None] | None = None

    def consider(self) -> None:
        """Begin a pass if the last one was long enough ago and none is under way."""
        now = self._services.clock.monotonic()
        is_due = self._last is None or now - self._last >= INTERVAL_SECONDS
        if is_due and (self._task is None or self._task.done()):
            self._last = now
            self._task = asyncio.create_task(self._quietly(), name="retention")

    async def stop(self) -> None:
        """End the pass that is under way; the next process begins another."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _quietly(self) -> None:
        # A pass that cannot be made now (a repository that is busy, a disk that is full) is made an hour later.
        with contextlib.suppress(GitError, JournalError, OSError):
            await self.sweep()

    async def sweep(self) -> None:
        """One pass.

        Raises:
            GitError: git failed.
            JournalError: the journal is closed.
            OSError: files could not be removed.
        """
        retention = await asyncio.to_thread(self._retention)
        journal, now = self._services.journal, self._services.clock.now()
        for run in await journal.call_long(lambda it: journal_retention.expired_worktrees(it, retention, now)):
            await self._put_away(run)
        for find in (journal_retention.forget_runs, journal_retention.expired_artifacts):
            for _ in range(MAX_STEPS):
                swept = await journal.call_long(functools.partial(find, retention=retention, now=now))
                await asyncio.to_thread(self._services.remove_artifacts, swept.run_ids)
                if swept.is_done:
                    break
        for _ in range(MAX_STEPS):
            if await journal.call_long(lambda it: journal_retention.forget_records(it, retention, now)):
                break
        for _ in range(MAX_STEPS):
            if await journal.call_long(journal_retention.give_back):
                break

    async def _put_away(self, run: Run) -> None:
        checkout = run.checkout
        if checkout is None or checkout.worktree is None:
            return
        services = self._services
        git = Git(services.processes, services.clock, run.workflow_id, services.artifacts(run.workflow_id))
        await archive_worktree(git, services.project_root, checkout, f"Left by run {run.workflow_id}")

        def note(now: Run, _attempts: list[Attempt]) -> SignalReport:
            unchanged = now.checkout == checkout
            noted = _replace(now, checkout=_replace(checkout, is_removed=True)) if unchanged else now
            return SignalReport(noted, is_runnable=False, moved=Moved(noted) if unchanged else None)

        with contextlib.suppress(OwnershipError):
            await self._stored.change(run.workflow_id, note)
