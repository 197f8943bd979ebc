"""One run being executed: the loop that takes it from where its journal says it is to where it stops.

Every transition is in the journal before it is acted on. A signal is a transition like any other; it takes the same
lock, so that a cancelled run cannot be completed by the phase that was just ending.
"""

import asyncio
import contextlib
import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from animus_workflow_runner_default.agent import AgentCaller
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.git import Git, GitError
from animus_workflow_runner_default.happening import (
    Happening,
    OnHappening,
    attempt_ended,
    attempt_started,
    recorded_event,
)
from animus_workflow_runner_default.journal import Journal, Owner
from animus_workflow_runner_default.journal_store import record_event
from animus_workflow_runner_default.landing import clear_up, land, worktree_settings
from animus_workflow_runner_default.machine import FINAL, RunEvent, RunStatus
from animus_workflow_runner_default.merge import MergeBlockedError, merge_problem
from animus_workflow_runner_default.phase_work import PhaseWork
from animus_workflow_runner_default.plan import Plan
from animus_workflow_runner_default.record import Attempt, Checkout, Run, Waiting
from animus_workflow_runner_default.services import Services
from animus_workflow_runner_default.transition import (
    Moved,
    begin_attempt,
    block,
    close_attempts,
    enter,
    move,
    open_attempt,
    pause,
    settle,
)
from animus_workflow_runner_default.worktree import CheckoutError, open_checkout

__all__ = ["Execution"]

_replace = msgspec.structs.replace


class Execution:
    """A run, its attempts, and the task that works on it.

    Attributes:
        run: as the journal has it.
        attempts: likewise, in order.
        on_happening: told of every event; may be replaced while the run goes on.
        caller: reaches agents; likewise.
        owner: the right to write to the run.
    """

    def __init__(
        self, services: Services, run: Run, attempts: Sequence[Attempt], work: PhaseWork, owner: Owner
    ) -> None:
        self.run = run
        self.attempts = list(attempts)
        self.on_happening: OnHappening = _ignore
        self.caller: AgentCaller | None = None
        self._services = services
        self._work = work
        self.owner = owner
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[Run] | None = None
        self._git = Git(services.processes, services.clock, run.workflow_id, services.artifacts(run.workflow_id))

    @property
    def plan(self) -> Plan:
        """The plan the run follows."""
        return self._work.plan

    def start(self) -> "asyncio.Task[Run]":
        """Begin, or join what has begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._drive(), name=f"run {self.run.workflow_id}")
        return self._task

    async def stop(self) -> None:
        """End the work without a transition: the journal stays as it is, and the run is resumed from there."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def pause(self) -> Run:
        """Stop after the phase that is running."""
        async with self._lock:
            if self.run.status is RunStatus.RUNNING:
                await self._write(_replace(self.run, pause_requested=True, updated_at=timestamp(self._now())))
        return self.run

    async def cancel(self, reason: str) -> Run:
        """Cancel the run, then end what it is doing.

        Raises:
            IllegalTransitionError: it is over.
        """
        async with self._lock:
            closed = close_attempts(self.attempts, reason, self._now())
            await self._write(move(self.run, RunEvent.CANCEL, self._now(), reason), closed)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(asyncio.gather(self._task, return_exceptions=True))
        return self.run

    # the loop

    async def _drive(self) -> Run:
        try:
            await self._transition(lambda: Moved(move(self.run, RunEvent.START, self._now())))
            while self.run.status is RunStatus.RUNNING:
                if self.run.stage == "landing":
                    await self._land()
                elif self.run.checkout is None:
                    await self._prepare()
                elif self.run.pause_requested:
                    await self._transition(lambda: Moved(pause(self.run, self._now())))
                else:
                    await self._phase()
            if self.run.status is RunStatus.CANCELLED:
                await self._clear_up()
        except asyncio.CancelledError:
            # A cancelled run was journalled as such before its task was ended; anything else is the process stopping.
            if self.run.status is not RunStatus.CANCELLED:
                raise
        return self.run

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
            await self._transition(lambda: Moved(move(self.run, RunEvent.FAIL, self._now(), problem)))
            return
        ready = _replace(self.run, checkout=checkout)
        await self._transition(lambda: enter(ready, self.plan.first(), self.plan, self.attempts, self._now()))

    async def _phase(self) -> None:
        left_open = open_attempt(self.run, self.attempts)
        if left_open is not None and not self.run.is_forced and not self._work.may_repeat(left_open):
            await self._transition(lambda: Moved(block(self.run, left_open, self._now())))
            return
        delay = self._work.backoff_seconds(self.run)
        if delay and left_open is None:
            await self._services.clock.sleep(delay)
        await self._transition(lambda: begin_attempt(self.run, self.plan, self.attempts, self._now()))
        attempt = open_attempt(self.run, self.attempts)
        if self.run.status is not RunStatus.RUNNING or attempt is None:
            return
        outcome = await self._work.perform(
            self.run, attempt, self.attempts, self._git, self.caller, self._show(attempt)
        )
        await self._transition(lambda: settle(self.run, attempt, outcome, self.plan, self.attempts, self._now()))

    async def _land(self) -> None:
        services, workflow = self._services, self.plan.workflow
        try:
            report = await land(self._git, self.run, workflow, services.project_root, services.worktrees)
        except MergeBlockedError as blocked:
            reason, files = str(blocked), blocked.files
            await self._transition(lambda: Moved(self._parked_at_merge(reason, files)))
            return
        except GitError as error:
            problem = f"post_success.merge: {error}"
            await self._transition(lambda: Moved(move(self.run, RunEvent.FAIL, self._now(), problem)))
            return
        if report is not None:
            merged = _replace(self.run, merge=report)
            await self._transition(lambda: Moved(merged))
        await self._clear_up()
        await self._transition(lambda: Moved(_replace(move(self.run, RunEvent.COMPLETE, self._now()), stage="done")))

    async def _clear_up(self) -> None:
        try:
            kept = await clear_up(self._git, self.run, self.plan.workflow, self._services.project_root)
        except GitError as error:
            kept = str(error)
        if kept is not None:
            await self._write(_replace(self.run, merge={**(self.run.merge or {}), "worktree_kept": kept}))

    # transitions

    async def _transition(self, change: Any) -> None:
        """Compute, journal, then take over a transition; does nothing if a signal ended the run meanwhile."""
        async with self._lock:
            if self.run.status in FINAL:
                return
            moved: Moved = change()
            await self._write(*moved)

    async def _write(self, run: Run, changed: Sequence[Attempt] = ()) -> None:
        events = self._recorded(run, changed)

        def work(journal: Journal) -> None:
            journal.write(run, changed, owner=self.owner)
            for moment, body in events:
                record_event(journal, run.workflow_id, moment, body)

        await self._services.journal.call(work)
        self.run = run
        places = {(item.path, item.attempt): index for index, item in enumerate(self.attempts)}
        for attempt in changed:
            index = places.get((attempt.path, attempt.attempt))
            if index is None:
                self.attempts.append(attempt)
            else:
                self.attempts[index] = attempt
        for attempt in changed:
            self._tell(attempt)

    def _tell(self, attempt: Attempt) -> None:
        if attempt.status in {"running", "skipped"}:
            self.on_happening(attempt_started(attempt))
        if attempt.status != "running":
            for happening in attempt_ended(attempt):
                self.on_happening(happening)

    def _recorded(self, run: Run, changed: Sequence[Attempt]) -> list[tuple[datetime.datetime, dict[str, Any]]]:
        now = self._now()
        rows: list[dict[str, Any]] = []

        def add(kind: str, **more: Any) -> None:
            rows.append(recorded_event(run.workflow_id, run.workflow_ref, kind, timestamp(now), **more))

        if run.status is RunStatus.RUNNING and self.run.status is not RunStatus.RUNNING:
            add("run_started")
        for item in changed:
            kind = "phase_started" if item.status == "running" else "phase_completed"
            add(kind, phase=item.phase_id, status=item.status, detail={"attempt": item.attempt, "path": item.path})
        if run.status in FINAL and self.run.status not in FINAL:
            kind = "run_completed" if run.status is RunStatus.COMPLETED else "run_failed"
            add(kind, status=run.status.value, detail={"reason": run.reason} if run.reason else None)
        return [(now, row) for row in rows]

    def _parked_at_merge(self, reason: str, files: list[str]) -> Run:
        command = f"animus workflow resume {self.run.workflow_id}"
        waiting = Waiting(kind="merge", reason=reason, command=command, since=timestamp(self._now()))
        report = {"status": "blocked", "reason": reason, "files": files}
        return _replace(move(self.run, RunEvent.PARK, self._now(), reason), waiting=waiting, merge=report)

    def _show(self, attempt: Attempt) -> Any:
        def show(line: str) -> None:
            self.on_happening(
                Happening(kind="output", phase_id=attempt.phase_id, ts=timestamp(self._now()), reason=line)
            )

        return show

    def _now(self) -> datetime.datetime:
        return self._services.clock.now()


def _ignore(_happening: Happening) -> None:
    """Nobody watches yet."""
