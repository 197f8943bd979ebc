"""Who decides what an agent asks: the author's lists, a rule, a model, or a person."""

import fnmatch
from typing import Any, Literal

from animus_workflow_runner_default.authoring.model import ApprovalPolicy
from animus_workflow_runner_default.phases.agent_state import Interaction, Response

__all__ = [
    "EXPIRED_APPROVAL",
    "EXPIRED_QUESTION",
    "NOBODY",
    "PROVIDER_MARGIN_SECONDS",
    "approvals_on_wire",
    "decide",
    "unanswered",
]

PROVIDER_MARGIN_SECONDS = 30
"""How much longer a provider waits than we do, so that our word comes first."""
EXPIRED_APPROVAL = "nobody answered within {seconds} s, so it is denied; go on without it if you can"
EXPIRED_QUESTION = "nobody answered within {seconds} s: use your judgement"
NOBODY = "nobody can be asked here"


def approvals_on_wire(policy: ApprovalPolicy | None) -> dict[str, Any] | None:
    """What a provider is told; None where the author wrote no policy: no approvals are asked for then."""
    if policy is None:
        return None
    if not policy.auto_allow and not policy.auto_deny and policy.default in {"allow", "deny"}:
        return {"policy": policy.default}
    seconds = policy.timeout_secs + PROVIDER_MARGIN_SECONDS
    return {"policy": "ask", "timeout_secs": seconds, "on_timeout": "deny"}


def decide(policy: ApprovalPolicy | None, interaction: Interaction) -> Response | Literal["ask", "llm"]:
    """What the policy says: an answer, or who gives it. Only a person answers a question.

    A rule of the agent's hooks that asks means a person, whatever the policy would have said by itself.
    ``auto_deny`` comes before ``auto_allow``, both before the default; they match the tool's name, else the action.
    """
    rules = ApprovalPolicy() if policy is None else policy
    if interaction.kind == "question" or interaction.payload.get("rule") is not None:
        return "ask"
    name = interaction.tool or interaction.question or ""
    if _matches(name, rules.auto_deny):
        return Response(decision="deny", message=f"{name!r} is denied by the agent's approval_policy")
    if _matches(name, rules.auto_allow):
        return Response(decision="allow")
    if rules.default == "allow":
        return Response(decision="allow")
    if rules.default == "deny":
        return Response(decision="deny", message="the agent's approval_policy denies what it does not list")
    return rules.default


def unanswered(interaction: Interaction, seconds: int) -> Response:
    """The answer when nobody gave one in time."""
    text = EXPIRED_QUESTION if interaction.kind == "question" else EXPIRED_APPROVAL
    return Response(decision="deny", message=text.format(seconds=seconds))


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
