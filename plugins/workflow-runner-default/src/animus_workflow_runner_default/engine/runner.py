"""All runs of this process: execute, attach, signal. What a run does is `execution`, what it may do is `machine`."""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from typing import NamedTuple
from weakref import WeakValueDictionary

import msgspec

from animus_workflow_runner_default.authoring.model import CompiledConfig, Workflow
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.continuity import RUNNER_VERSION, continuity
from animus_workflow_runner_default.engine.execution import Execution
from animus_workflow_runner_default.engine.happening import OnHappening
from animus_workflow_runner_default.engine.housekeeping import Housekeeping
from animus_workflow_runner_default.engine.machine import FINAL, RunStatus
from animus_workflow_runner_default.engine.narrowing import filtered
from animus_workflow_runner_default.engine.notice import Notifier
from animus_workflow_runner_default.engine.plan import Plan, narrowed
from animus_workflow_runner_default.engine.refusal import (
    BindingError,
    BusyError,
    InvalidRequestError,
    RunNotFoundError,
)
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.engine.steering import Signal, SignalReport, apply_signal, signal_executing
from animus_workflow_runner_default.engine.stored_runs import RunReport, StoredRuns
from animus_workflow_runner_default.engine.transition import Moved
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.pinning import Pins, require_workflow
from animus_workflow_runner_default.journal.record import Attempt, Dispatch, Run, Subject
from animus_workflow_runner_default.phases.agent import AgentCaller
from animus_workflow_runner_default.phases.phase_work import PhaseWork
from animus_workflow_runner_default.repository.git import Git, GitError
from animus_workflow_runner_default.repository.landing import clear_up
from animus_workflow_runner_default.unbroken import unbroken

__all__ = ["MAX_RUNS_VARIABLE", "RunReport", "RunRequest", "Runner"]

Make = Callable[[Journal], None]

DEFAULT_MAX_RUNS = 64
MAX_RUNS_VARIABLE = "ANIMUS_RUNNER_MAX_RUNS"
TAKEN_UP_AT_ONCE = 16
"""Of a crowd of runs, so that a signal is heard between them."""


class RunRequest(NamedTuple):
    """What to execute: a known run by its id, or a new one."""

    workflow_id: str | None
    workflow_ref: str | None
    subject: Subject | None
    dispatch: Dispatch


class Runner:
    """Executes many runs at once, at most `max_runs`.

    Attributes:
        services: what the runs share.
        pins: the definitions.
        housekeeping: removes what finished runs left behind when its time is over.
    """

    def __init__(self, services: Services, load_config: Callable[[], CompiledConfig]) -> None:
        self.services = services
        self.max_runs = _max_runs(services.environ)
        self.pins = Pins(load_config)
        self._stored = StoredRuns(services)
        self.housekeeping = Housekeeping(services, self._stored, lambda: load_config().retention)
        self._executions: dict[str, Execution] = {}
        self._taking_up = asyncio.Semaphore(TAKEN_UP_AT_ONCE)
        # Weak: a lock lives as long as somebody holds or awaits it.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def executing(self) -> list[str]:
        """The ids of the runs that are being executed."""
        return list(self._executions)

    async def execute(
        self,
        request: RunRequest,
        caller: AgentCaller | None,
        on_happening: OnHappening,
        notifier: Notifier | None = None,
    ) -> RunReport:
        """Execute a run until it is over or has to wait; join it if it is being executed already.

        Cancelling this call ends the execution, not the run: its processes are ended, its journal stays, a later
        execute goes on. A host that stops, or that lost the lease, cancels calls; a person cancels runs by signal.

        Args:
            request: which run.
            caller: reaches agents; None where the host does not offer that.
            on_happening: told of every event until this returns.
            notifier: reaches people; None where the host does not offer that.

        Raises:
            RefusalError: see `refusal`.
            OwnershipError: another process executes the run.
        """
        workflow_id = request.workflow_id or str(uuid.uuid4())
        async with self._lock(workflow_id):
            execution = self._executions.get(workflow_id)
            if execution is None or execution.is_over:
                async with self._taking_up:
                    report, make = await self._find_or_make(workflow_id, request)
                    if report.run.status in FINAL or report.run.status is RunStatus.PAUSED:
                        return report
                    execution = await unbroken(self._take_up(report, make, on_happening))
            execution.listeners += 1
            task = execution.start(on_happening, caller, notifier)
        try:
            run = await asyncio.shield(task)
        except asyncio.CancelledError:
            if execution.listeners == 1:
                await execution.stop()
            raise
        finally:
            execution.listeners -= 1
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
                return await unbroken(signal_executing(execution, signal))
            report, work = await self.work_of(workflow_id)
            now = self.services.clock.now()
            answer = await self._stored.change(
                workflow_id, lambda run, attempts: apply_signal(run, attempts, work, signal, now)
            )
            if answer.run.status is RunStatus.CANCELLED:
                return await self._clear_up(answer, report.workflow)
            return answer

    async def report(self, workflow_id: str) -> RunReport:
        """Where a run is, after a gate whose time is over was closed.

        Raises:
            RunNotFoundError: this journal has no such run.
        """
        execution = self._executions.get(workflow_id)
        if execution is not None:
            return RunReport(execution.run, execution.attempts, execution.plan.workflow)
        found = await self._stored.find(workflow_id)
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
        await self.housekeeping.stop()
        self.services.journal.close()

    # inside

    def _lock(self, workflow_id: str) -> asyncio.Lock:
        return self._locks.setdefault(workflow_id, asyncio.Lock())

    async def _find_or_make(self, workflow_id: str, request: RunRequest) -> tuple[RunReport, Make | None]:
        found = await self._stored.find(workflow_id)
        if found is None:
            return await self._make(workflow_id, request)
        if request.subject is not None and request.subject.id != found.run.subject.id:
            raise InvalidRequestError(
                f"run {workflow_id!r} is about {found.run.subject.id!r}, not {request.subject.id!r}; "
                "use another workflow_id"
            )
        return found, None

    async def _make(self, workflow_id: str, request: RunRequest) -> tuple[RunReport, Make]:
        """A new run, and how it gets into the journal."""
        if request.subject is None:
            raise InvalidRequestError(
                "workflow/execute needs a subject: subject_dispatch, subject_ref, task_id or title"
            )
        pin = await self.pins.current()
        workflow = require_workflow(pin.config, request.workflow_ref)
        dispatch = filtered(request.dispatch, workflow, pin.config)
        now = timestamp(self.services.clock.now())
        run = Run(
            workflow_id=workflow_id,
            workflow_ref=workflow.id,
            status=RunStatus.PENDING,
            subject=request.subject,
            dispatch=dispatch,
            config_hash=pin.hash,
            runner_version=RUNNER_VERSION,
            created_at=now,
            updated_at=now,
        )

        def make(journal: Journal) -> None:
            if journal.has(workflow_id):
                raise BusyError(f"run {workflow_id!r} was made by somebody else meanwhile; try again")
            pin.keep(journal)

        shown = workflow if dispatch.phase_filter is None else narrowed(workflow, dispatch.phase_filter)
        return RunReport(run, [], shown), make

    async def _take_up(self, report: RunReport, make: Make | None, on_happening: OnHappening) -> Execution:
        if len(self._executions) >= self.max_runs:
            raise BusyError(
                f"this runner executes {len(self._executions)} runs, its limit ({MAX_RUNS_VARIABLE}); try again later"
            )
        answer = continuity(report.run)
        if not answer.can_continue:
            raise InvalidRequestError(f"this runner cannot go on with run {report.run.workflow_id!r}: {answer.because}")
        run = msgspec.structs.replace(report.run, runner_version=RUNNER_VERSION)
        execution = Execution(self.services, run, report.attempts, await self._work(run))
        await execution.take_up(make, on_happening)
        self._executions[report.run.workflow_id] = execution
        return execution

    async def _let_go(self, workflow_id: str, execution: Execution) -> None:
        if self._executions.get(workflow_id) is execution:
            del self._executions[workflow_id]
            await execution.release()
            self.housekeeping.consider()

    async def _work(self, run: Run) -> PhaseWork:
        config = self.pins.known(run.config_hash)
        if config is None:
            config = await self.services.journal.read(lambda journal: journal.config(run.config_hash))
        workflow = require_workflow(config, run.workflow_ref)
        return PhaseWork(self.services, config, Plan.of(config, workflow, run.dispatch.phase_filter))

    async def _clear_up(self, cancelled: SignalReport, workflow: Workflow) -> SignalReport:
        """Remove what a cancelled run leaves, or say where it is."""
        services, run = self.services, cancelled.run
        if run.checkout is None or run.checkout.worktree is None:
            return cancelled
        git = Git(services.processes, services.clock, run.workflow_id, services.artifacts(run.workflow_id))
        try:
            kept = await clear_up(git, run, workflow, services.project_root)
        except GitError as error:
            kept = str(error)
        if kept is None:
            return cancelled

        def note(run: Run, _attempts: list[Attempt]) -> SignalReport:
            noted = msgspec.structs.replace(run, merge={**(run.merge or {}), "worktree_kept": kept})
            return cancelled._replace(run=noted, message=f"cancelled; its worktree stays: {kept}", moved=Moved(noted))

        return await self._stored.change(run.workflow_id, note)


def _max_runs(environ: Mapping[str, str]) -> int:
    given = environ.get(MAX_RUNS_VARIABLE, str(DEFAULT_MAX_RUNS))
    if not given.isascii() or not given.isdigit() or int(given) == 0:
        raise BindingError(f"{MAX_RUNS_VARIABLE} is {given!r}; set it to how many runs may execute at once")
    return int(given)
