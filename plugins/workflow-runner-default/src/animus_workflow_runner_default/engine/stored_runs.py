"""Runs that nobody executes, as the journal has them: read, and changed in one transaction with what is decided on."""

from collections.abc import Callable
from typing import NamedTuple

from animus_workflow_runner_default.authoring.model import Workflow
from animus_workflow_runner_default.engine.machine import RunEvent
from animus_workflow_runner_default.engine.plan import narrowed
from animus_workflow_runner_default.engine.recording import Step
from animus_workflow_runner_default.engine.refusal import RunNotFoundError
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.engine.steering import SignalReport
from animus_workflow_runner_default.engine.transition import Moved, close_attempts, move, overlay
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.pinning import require_workflow
from animus_workflow_runner_default.journal.record import Attempt, Run
from animus_workflow_runner_default.phases.manual_phase import expiry_reason
from animus_workflow_runner_default.unbroken import unbroken

__all__ = ["RunReport", "StoredRuns"]


class RunReport(NamedTuple):
    """Where a run is now."""

    run: Run
    attempts: list[Attempt]
    workflow: Workflow


class StoredRuns:
    """Reads and changes runs of the journal."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def find(self, workflow_id: str) -> RunReport | None:
        """The run, after a gate whose time is over was closed; None if there is none."""

        def read(journal: Journal) -> RunReport | None:
            run = journal.run(workflow_id)
            if run is None:
                return None
            workflow = require_workflow(journal.config(run.config_hash), run.workflow_ref)
            only = run.dispatch.phase_filter
            return RunReport(run, journal.attempts(workflow_id), workflow if only is None else narrowed(workflow, only))

        report = await self._services.journal.read(read)
        if report is None:
            return None
        now = self._services.clock.now()
        if report.run.waiting is None or expiry_reason(report.run.waiting, now) is None:
            return report

        def expire(run: Run, attempts: list[Attempt]) -> SignalReport:
            reason = None if run.waiting is None else expiry_reason(run.waiting, now)
            if reason is None:
                return SignalReport(run, is_runnable=False)
            moved = Moved(move(run, RunEvent.EXPIRE, now, reason), close_attempts(attempts, reason, now))
            return SignalReport(moved.run, is_runnable=False, moved=moved)

        await self.change(workflow_id, expire)
        return await self.find(workflow_id)

    async def change(self, workflow_id: str, decide: Callable[[Run, list[Attempt]], SignalReport]) -> SignalReport:
        """Decide about a run that nobody executes, on what the journal says at that moment, and write it down.

        Raises:
            RunNotFoundError: it is gone.
            OwnershipError: a process executes it.
        """

        def work(journal: Journal) -> SignalReport:
            run = journal.run(workflow_id)
            if run is None:
                raise RunNotFoundError(f"run {workflow_id!r} was deleted meanwhile")
            attempts = journal.attempts(workflow_id)
            report = decide(run, attempts)
            moved = report.moved
            if moved is not None:
                owner = journal.claim(workflow_id)
                journal.write(moved.run, moved.attempts, owner=owner)
                after = overlay(attempts, moved.attempts)
                step = Step(run, moved.run, after, moved.attempts, self._services.clock.now())
                step.record(journal, journal.config(run.config_hash).retention)
                journal.release(owner)
            return report

        return await unbroken(self._services.journal.call(work))
