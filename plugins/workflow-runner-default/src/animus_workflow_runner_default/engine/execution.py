"""One run being executed: the loop that takes it from where its journal says it is to where it stops.

Every transition is in the journal before it is acted on. A signal is a transition like any other; it takes the same
lock, so that a cancelled run cannot be completed by the phase that was just ending.
"""

import asyncio
import datetime
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.happening import (
    Happening,
    OnHappening,
)
from animus_workflow_runner_default.engine.machine import FINAL, RunEvent, RunStatus
from animus_workflow_runner_default.engine.owned_run import OwnedRun
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.refusal import TerminalRunError
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.engine.transition import (
    Moved,
    await_merge,
    begin_attempt,
    block,
    close_attempts,
    complete,
    enter,
    move,
    open_attempt,
    overlay,
    pause,
    settle,
)
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.record import Attempt, Checkout, Run
from animus_workflow_runner_default.phases.agent import AgentCaller
from animus_workflow_runner_default.phases.phase_work import PhaseWork
from animus_workflow_runner_default.repository.git import Git, GitError
from animus_workflow_runner_default.repository.landing import (
    Land,
    clear_up,
    has_landed,
    lands_nothing,
    ready_to_land,
    worktree_settings,
)
from animus_workflow_runner_default.repository.merge import MergeBlockedError, merge_problem
from animus_workflow_runner_default.repository.worktree import CheckoutError, clear_stale_lock, open_checkout
from animus_workflow_runner_default.unbroken import unbroken

__all__ = ["Execution"]

_replace = msgspec.structs.replace


class Execution:
    """A run, its attempts, and the task that works on it.

    Attributes:
        listeners: how many requests wait for it.
    """

    def __init__(self, services: Services, run: Run, attempts: Sequence[Attempt], work: PhaseWork) -> None:
        self._state = OwnedRun(services, run, attempts)
        self._caller: AgentCaller | None = None
        self.listeners = 0
        self._services = services
        self._work = work
        self._is_cleared = False
        self._left_loop = asyncio.Event()
        self._task: asyncio.Task[Run] | None = None
        self._git = Git(services.processes, services.clock, run.workflow_id, services.artifacts(run.workflow_id))

    @property
    def run(self) -> Run:
        """The run, as the journal has it."""
        return self._state.run

    @property
    def attempts(self) -> list[Attempt]:
        """Its attempts, likewise, in order."""
        return self._state.attempts

    @property
    def plan(self) -> Plan:
        """The plan the run follows."""
        return self._work.plan

    @property
    def is_over(self) -> bool:
        """Whether nothing is done here any more."""
        return self._task is not None and self._task.done()

    async def take_up(self, make: Callable[[Journal], None] | None) -> None:
        """See `OwnedRun.take_up`."""
        await self._state.take_up(make)

    async def release(self) -> None:
        """Let others have the run."""
        await self._state.release()

    def start(self, on_happening: OnHappening, caller: AgentCaller | None) -> "asyncio.Task[Run]":
        """Begin, or join what has begun.

        Args:
            on_happening: told of every event from now on.
            caller: reaches agents from now on.
        """
        self._state.on_happening, self._caller = on_happening, caller
        if self._task is None:
            self._task = asyncio.create_task(self._drive(), name=f"run {self.run.workflow_id}")
        return self._task

    async def stop(self) -> None:
        """End the work without a transition: the journal stays as it is, and the run is resumed from there."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def pause(self) -> Run:
        """Stop after the phase that is running, before anything is merged."""
        async with self._state.lock:
            if self.run.status is RunStatus.RUNNING:
                await self._state.write(_replace(self.run, pause_requested=True, updated_at=timestamp(self._now())))
        return self.run

    async def cancel(self, reason: str) -> Run:
        """Cancel the run, then end what it is doing; returns once its processes have ended.

        Raises:
            TerminalRunError: it is over, or its work is merged already.
        """
        async with self._state.lock:
            merged = has_landed(self.run)
            if self.run.status in FINAL or merged:
                state = "merged already" if merged else self.run.status.value
                raise TerminalRunError(f"run {self.run.workflow_id!r} is {state}; it takes no cancel")
            closed = close_attempts(self.attempts, reason, self._now())
            await self._state.write(move(self.run, RunEvent.CANCEL, self._now(), reason), closed)
        if self._task is not None:
            self._task.cancel()
            await self._left_loop.wait()
        return self.run

    # the loop

    async def _drive(self) -> Run:
        try:
            await self._go_on()
        except asyncio.CancelledError:
            # A cancelled run was journalled as such before its task was ended; anything else is the process stopping.
            if self.run.status is not RunStatus.CANCELLED:
                raise
        finally:
            self._left_loop.set()
        if self.run.status in {RunStatus.CANCELLED, RunStatus.COMPLETED}:
            await self._clear_up()
        return self.run

    async def _go_on(self) -> None:
        while self.run.status is RunStatus.RUNNING:
            if self.run.checkout is None:
                await self._prepare()
            elif self.run.pause_requested and not has_landed(self.run):
                await self._state.transition(lambda: Moved(pause(self.run, self._now())))
            elif self.run.stage == "landing":
                await self._land()
            else:
                await self._phase()

    async def _prepare(self) -> None:
        """Make the place to work and go to the first phase."""
        workflow = self.plan.workflow
        settings = worktree_settings(workflow)
        root, worktrees = self._services.project_root, self._services.worktrees
        problem: str | None
        checkout: Checkout | None = None
        try:
            problem = self._work.problem(self.run)
            if problem is None:
                checkout = await open_checkout(
                    self._git,
                    root,
                    worktrees,
                    subject_id=self.run.subject.id,
                    run_id=self.run.workflow_id,
                    settings=settings,
                )
                merge = None if workflow.post_success is None else workflow.post_success.merge
                problem = None if merge is None else merge_problem(merge, checkout)
        except (CheckoutError, GitError) as error:
            problem = str(error)
        if problem is not None:
            await self._state.transition(lambda: Moved(move(self.run, RunEvent.FAIL, self._now(), problem)))
            return
        ready = _replace(self.run, checkout=checkout)
        await self._state.transition(
            lambda: self._onward(enter(ready, self.plan.first(), self.plan, self.attempts, self._now()))
        )

    async def _phase(self) -> None:
        attempt = open_attempt(self.run, self.attempts)
        if attempt is None or not self._state.has_begun(attempt):
            attempt = await self._begin(attempt)
        if attempt is None:
            return
        begun = attempt
        outcome = await self._work.perform(self.run, begun, self.attempts, self._git, self._caller, self._show(begun))
        await self._state.transition(
            lambda: self._onward(settle(self.run, begun, outcome, self.plan, self.attempts, self._now()))
        )

    async def _begin(self, left_open: Attempt | None) -> Attempt | None:
        """Begin the attempt that is due, or again the one that a dead process left open; None if that must not be."""
        if left_open is not None and not self.run.is_forced and not self._work.may_repeat(left_open):
            await self._state.transition(lambda: Moved(block(self.run, left_open, self._now())))
            return None
        if left_open is None:
            await self._services.clock.sleep(self._work.backoff_seconds(self.run))
        elif self.run.checkout is not None:
            await clear_stale_lock(self._git, self.run.checkout)
        if self.run.pause_requested:
            return None
        await self._state.transition(lambda: begin_attempt(self.run, self.plan, self.attempts, self._now()))
        return open_attempt(self.run, self.attempts) if self.run.status is RunStatus.RUNNING else None

    def _onward(self, moved: Moved) -> Moved:
        """The same transition with what simply follows from it: one write instead of two."""
        run = moved.run
        if run.status is not RunStatus.RUNNING or run.pause_requested:
            return moved
        if run.stage == "landing":
            is_done = lands_nothing(run, self.plan.workflow)
            return Moved(complete(run, self._now()), moved.attempts) if is_done else moved
        if self._work.backoff_seconds(run):
            return moved
        begun = begin_attempt(run, self.plan, overlay(self.attempts, moved.attempts), self._now())
        return Moved(begun.run, (*moved.attempts, *begun.attempts))

    async def _land(self) -> None:
        services = self._services
        # A crash may have come after the merge was journalled, and even after the branch was cleared up.
        if not has_landed(self.run):
            try:
                async with ready_to_land(
                    self._git, self.run, self.plan.workflow, services.project_root, services.worktrees
                ) as land:
                    await unbroken(self._bring_in(land))
            except MergeBlockedError as blocked:
                reason, files = str(blocked), blocked.files
                await self._state.transition(lambda: Moved(await_merge(self.run, reason, files, self._now())))
                return
            except GitError as error:
                problem = f"post_success.merge: {error}"
                await self._state.transition(lambda: Moved(move(self.run, RunEvent.FAIL, self._now(), problem)))
                return
        await self._clear_up()
        await self._state.transition(lambda: Moved(complete(self.run, self._now())))

    async def _bring_in(self, land: Land) -> None:
        """The point of no return: no signal comes between the move of the branch and the journal's knowing of it."""
        async with self._state.lock:
            if self.run.status not in FINAL:
                report = await land()
                if report is not None:
                    await self._state.write(_replace(self.run, merge=report))

    async def _clear_up(self) -> None:
        if self._is_cleared:
            return
        self._is_cleared = True
        try:
            kept = await clear_up(self._git, self.run, self.plan.workflow, self._services.project_root)
        except GitError as error:
            kept = str(error)
        if kept is not None:
            await self._state.write(_replace(self.run, merge={**(self.run.merge or {}), "worktree_kept": kept}))

    def _show(self, attempt: Attempt) -> Any:
        def show(line: str) -> None:
            self._state.on_happening(
                Happening(kind="output", phase_id=attempt.phase_id, ts=timestamp(self._now()), reason=line)
            )

        return show

    def _now(self) -> datetime.datetime:
        return self._services.clock.now()
