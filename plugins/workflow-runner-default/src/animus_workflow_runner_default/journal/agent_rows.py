"""What agents did in an attempt, as people and the host see it: calls, what they asked, what they used."""

from collections.abc import Iterable
from typing import Any

import msgspec

from animus_workflow_runner_default.journal.record import Attempt, Usage, Waiting
from animus_workflow_runner_default.phases.agent_state import AgentCall
from animus_workflow_runner_default.phases.agent_usage import total_usage, usage_of_calls

__all__ = ["agent_row", "interaction_rows", "tokens_row", "usage_row", "waiting_row"]

MAX_REASON_CHARS = 500
"""How much of a call's failure its row carries; the attempt's reason has more of the last one."""
_ALWAYS = ("input", "output")


def agent_row(attempt: Attempt) -> dict[str, Any]:
    """The part of an attempt's row that is about its agents; empty where there were none."""
    used = _usage(attempt)
    row: dict[str, Any] = {}
    if used is not None:
        row |= {"tokens": tokens_row(used), "cost_usd": used.cost_usd, "model": used.model}
    if attempt.agent is not None and attempt.agent.calls:
        row["target"] = str(attempt.agent.calls[-1].target)
        row["calls"] = [_call_row(call) for call in attempt.agent.calls]
    return row


def usage_row(attempts: Iterable[Attempt]) -> dict[str, Any]:
    """What a run used, with what the attempt under way used so far."""
    total = total_usage(used for attempt in attempts if (used := _usage(attempt)) is not None)
    return {} if total is None else {"tokens": tokens_row(total), "cost_usd": total.cost_usd}


def tokens_row(used: Usage) -> dict[str, int] | None:
    """The tokens by kind; None if nobody counted any."""
    row = {"input": used.input, "output": used.output, "cached": used.cached, "cache_writes": used.cache_writes}
    if not any(row.values()):
        return None
    return {key: value for key, value in row.items() if value or key in _ALWAYS}


def waiting_row(waiting: Waiting) -> dict[str, Any]:
    """What is waited for, in the words of the wire."""
    asked = waiting.interaction
    row: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(waiting, interaction=None))
    if asked is not None:
        row |= {
            "interaction_id": asked.id,
            "interaction_kind": asked.kind,
            "tool": asked.tool,
            "arguments": asked.payload.get("arguments"),
            "question": asked.question,
            "options": asked.payload.get("options"),
        }
    return {key: value for key, value in row.items() if value is not None}


def interaction_rows(attempt: Attempt) -> list[dict[str, Any]]:
    """What its agents asked, in order. An attempt that is over waits for nobody."""
    rows: list[dict[str, Any]] = []
    for item in () if attempt.agent is None else attempt.agent.interactions:
        is_left = item.status == "pending" and attempt.status != "running"
        row: dict[str, Any] = {
            "interaction_id": item.id,
            "phase_id": attempt.phase_id,
            "path": attempt.path,
            "attempt": attempt.attempt,
            "kind": item.kind,
            "tool": item.tool,
            "arguments": item.payload.get("arguments"),
            "question": item.question,
            "options": item.payload.get("options"),
            "status": "withdrawn" if is_left else item.status,
            "asked_at": item.asked_at,
            "expires_at": item.expires_at,
            "response": None if item.response is None else msgspec.to_builtins(item.response),
            "answered_at": item.answered_at,
            "answered_by": item.answered_by,
            "replayed": item.is_replayed or None,
        }
        rows.append({key: value for key, value in row.items() if value is not None})
    return rows


def _usage(attempt: Attempt) -> Usage | None:
    """What an attempt used, so far if it is under way."""
    if attempt.usage is None and attempt.agent is not None:
        return usage_of_calls(attempt.agent.calls)
    return attempt.usage


def _call_row(call: AgentCall) -> dict[str, Any]:
    row: dict[str, Any] = {
        "purpose": call.purpose,
        "target": str(call.target),
        "try": call.number,
        "status": "running" if call.is_open else "done" if call.is_clean else "failed",
        "failure": call.failure,
        "reason": None if call.reason is None else call.reason[:MAX_REASON_CHARS],
        "model": call.model,
        "tokens": call.tokens,
        "cost_usd": call.cost_usd,
        "session": call.resume_id,
        "started_at": call.started_at,
        "finished_at": call.finished_at,
    }
    return {key: value for key, value in row.items() if value is not None}
