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
from animus_workflow_runner_default.engine.agent_progress import keep_agent, settled
from animus_workflow_runner_default.engine.beginning import open_place, place_at_once
from animus_workflow_runner_default.engine.budget import charged, park_over_budget
from animus_workflow_runner_default.engine.ending import Ending
from animus_workflow_runner_default.engine.happening import OnHappening, line_shown, waiting_changed
from animus_workflow_runner_default.engine.machine import FINAL, RunEvent, RunStatus
from animus_workflow_runner_default.engine.notice import Notifier
from animus_workflow_runner_default.engine.owned_run import OwnedRun
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.refusal import TerminalRunError
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.engine.transition import (
    Moved,
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
from animus_workflow_runner_default.journal.record import Attempt, Run
from animus_workflow_runner_default.phases.agent import AgentCaller
from animus_workflow_runner_default.phases.agent_book import AgentBook, InteractionError
from animus_workflow_runner_default.phases.agent_state import AgentState, Interaction, Response
from animus_workflow_runner_default.phases.outcome import Interrupted, PhaseOutcome
from animus_workflow_runner_default.phases.phase_work import Contact, PhaseWork
from animus_workflow_runner_default.repository.git import Git
from animus_workflow_runner_default.repository.landing import has_landed, lands_nothing
from animus_workflow_runner_default.repository.worktree import clear_stale_lock

__all__ = ["Execution"]

_replace = msgspec.structs.replace


class Execution:
    """A run, its attempts, and the task that works on it.

    Attributes:
        listeners: how many requests wait for it.
    """

    def __init__(self, services: Services, run: Run, attempts: Sequence[Attempt], work: PhaseWork) -> None:
        self._state = OwnedRun(services, run, attempts, retention=work.retention)
        self._caller: AgentCaller | None = None
        self.listeners = 0
        self._services = services
        self._work = work
        self._left_loop = asyncio.Event()
        self._task: asyncio.Task[Run] | None = None
        self._book: AgentBook | None = None
        self._git = Git(services.processes, services.clock, run.workflow_id, services.artifacts(run.workflow_id))
        self._ending = Ending(services, self._state, work.plan.workflow, self._git)

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

    async def take_up(self, make: Callable[[Journal], None] | None, on_happening: OnHappening) -> None:
        """Own the run and do what can be done with that; see `OwnedRun.take_up`."""
        self._state.on_happening = on_happening
        await self._state.take_up(make, self._first_step)

    def _first_step(self, started: Run) -> Moved:
        """Where no place has to be made the first phase begins as the run does: one write instead of two."""
        checkout = place_at_once(started, self._work, self._services)
        if checkout is None:
            return Moved(started)
        moved = self._enter_first(_replace(started, checkout=checkout))
        is_begun = moved.run.status is RunStatus.RUNNING and all(item.status == "running" for item in moved.attempts)
        return moved if is_begun else Moved(started)

    def _enter_first(self, ready: Run) -> Moved:
        return self._onward(enter(ready, self.plan.first(), self.plan, self.attempts, self._now()))

    async def release(self) -> None:
        """Let others have the run."""
        await self._state.release()

    def start(
        self, on_happening: OnHappening, caller: AgentCaller | None, notifier: Notifier | None = None
    ) -> "asyncio.Task[Run]":
        """Begin, or join what has begun.

        Args:
            on_happening: told of every event from now on.
            caller: reaches agents from now on.
            notifier: reaches people from now on.
        """
        self._state.on_happening, self._caller, self._ending.notifier = on_happening, caller, notifier
        if self._task is None:
            self._task = asyncio.create_task(self._drive(), name=f"run {self.run.workflow_id}")
        elif self.run.waiting is not None:
            self._tell_waiting()
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

    async def answer(self, interaction_id: str | None, response: Response, by: str | None) -> tuple[Interaction, bool]:
        """Take the answer to what the agent asked; also whether it was waiting for it.

        Raises:
            InteractionError: nothing of that id waits.
        """
        if self._book is None:
            raise InteractionError("no agent asks anything now")
        return await self._book.answer(interaction_id, response, by)

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
            await self._ending.clear_up()
        return self.run

    async def _go_on(self) -> None:
        while self.run.status is RunStatus.RUNNING:
            if self.run.checkout is None or self.run.checkout.is_removed:
                await self._prepare()
            elif self.run.pause_requested and not has_landed(self.run):
                await self._state.transition(lambda: Moved(pause(self.run, self._now())))
            elif self.run.stage == "landing":
                await self._ending.land()
            else:
                await self._phase()

    async def _prepare(self) -> None:
        """Make the place to work and go to the first phase."""
        checkout, problem = await open_place(self.run, self._work, self._git, self._services)
        if problem is not None:
            await self._state.transition(lambda: Moved(move(self.run, RunEvent.FAIL, self._now(), problem)))
            return
        ready = _replace(self.run, checkout=checkout)
        if self.run.checkout is not None:  # it was removed after its time: the run goes on where it stopped
            await self._state.transition(lambda: Moved(ready))
            return
        await self._state.transition(lambda: self._enter_first(ready))

    async def _phase(self) -> None:
        attempt = open_attempt(self.run, self.attempts)
        if attempt is None or not self._state.has_begun(attempt):
            attempt = await self._begin(attempt)
        if attempt is None:
            return
        begun = attempt
        book = self._book = AgentBook(begun.agent, self._keep, self._services.clock)
        try:
            contact = Contact(self._caller, self._show(begun), book)
            outcome = await self._work.perform(self.run, begun, self.attempts, self._git, contact)
        finally:
            self._book = None
        await self._state.transition(lambda: self._end(begun, outcome))

    def _end(self, begun: Attempt, outcome: PhaseOutcome) -> Moved:
        attempt = open_attempt(self.run, self.attempts) or begun
        kept = attempt if isinstance(outcome, Interrupted) else settled(attempt)
        return self._onward(settle(self.run, kept, outcome, self.plan, self.attempts, self._now()))

    async def _keep(self, state: AgentState) -> None:
        """Journal what the agent of the phase under way does."""
        before = self.run.waiting
        await self._state.transition(lambda: keep_agent(self.run, self.attempts, state, self._now()))
        if (before is None) != (self.run.waiting is None):
            self._tell_waiting()

    def _tell_waiting(self) -> None:
        attempt = open_attempt(self.run, self.attempts)
        if attempt is not None:
            self._state.on_happening(waiting_changed(self.run, attempt, self._now()))

    async def _begin(self, left_open: Attempt | None) -> Attempt | None:
        """Begin the attempt that is due, or again the one that a dead process left open; None if that must not be."""
        if left_open is not None and not self.run.is_forced and not self._work.may_repeat(left_open):
            await self._state.transition(lambda: Moved(block(self.run, left_open, self._now())))
            return None
        problem = None if left_open is not None else await self._work.over_daily_budget(self.run)
        if problem is not None:
            await self._state.transition(lambda: Moved(park_over_budget(self.run, problem, self._now())))
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
        if moved.attempts:
            moved = charged(moved, self.plan, overlay(self.attempts, moved.attempts), self._now())
        run = moved.run
        if run.status is not RunStatus.RUNNING or run.pause_requested:
            return moved
        if run.stage == "landing":
            post_success = self.plan.workflow.post_success
            is_done = lands_nothing(run, self.plan.workflow) and not (post_success and post_success.notify)
            return Moved(complete(run, self._now()), moved.attempts) if is_done else moved
        if self._work.backoff_seconds(run) or self._work.has_daily_budget:
            return moved
        begun = begin_attempt(run, self.plan, overlay(self.attempts, moved.attempts), self._now())
        return Moved(begun.run, (*moved.attempts, *begun.attempts))

    def _show(self, attempt: Attempt) -> Any:
        def show(line: str) -> None:
            self._state.on_happening(line_shown(attempt, line, self._now()))

        return show

    def _now(self) -> datetime.datetime:
        return self._services.clock.now()
