"""What the calls of an attempt used, added up."""

from collections.abc import Iterable

from animus_workflow_runner_default.journal.record import Usage
from animus_workflow_runner_default.phases.agent_state import AgentCall

__all__ = ["total_usage", "usage_of_calls"]

COST_DIGITS = 6
"""A millionth of a dollar: what sums of binary fractions are rounded to."""
_TOKENS = ("input", "output", "cached", "cache_writes")


def usage_of_calls(calls: Iterable[AgentCall]) -> Usage | None:
    """The sum over all calls, those that failed included; None if no call said anything about it."""
    return total_usage(
        Usage(
            **{name: (call.tokens or {}).get(name, 0) for name in _TOKENS},
            cost_usd=None if call.cost_usd is None else round(call.cost_usd, COST_DIGITS),
            model=call.model,
        )
        for call in calls
        if call.tokens is not None or call.cost_usd is not None or call.model is not None
    )


def total_usage(parts: Iterable[Usage]) -> Usage | None:
    """The sum; None of nothing. Money is None where nobody knows any; the model is the latest one named."""
    total: Usage | None = None
    for part in parts:
        if total is None:
            total = part
            continue
        costs = [cost for cost in (total.cost_usd, part.cost_usd) if cost is not None]
        total = Usage(
            input=total.input + part.input,
            output=total.output + part.output,
            cached=total.cached + part.cached,
            cache_writes=total.cache_writes + part.cache_writes,
            cost_usd=round(sum(costs), COST_DIGITS) if costs else None,
            model=part.model or total.model,
        )
    return total
