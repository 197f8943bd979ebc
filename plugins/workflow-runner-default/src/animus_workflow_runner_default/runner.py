"""All runs of this process: execute, attach, signal. What a run does is `execution`, what it may do is `machine`."""

import asyncio
import uuid
from collections.abc import Callable
from typing import NamedTuple, TypeVar
from weakref import WeakValueDictionary

from animus_workflow_runner_default.agent import AgentCaller
from animus_workflow_runner_default.authoring.model import CompiledConfig, Workflow, digest, find_workflow
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.execution import Execution
from animus_workflow_runner_default.happening import OnHappening
from animus_workflow_runner_default.journal import Journal
from animus_workflow_runner_default.machine import FINAL, RunEvent, RunStatus
from animus_workflow_runner_default.manual_phase import expiry_reason
from animus_workflow_runner_default.phase_work import PhaseWork
from animus_workflow_runner_default.plan import Plan
from animus_workflow_runner_default.record import Attempt, Dispatch, Run, Subject
from animus_workflow_runner_default.refusal import (
    BusyError,
    InvalidRequestError,
    RunNotFoundError,
    WorkflowNotFoundError,
)
from animus_workflow_runner_default.services import Services
from animus_workflow_runner_default.steering import Signal, SignalReport, apply_signal
from animus_workflow_runner_default.transition import Moved, close_attempts, move

__all__ = ["MAX_RUNS_VARIABLE", "RunReport", "RunRequest", "Runner"]

T = TypeVar("T")

DEFAULT_MAX_RUNS = 64
MAX_RUNS_VARIABLE = "ANIMUS_RUNNER_MAX_RUNS"
RUNNER_VERSION = "0.1.0"


class RunRequest(NamedTuple):
    """What to execute: a known run by its id, or a new one."""

    workflow_id: str | None
    workflow_ref: str | None
    subject: Subject | None
    dispatch: Dispatch


class RunReport(NamedTuple):
    """Where a run is now."""

    run: Run
    attempts: list[Attempt]
    workflow: Workflow


class Runner:
    """Executes many runs at once, at most `max_runs`.

    Attributes:
        services: what the runs share.
    """

    def __init__(self, services: Services, load_config: Callable[[], CompiledConfig]) -> None:
        self.services = services
        self.max_runs = int(services.environ.get(MAX_RUNS_VARIABLE, DEFAULT_MAX_RUNS))
        self._load_config = load_config
        self._executions: dict[str, Execution] = {}
        # Weak: a lock lives as long as somebody holds or awaits it.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def executing(self) -> list[str]:
        """The ids of the runs that are being executed."""
        return list(self._executions)

    def load_config(self) -> CompiledConfig:
        """The definitions as they are on disk now."""
        return self._load_config()

    async def execute(self, request: RunRequest, caller: AgentCaller | None, on_happening: OnHappening) -> RunReport:
        """Execute a run until it is over or has to wait; join it if it is being executed already.

        Cancelling this call ends the execution, not the run: its processes are ended, its journal stays, a later
        execute goes on. A host that stops, or that lost the lease, cancels calls; a person cancels runs by signal.

        Args:
            request: which run.
            caller: reaches agents; None where the host does not offer that.
            on_happening: told of every event until this returns.

        Raises:
            RefusalError: see `refusal`.
            OwnershipError: another process executes the run.
        """
        workflow_id = request.workflow_id or str(uuid.uuid4())
        async with self._lock(workflow_id):
            execution = self._executions.get(workflow_id)
            if execution is None:
                report = await self._find_or_make(workflow_id, request)
                if report.run.status in FINAL or report.run.status is RunStatus.PAUSED:
                    return report
                execution = await self._take_up(report)
            execution.on_happening, execution.caller = on_happening, caller
            task = execution.start()
        try:
            run = await asyncio.shield(task)
        except asyncio.CancelledError:
            await execution.stop()
            raise
        finally:
            if task.done():
                await self._let_go(workflow_id, execution)
        return RunReport(run, execution.attempts, execution.plan.workflow)

    async def signal(self, workflow_id: str, signal: Signal) -> SignalReport:
        """Steer a run, executing or not.

        Raises:
            RefusalError: the run does not exist, is over, or does not take this signal now.
            OwnershipError: another process executes it.
        """
        async with self._lock(workflow_id):
            execution = self._executions.get(workflow_id)
            if execution is not None and execution.run.status is RunStatus.RUNNING:
                return await self._signal_executing(execution, signal)
            report = await self.report(workflow_id)
            work = await self._work(report.run)
            answer = apply_signal(report.run, report.attempts, work, signal, self.services.clock.now())
            if answer.moved is not None:
                await self._write_unowned(answer.moved)
            return answer

    async def report(self, workflow_id: str) -> RunReport:
        """Where a run is, after a gate whose time is over was closed.

        Raises:
            RunNotFoundError: this journal has no such run.
        """
        execution = self._executions.get(workflow_id)
        if execution is not None:
            return RunReport(execution.run, execution.attempts, execution.plan.workflow)
        found = await self._find(workflow_id)
        if found is None:
            raise RunNotFoundError(f"there is no run {workflow_id!r}; see animus workflow list")
        return found

    async def work_of(self, workflow_id: str) -> tuple[RunReport, PhaseWork]:
        """A run and the definitions it is pinned to."""
        report = await self.report(workflow_id)
        return report, await self._work(report.run)

    async def close(self) -> None:
        """Stop all runs where they are: their processes end, their journals stay, a later execute goes on."""
        executions = list(self._executions.values())
        await asyncio.gather(*(execution.stop() for execution in executions), return_exceptions=True)
        self.services.journal.close()

    # inside

    def _lock(self, workflow_id: str) -> asyncio.Lock:
        return self._locks.setdefault(workflow_id, asyncio.Lock())

    async def _call(self, work: Callable[[Journal], T]) -> T:
        return await self.services.journal.call(work)

    async def _find(self, workflow_id: str) -> RunReport | None:
        run, attempts, config = await self._call(lambda journal: _read(journal, workflow_id))
        if run is None or config is None:
            return None
        report = RunReport(run, attempts, _workflow(config, run.workflow_ref))
        reason = None if run.waiting is None else expiry_reason(run.waiting, self.services.clock.now())
        if reason is None:
            return report
        now = self.services.clock.now()
        closed = close_attempts(attempts, reason, now)
        await self._write_unowned(Moved(move(run, RunEvent.EXPIRE, now, reason), closed))
        return await self._find(workflow_id)

    async def _find_or_make(self, workflow_id: str, request: RunRequest) -> RunReport:
        found = await self._find(workflow_id)
        if found is None:
            return await self._make(workflow_id, request)
        if request.subject is not None and request.subject.id != found.run.subject.id:
            raise InvalidRequestError(
                f"run {workflow_id!r} is about {found.run.subject.id!r}, not {request.subject.id!r}; "
                "use another workflow_id"
            )
        return found

    async def _make(self, workflow_id: str, request: RunRequest) -> RunReport:
        if request.subject is None:
            raise InvalidRequestError(
                "workflow/execute needs a subject: subject_dispatch, subject_ref, task_id or title"
            )
        config = await asyncio.to_thread(self._load_config)
        workflow = require_workflow(config, request.workflow_ref)
        pin, now = digest(config), timestamp(self.services.clock.now())
        run = Run(
            workflow_id=workflow_id,
            workflow_ref=workflow.id,
            status=RunStatus.PENDING,
            subject=request.subject,
            dispatch=request.dispatch,
            config_hash=pin,
            runner_version=RUNNER_VERSION,
            created_at=now,
            updated_at=now,
        )

        def begin(journal: Journal) -> None:
            journal.pin_config(pin, config)
            journal.write(run)

        await self._call(begin)
        return RunReport(run, [], workflow)

    async def _take_up(self, report: RunReport) -> Execution:
        if len(self._executions) >= self.max_runs:
            raise BusyError(
                f"this runner executes {len(self._executions)} runs, its limit ({MAX_RUNS_VARIABLE}); try again later"
            )
        workflow_id = report.run.workflow_id
        owner = await self._call(lambda journal: journal.claim(workflow_id))
        execution = Execution(self.services, report.run, report.attempts, await self._work(report.run), owner)
        self._executions[workflow_id] = execution
        return execution

    async def _let_go(self, workflow_id: str, execution: Execution) -> None:
        if self._executions.get(workflow_id) is execution:
            del self._executions[workflow_id]
            await self._call(lambda journal: journal.release(execution.owner))

    async def _work(self, run: Run) -> PhaseWork:
        config = await self._call(lambda journal: journal.config(run.config_hash))
        return PhaseWork(self.services, config, Plan.of(config, _workflow(config, run.workflow_ref)))

    async def _signal_executing(self, execution: Execution, signal: Signal) -> SignalReport:
        match signal.name:
            case "cancel":
                run = await execution.cancel(signal.note or "cancelled by request")
                return SignalReport(run, is_runnable=False, message="cancelled; its processes were ended")
            case "pause":
                run = await execution.pause()
                return SignalReport(run, is_runnable=False, message="pauses after the phase that is running")
            case "resume":
                return SignalReport(execution.run, is_runnable=False, message="it is running")
            case _:
                raise InvalidRequestError(
                    f"run {execution.run.workflow_id!r} is running and waits for no approval; "
                    "it can be paused or cancelled"
                )

    async def _write_unowned(self, moved: Moved) -> None:
        """Write to a run that nobody executes: owned for the length of one transaction."""
        workflow_id = moved.run.workflow_id

        def work(journal: Journal) -> None:
            owner = journal.claim(workflow_id)
            journal.write(moved.run, moved.attempts, owner=owner)
            journal.release(owner)

        await self._call(work)


def require_workflow(config: CompiledConfig, ref: str | None) -> Workflow:
    """The workflow of that name.

    Raises:
        WorkflowNotFoundError: there is none, or its definition is wrong; the text says which exist.
    """
    workflow = find_workflow(config, ref)
    if workflow is not None:
        return workflow
    reason = None if ref is None else config.disabled.get(ref.strip().lower())
    if reason is not None:
        raise WorkflowNotFoundError(f"workflow {ref!r} is disabled: {reason}; see animus workflow config validate")
    known = ", ".join(sorted(item.id for item in config.workflows.values())) or "none"
    asked = "no workflow was named and there is no default_workflow_ref" if ref is None else f"unknown workflow {ref!r}"
    raise WorkflowNotFoundError(f"{asked}; there are: {known}")


def _workflow(config: CompiledConfig, ref: str) -> Workflow:
    return require_workflow(config, ref)


def _read(journal: Journal, workflow_id: str) -> tuple[Run | None, list[Attempt], CompiledConfig | None]:
    run = journal.run(workflow_id)
    if run is None:
        return None, [], None
    return run, journal.attempts(workflow_id), journal.config(run.config_hash)
