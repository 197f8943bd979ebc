"""Where a run goes when the evals of a phase failed: into the phase again while that is allowed, else to a person."""

import datetime

import msgspec

from animus_workflow_runner_default.authoring.model import Evals
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.machine import RunEvent
from animus_workflow_runner_default.engine.move import Moved, move
from animus_workflow_runner_default.engine.routing import Rework
from animus_workflow_runner_default.journal.record import Attempt, Run, Waiting

__all__ = ["after_failed_evals", "rerun_evaluated"]

_replace = msgspec.structs.replace


def after_failed_evals(run: Run, ended: Attempt, evals: Evals, reason: str, now: datetime.datetime) -> Moved:
    """The run after checks failed. Re-entries are counted apart from those of verdicts, and in the journal.

    Args:
        run: the run, its working time booked.
        ended: the attempt with its outcome.
        evals: the phase's.
        reason: which checks failed and how.
        now: the time.
    """
    count = run.eval_counts.get(ended.path, 0)
    if evals.on_fail == "rework" and count < evals.max_reworks:
        reworked = _replace(
            run,
            position=ended.path,
            eval_counts=run.eval_counts | {ended.path: count + 1},
            rework_context=reason,
            updated_at=timestamp(now),
        )
        return Moved(reworked, (_replace(ended, status="rework", reason=reason, step=Rework(ended.path, reason)),))
    if evals.on_fail == "rework":
        reason = f"{reason}\n(sent back {count} times, the most its evals allow)"
    waiting = Waiting(
        kind="eval",
        reason=reason,
        command=f"animus workflow phase approve {run.workflow_id} --note TEXT",
        phase_id=ended.phase_id,
        path=ended.path,
        since=timestamp(now),
    )
    parked = _replace(move(run, RunEvent.PARK, now, reason), waiting=waiting)
    return Moved(parked, (_replace(ended, status="manual_pending", reason=reason, finished_at=None),))


def rerun_evaluated(run: Run, attempt: Attempt, now: datetime.datetime) -> Moved:
    """The run after a person said that the phase whose evals failed shall do its work again."""
    reason = attempt.reason or "its evals failed"
    freed = _replace(move(run, RunEvent.RESUME, now), position=attempt.path, rework_context=reason)
    step = Rework(attempt.path, reason)
    return Moved(freed, (_replace(attempt, status="rework", finished_at=timestamp(now), step=step),))
