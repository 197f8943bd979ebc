"""A run that this process owns: what the journal has of it, and the only way to change that.

Every transition is in the journal before it is acted on. Whoever changes the run holds its lock, so that a cancelled
run cannot be completed by the phase that was just ending.
"""

import asyncio
import datetime
from collections.abc import Callable, Sequence

from animus_workflow_runner_default.authoring.model import Retention
from animus_workflow_runner_default.engine.happening import (
    Happening,
    OnHappening,
    attempt_ended,
    attempt_started,
)
from animus_workflow_runner_default.engine.machine import FINAL, RunEvent, RunStatus
from animus_workflow_runner_default.engine.recording import Step, open_log
from animus_workflow_runner_default.engine.refusal import BusyError
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.engine.transition import Moved, move, overlay
from animus_workflow_runner_default.journal.journal import Journal, Owner
from animus_workflow_runner_default.journal.notifications import NotificationLog
from animus_workflow_runner_default.journal.record import Attempt, Run

__all__ = ["OwnedRun"]


class OwnedRun:
    """A run and its attempts, as the journal has them.

    Attributes:
        run: the run.
        attempts: its attempts, in order.
        lock: held by whoever changes the run.
        on_happening: told of every event; may be replaced while the run goes on.
    """

    def __init__(self, services: Services, run: Run, attempts: Sequence[Attempt], *, retention: Retention) -> None:
        self.run = run
        self.attempts = list(attempts)
        self.lock = asyncio.Lock()
        self.on_happening: OnHappening = _ignore
        self._services = services
        self._owner: Owner | None = None
        self._log: NotificationLog | None = None
        self._retention = retention
        self._begun: tuple[str, int] | None = None

    async def take_up(self, make: Callable[[Journal], None] | None, first_step: Callable[[Run], Moved]) -> None:
        """Own the run and journal that it is running: one transaction, together with `make` for a new run.

        Args:
            make: prepares the journal for a new run; None for one that is there.
            first_step: what the run comes to in the same transaction, from being started.

        Raises:
            OwnershipError: another process executes it.
            BusyError: somebody changed it since it was read.
        """
        before = self.run
        run, changed = first_step(move(before, RunEvent.START, self._now()))
        attempts = overlay(self.attempts, changed)
        step = Step(before, run, attempts, changed, self._now())

        def work(journal: Journal) -> Owner:
            if make is not None:
                make(journal)
            else:
                stored = journal.run(before.workflow_id)
                if stored is None or stored.updated_at != before.updated_at:
                    raise BusyError(f"run {before.workflow_id!r} was changed meanwhile; try again")
            owner = journal.claim(before.workflow_id)
            journal.write(run, changed, owner=owner)
            step.record(journal, self._retention)
            return owner

        self._owner = await self._services.journal.call(work)
        self.run, self.attempts = run, attempts
        self._log = open_log(self._services.artifacts(before.workflow_id))
        self._tell_news(step, changed, changed)

    async def release(self) -> None:
        """Let others have the run."""
        owner, self._owner = self._owner, None
        if owner is not None:
            await self._services.journal.call(lambda journal: journal.release(owner))

    def has_begun(self, attempt: Attempt) -> bool:
        """Whether it was this process that began the attempt."""
        return (attempt.path, attempt.attempt) == self._begun

    async def transition(self, change: Callable[[], Moved]) -> None:
        """Compute, journal, then take over a transition; does nothing if a signal ended the run meanwhile."""
        async with self.lock:
            if self.run.status in FINAL:
                return
            await self.write(*change())

    async def write(self, run: Run, changed: Sequence[Attempt] = ()) -> None:
        """Journal a run and attempts that changed, then take them over; for holders of the lock."""
        news = [attempt for attempt in changed if not self._goes_on(attempt)]
        attempts = overlay(self.attempts, changed)
        step = Step(self.run, run, attempts, news, self._now())
        owner = self._owner
        has_worktree = run.checkout is not None and run.checkout.worktree is not None
        is_last = run.status is not RunStatus.RUNNING and not has_worktree

        def work(journal: Journal) -> None:
            journal.write(run, changed, owner=owner)
            step.record(journal, self._retention)
            if is_last and owner is not None:
                journal.release(owner)

        cancelled: asyncio.CancelledError | None = None
        try:
            await self._services.journal.call(work)
        except asyncio.CancelledError as error:
            cancelled = error  # it is written: what the journal has and what we know may not differ
        if is_last:
            self._owner = None
        self.run, self.attempts = run, attempts
        self._tell_news(step, changed, news)
        if cancelled is not None:
            raise cancelled

    def _tell_news(self, step: Step, changed: Sequence[Attempt], news: Sequence[Attempt]) -> None:
        for attempt in changed:
            if attempt.status == "running":
                self._begun = (attempt.path, attempt.attempt)
        step.notify(self._log)
        for attempt in news:
            if attempt.finished_at is not None and attempt.status != "skipped":
                self._services.durations.observe(attempt.mode, attempt.status, attempt.duration_seconds or 0.0)
            self._tell(attempt)

    def _goes_on(self, changed: Attempt) -> bool:
        """Whether the attempt was under way already: what its agent does is no event of the run."""
        return changed.status == "running" and any(
            (item.path, item.attempt, item.status, item.starts)
            == (changed.path, changed.attempt, changed.status, changed.starts)
            for item in self.attempts
        )

    def _tell(self, attempt: Attempt) -> None:
        if attempt.status in {"running", "skipped"}:
            self.on_happening(attempt_started(attempt))
        if attempt.status != "running":
            for happening in attempt_ended(attempt):
                self.on_happening(happening)

    def _now(self) -> datetime.datetime:
        return self._services.clock.now()


def _ignore(_happening: Happening) -> None:
    """Nobody watches yet."""
