"""Budgets: what a run or an attempt may use, and what happens to the run that used more.

Figures come from the journal: tokens and money as the providers said, working time as it was measured. They are looked
at when an attempt ends, and before an agent is called once more in one; a run that is over its limit begins no other
attempt, an attempt over its own is the last.
"""

import datetime
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.model import Budget
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.machine import RunEvent, RunStatus
from animus_workflow_runner_default.engine.move import Moved, move
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.journal.record import Attempt, Run, Usage, Waiting

__all__ = ["Spent", "broken_off", "charged", "exceeded", "park_over_budget", "spent", "spent_so_far"]

_replace = msgspec.structs.replace


class Spent(NamedTuple):
    """What was used."""

    tokens: int
    cost_usd: float
    seconds: float


def spent(attempts: Iterable[Attempt]) -> Spent:
    """The sum over attempts, those that failed or were sent back included."""
    items = list(attempts)
    usages = [item.usage for item in items if item.usage is not None]
    return Spent(
        tokens=sum(usage.tokens for usage in usages),
        cost_usd=sum(usage.cost_usd or 0.0 for usage in usages),
        seconds=sum(item.duration_seconds or 0.0 for item in items if item.mode != "manual"),
    )


def spent_so_far(usage: Usage | None) -> Spent:
    """What an attempt under way has used; its time is counted when it ends."""
    return Spent(0, 0.0, 0.0) if usage is None else Spent(usage.tokens, usage.cost_usd or 0.0, 0.0)


def exceeded(budget: Budget, used: Spent, grants: int = 0) -> str | None:
    """Which limit was passed, in words; None if none was. Each grant allows the same amount once more."""
    times = 1 + grants
    more = f" ({grants} times granted again)" if grants else ""
    if budget.max_tokens is not None and used.tokens > budget.max_tokens * times:
        return f"{used.tokens} tokens used, max_tokens is {budget.max_tokens}{more}"
    if budget.max_cost_usd is not None and used.cost_usd > budget.max_cost_usd * times:
        return f"${used.cost_usd:.4f} spent, max_cost_usd is {budget.max_cost_usd:g}{more}"
    if budget.max_duration_secs is not None and used.seconds > budget.max_duration_secs * times:
        return f"{used.seconds:.1f} s worked, max_duration_secs is {budget.max_duration_secs}{more}"
    return None


def broken_off(plan: Plan, run: Run, path: str, attempts: Sequence[Attempt], under_way: Spent) -> str | None:
    """Why an attempt may use nothing more, in words; None while it may, or where passing a budget is only noted.

    Args:
        plan: the run's.
        run: the run.
        path: the place of the attempt.
        attempts: all attempts so far.
        under_way: what this one has used.
    """
    before = spent(attempts)
    whole = Spent(
        before.tokens + under_way.tokens, before.cost_usd + under_way.cost_usd, before.seconds + under_way.seconds
    )
    for budget, used, grants in (
        (plan.workflow.budget, whole, run.budget_grants),
        (plan.entry(path).budget, under_way, 0),
    ):
        passed = None if budget is None or budget.on_exceed == "warn" else exceeded(budget, used, grants)
        if passed is not None:
            return passed
    return None


def charged(moved: Moved, plan: Plan, attempts: Sequence[Attempt], now: datetime.datetime) -> Moved:
    """The same transition with what the budgets of the run and of the attempt that ended make of it.

    Args:
        moved: a transition after an attempt ended.
        plan: the run's.
        attempts: all attempts, those of the transition included.
        now: the time.
    """
    run = moved.run
    if run.status is not RunStatus.RUNNING:
        return moved
    # The run's own budget wins: it is looked at first. A run that has nothing left to do uses nothing more.
    whole = plan.workflow.budget
    if whole is not None and run.stage == "phases":
        passed = exceeded(whole, spent(attempts), run.budget_grants)
        if passed is not None:
            return _act(moved, whole, f"the budget of the run is used up: {passed}", now)
    for ended in moved.attempts:
        own = plan.entry(ended.path).budget if ended.path in plan and ended.finished_at is not None else None
        passed = None if own is None else exceeded(own, spent([ended]))
        if own is not None and passed is not None:
            return _act(moved, own, f"the budget of phase {ended.phase_id!r} is used up: {passed}", now, ended)
    return moved


def _act(moved: Moved, budget: Budget, reason: str, now: datetime.datetime, ended: Attempt | None = None) -> Moved:
    match budget.on_exceed:
        case "warn":
            run = moved.run
            return moved if reason in run.notes else Moved(_replace(run, notes=[*run.notes, reason]), moved.attempts)
        case "fail":
            return Moved(move(moved.run, RunEvent.FAIL, now, reason), moved.attempts)
        case "pause":
            parked = park_over_budget(moved.run, reason, now, None if ended is None else ended.phase_id)
            return Moved(parked, moved.attempts)


def park_over_budget(run: Run, reason: str, now: datetime.datetime, phase_id: str | None = None) -> Run:
    """Park a run until somebody lets it go on: over its own budget it may then use as much once more.

    Args:
        run: the run.
        reason: which limit was passed.
        now: the time.
        phase_id: the phase whose budget it was; None: the run's.
    """
    waiting = Waiting(
        kind="budget",
        reason=reason,
        command=f"animus workflow resume {run.workflow_id} --force",
        phase_id=phase_id,
        since=timestamp(now),
    )
    return _replace(move(run, RunEvent.PARK, now, reason), waiting=waiting)
