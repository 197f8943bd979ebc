"""The transitions of a run as pure functions: the run and its attempts before, the same after.

Whoever calls these writes the result to the journal first and acts on it afterwards.
"""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.model import REJECTIONS
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.evaluation import after_failed_evals
from animus_workflow_runner_default.engine.machine import RunEvent
from animus_workflow_runner_default.engine.move import Moved, move
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.routing import (
    Advance,
    Close,
    Complete,
    Escalate,
    Rework,
    Step,
    has_route,
    next_step,
)
from animus_workflow_runner_default.journal.record import Attempt, Run, Waiting
from animus_workflow_runner_default.phases.agent_state import AgentState
from animus_workflow_runner_default.phases.decision import Decision
from animus_workflow_runner_default.phases.manual_phase import DEFAULT_REJECTION, gate_waiting
from animus_workflow_runner_default.phases.outcome import Decided, Failed, Gated, Interrupted, PhaseOutcome

__all__ = [
    "Moved",
    "answer_gate",
    "await_merge",
    "begin_attempt",
    "block",
    "close_attempts",
    "complete",
    "enter",
    "move",
    "open_attempt",
    "overlay",
    "pause",
    "resume",
    "settle",
]

_replace = msgspec.structs.replace
_STATUS_OF_STEP = {Advance: "completed", Complete: "completed", Rework: "rework", Close: "closed", Escalate: "failed"}


def enter(run: Run, path: str | None, plan: Plan, attempts: Sequence[Attempt], now: datetime.datetime) -> Moved:
    """Go to `path`, over everything its guards skip; past the last place the run is ready to land."""
    point = plan.entry_point(path, run.attributes)
    moment = timestamp(now)
    skipped = tuple(
        Attempt(
            path=skipped_path,
            phase_id=plan.entry(skipped_path).phase_id,
            attempt=_next_number(attempts, skipped_path),
            mode=plan.phase(skipped_path).mode,
            status="skipped",
            started_at=moment,
            finished_at=moment,
            duration_seconds=0.0,
            decision=Decision(verdict="skip", confidence=1.0, risk="low", reason="a skip_if guard holds"),
            reason="a skip_if guard holds",
        )
        for skipped_path in point.skipped
    )
    stage = "phases" if point.path is not None else "landing"
    return Moved(_replace(run, position=point.path, stage=stage, updated_at=moment), skipped)


def overlay(attempts: Sequence[Attempt], changed: Sequence[Attempt]) -> list[Attempt]:
    """The attempts with those that changed put in their places, and the new ones after them."""
    by_address = {(item.path, item.attempt): item for item in (*attempts, *changed)}
    return list(by_address.values())


def open_attempt(run: Run, attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt at the run's position that was begun and has no end."""
    return next((item for item in attempts if item.path == run.position and item.status == "running"), None)


def begin_attempt(run: Run, plan: Plan, attempts: Sequence[Attempt], now: datetime.datetime) -> Moved:
    """Begin the phase at the run's position, or begin again the attempt that a dead process left open."""
    left_open = open_attempt(run, attempts)
    moment = timestamp(now)
    if left_open is not None:
        attempt = _replace(left_open, starts=left_open.starts + 1, started_at=moment, is_forced=run.is_forced)
    else:
        path = run.position or plan.first()
        attempt = Attempt(
            path=path,
            phase_id=plan.entry(path).phase_id,
            attempt=_next_number(attempts, path),
            mode=plan.phase(path).mode,
            status="running",
            started_at=moment,
            rework_context=run.rework_context,
            agent=AgentState() if plan.phase(path).mode == "agent" else None,
        )
    return Moved(_replace(run, position=attempt.path, is_forced=False, updated_at=moment), (attempt,))


def block(run: Run, attempt: Attempt, now: datetime.datetime, cause: str | None = None) -> Run:
    """Park a run whose phase was begun by a process that died and may have had effects."""
    why = cause or "it was begun and its runner died: it may have had effects"
    reason = (
        f"phase {attempt.phase_id!r} (attempt {attempt.attempt}): {why}. "
        "Declare `idempotency: idempotent` on phases that may simply run again"
    )
    parked = move(run, RunEvent.PARK, now, reason)
    waiting = Waiting(
        kind="blocked",
        reason=reason,
        command=f"animus workflow resume {run.workflow_id} --force",
        phase_id=attempt.phase_id,
        path=attempt.path,
        since=timestamp(now),
    )
    return _replace(parked, waiting=waiting)


def pause(run: Run, now: datetime.datetime) -> Run:
    """Park a run because somebody asked for that."""
    reason = "paused by request"
    command = f"animus workflow resume {run.workflow_id}"
    waiting = Waiting(kind="paused", reason=reason, command=command, since=timestamp(now))
    return _replace(move(run, RunEvent.PAUSE, now, reason), waiting=waiting)


def await_merge(run: Run, report: dict[str, Any], now: datetime.datetime) -> Run:
    """Park a run whose merge a person has to help with; `report` says why."""
    reason = str(report["reason"])
    command = f"animus workflow resume {run.workflow_id}"
    waiting = Waiting(kind="merge", reason=reason, command=command, since=timestamp(now))
    return _replace(move(run, RunEvent.PARK, now, reason), waiting=waiting, merge=report)


def complete(run: Run, now: datetime.datetime) -> Run:
    """The run has reached its goal and everything was done about it."""
    return _replace(move(run, RunEvent.COMPLETE, now), stage="done")


def settle(
    run: Run, attempt: Attempt, outcome: PhaseOutcome, plan: Plan, attempts: Sequence[Attempt], now: datetime.datetime
) -> Moved:
    """The run after its phase ended with `outcome`."""
    began = datetime.datetime.fromisoformat(attempt.started_at)
    seconds = max(0.0, (now - began).total_seconds())
    ended = _replace(attempt, finished_at=timestamp(now), duration_seconds=round(seconds, 3))
    busy = _replace(run, busy_seconds=run.busy_seconds + seconds)
    if isinstance(outcome, Interrupted):
        return Moved(block(run, attempt, now, outcome.reason))
    if isinstance(outcome, Gated):
        waiting = gate_waiting(outcome, run.workflow_id, attempt.phase_id, attempt.path, now)
        parked = _replace(move(run, RunEvent.PARK, now, f"waits at gate {attempt.phase_id!r}"), waiting=waiting)
        return Moved(parked, (_replace(attempt, status="manual_pending", reason=outcome.instructions),))
    if isinstance(outcome, Failed):
        failed = _replace(
            ended,
            status="failed",
            reason=outcome.reason,
            outcome=outcome.outcome,
            metadata=outcome.metadata,
            usage=outcome.usage,
        )
        if outcome.is_over_budget:  # the budget parks or fails the run; one that goes on enters the phase again
            return Moved(_replace(busy, updated_at=timestamp(now)), (_replace(failed, status="rework"),))
        return Moved(move(busy, RunEvent.FAIL, now, outcome.reason), (failed,))
    return _route(busy, ended, outcome, plan, attempts, now)


def _route(
    run: Run, attempt: Attempt, outcome: Decided, plan: Plan, attempts: Sequence[Attempt], now: datetime.datetime
) -> Moved:
    decision = outcome.decision
    ended = _replace(
        attempt,
        decision=decision,
        reason=None if decision is None else decision.reason,
        outcome=outcome.outcome,
        metadata=outcome.metadata,
        usage=outcome.usage,
        checks=outcome.checks,
    )
    evals = plan.phase(attempt.path).evals
    if outcome.eval_failure is not None and evals is not None:
        return after_failed_evals(run, ended, evals, outcome.eval_failure, now)
    step = next_step(decision, plan.entry(attempt.path), run.rework_counts, plan, run.attributes)
    ended = _replace(ended, status=_STATUS_OF_STEP[type(step)], step=step)
    moved = _take(run, step, plan, [*attempts, ended], now)
    return Moved(moved.run, (ended, *moved.attempts))


def _take(run: Run, step: Step, plan: Plan, attempts: Sequence[Attempt], now: datetime.datetime) -> Moved:
    match step:
        case Advance(path=path):
            return enter(_replace(run, rework_context=None), path, plan, attempts, now)
        case Rework(path=path, reason=reason):
            counts = run.rework_counts | {path: run.rework_counts.get(path, 0) + 1}
            reworked = _replace(run, position=path, rework_counts=counts, rework_context=reason)
            return Moved(_replace(reworked, updated_at=timestamp(now)))
        case Complete():
            return Moved(_replace(run, position=None, stage="landing", updated_at=timestamp(now)))
        case Close(status=status, reason=reason):
            event = RunEvent.COMPLETE if status == "completed" else RunEvent.CANCEL
            return Moved(_replace(move(run, event, now, reason), stage="done"))
        case Escalate(path=path, reason=reason):
            escalated = move(run, RunEvent.ESCALATE, now, reason)
            return Moved(_replace(escalated, position=path, rework_context=reason))


def answer_gate(
    run: Run,
    attempt: Attempt,
    decision: Decision | None,
    note: str | None,
    plan: Plan,
    attempts: Sequence[Attempt],
    now: datetime.datetime,
) -> Moved:
    """The run after its gate was approved with `decision`, or rejected (None) with `note`.

    A rejection takes the route of ``fail``, or that of ``rework``, where the place has one whose guard holds; otherwise
    the run fails.
    """
    if decision is None:
        reason = (note or "").strip() or DEFAULT_REJECTION
        entry = plan.entry(attempt.path)
        for verdict in () if attempt.checks else REJECTIONS:
            rejection = Decision(verdict=verdict, confidence=1.0, risk="low", reason=reason)
            if has_route(rejection, entry, run.rework_counts, plan, run.attributes):
                ended = _replace(attempt, finished_at=timestamp(now))
                outcome = Decided(decision=rejection)
                return _route(move(run, RunEvent.APPROVE, now), ended, outcome, plan, attempts, now)
        rejected = _replace(attempt, status="failed", reason=reason, finished_at=timestamp(now))
        return Moved(move(run, RunEvent.REJECT, now, reason), (rejected,))
    ended = _replace(attempt, finished_at=timestamp(now))
    if attempt.checks and attempt.decision is not None:  # evals failed: what the phase decided is what is approved
        decision = _replace(attempt.decision, reason=f"{attempt.decision.reason}\napproved: {decision.reason}".strip())
    approved = Decided(
        decision=decision,
        outcome=attempt.outcome,
        metadata=attempt.metadata,
        usage=attempt.usage,
        checks=attempt.checks,
    )
    return _route(move(run, RunEvent.APPROVE, now), ended, approved, plan, attempts, now)


def close_attempts(attempts: Sequence[Attempt], reason: str, now: datetime.datetime) -> tuple[Attempt, ...]:
    """The attempts that had no end yet, ended as failed with `reason`."""
    return tuple(
        _replace(item, status="failed", reason=reason, finished_at=timestamp(now))
        for item in attempts
        if item.status in {"running", "manual_pending"}
    )


def resume(run: Run, now: datetime.datetime, *, force: bool) -> Run:
    """The run after a person said to go on: one that escalated gets a new budget for the phase it stopped at."""
    counts = dict(run.rework_counts)
    if run.position is not None and run.status == "escalated":
        counts.pop(run.position, None)
    waiting = run.waiting
    over_budget = waiting is not None and waiting.kind == "budget"
    grants = run.budget_grants + int(over_budget and waiting is not None and waiting.phase_id is None)
    freed = move(run, RunEvent.RESUME, now)
    return _replace(freed, rework_counts=counts, budget_grants=grants, is_forced=force and not over_budget)


def _next_number(attempts: Sequence[Attempt], path: str) -> int:
    return 1 + max((item.attempt for item in attempts if item.path == path), default=0)
