"""What a step leaves besides the run itself: events, a checkpoint, lines in the run's notifications log."""

import contextlib
import datetime
from collections.abc import Sequence
from pathlib import Path

from animus_workflow_runner_default.authoring.model import Retention
from animus_workflow_runner_default.engine.happening import recorded_events
from animus_workflow_runner_default.engine.machine import RunStatus
from animus_workflow_runner_default.journal.checkpoint import prune_checkpoints, take_checkpoint
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.notifications import NotificationLog
from animus_workflow_runner_default.journal.record import Attempt, Run
from animus_workflow_runner_default.journal.store import record_event

__all__ = ["Step", "open_log"]


class Step:
    """One step of a run, from one written state to the next.

    Attributes:
        events: what it is to ``journal/events``.
    """

    def __init__(
        self, before: Run, run: Run, attempts: Sequence[Attempt], changed: Sequence[Attempt], now: datetime.datetime
    ) -> None:
        """Describe it.

        Args:
            before: the run as it was.
            run: the run as it is.
            attempts: all attempts as they are.
            changed: those of them that began or ended.
            now: the time.
        """
        self.events = [body for _, body in recorded_events(before, run, changed, now)]
        self._before, self._run, self._now = before, run, now
        self._ended = [item for item in changed if item.status != "running"]
        self._ended_count = sum(item.finished_at is not None for item in attempts)

    def record(self, journal: Journal, retention: Retention) -> None:
        """Write it, in the transaction of the step.

        Args:
            journal: the journal.
            retention: which checkpoints stay.
        """
        run, keep = self._run, retention.checkpoints_keep_last_per_phase
        for body in self.events:
            record_event(journal, run.workflow_id, self._now, body)
        reason = self._reason()
        if reason is not None:
            ended = self._ended[-1] if self._ended else None
            take_checkpoint(journal, run, reason, ended=self._ended_count, attempt=ended, now=self._now, keep=keep)
        if run.status is RunStatus.COMPLETED and retention.checkpoints_auto_prune_on_completion:
            prune_checkpoints(journal, run.workflow_id, 1)

    def notify(self, log: NotificationLog | None) -> None:
        """Write it to the run's notifications log, once it is durable. A log that cannot be written stops nothing."""
        if log is not None and self.events:
            with contextlib.suppress(OSError):
                log.append(*self.events)

    def _reason(self) -> str | None:
        """The word for a checkpoint; None where nothing a person would look for happened."""
        before, after = self._before.status, self._run.status
        if after is RunStatus.CANCELLED:
            return "cancel"
        if any(item.status == "manual_pending" for item in self._ended):
            return "manual"
        if self._ended:
            return "statuschange"
        if before is after:
            return None
        if after is RunStatus.RUNNING:
            return "resume" if self._ended_count else "start"
        return "pause" if after is RunStatus.PAUSED else "statuschange"


def open_log(folder: Path) -> NotificationLog | None:
    """The run's notifications log; None if it cannot be opened."""
    with contextlib.suppress(OSError):
        return NotificationLog(folder)
    return None
