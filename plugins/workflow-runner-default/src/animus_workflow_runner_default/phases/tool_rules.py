"""What a provider is told about the tools of an agent: its policy, the rules of its hooks, and that they are watched.

All of it travels in ``tools``, which a provider refuses as a whole where it cannot honour a part: rules in a field of
their own would be passed over by a provider that does not know it.
"""

import re
from collections.abc import Mapping
from typing import Any

from animus_workflow_runner_default.authoring.model import Agent, ApprovalPolicy, Hooks, McpServer, PolicyRule
from animus_workflow_runner_default.phases.approval import PROVIDER_MARGIN_SECONDS

__all__ = ["tools_on_wire"]

_AUTO_DENY = "approval_policy.auto_deny"


def tools_on_wire(agent: Agent | None, servers: Mapping[str, McpServer]) -> dict[str, Any] | None:
    """The agent's ``tools``; None leaves them to its provider.

    Args:
        agent: None where the phase names none.
        servers: the MCP servers it has in the phase.
    """
    policy = None if agent is None else agent.tool_policy
    hooks = Hooks() if agent is None or agent.hooks is None else agent.hooks
    approvals = ApprovalPolicy() if agent is None or agent.approval_policy is None else agent.approval_policy
    tools: dict[str, Any] = {} if policy is None else {"allow": policy.allow, "deny": policy.deny}
    rules = [
        *_rules(hooks, approvals),
        *(_server_rule(name, item.tools) for name, item in servers.items() if item.tools),
    ]
    if rules:
        tools |= {"rules": rules, "ask_timeout_secs": approvals.timeout_secs + PROVIDER_MARGIN_SECONDS}
    if hooks.observers:
        tools["observe"] = True
    return tools or None


def _rules(hooks: Hooks, approvals: ApprovalPolicy) -> list[dict[str, Any]]:
    """The rules, and what is never approved as one of them: no rule that allows may spare that."""
    rules = [_rule(index, rule) for index, rule in enumerate(hooks.policy_rules, 1)]
    if rules and approvals.auto_deny:
        rules.append({"id": _AUTO_DENY, "tools": approvals.auto_deny, "decision": "deny"})
    return rules


def _server_rule(server: str, prefixes: list[str]) -> dict[str, Any]:
    """Denies what a server's ``tools`` do not list: names or the beginnings of names.

    Agents call a tool ``mcp__<server>__<tool>``, most of them with a ``_`` for what is no letter or digit.
    """
    names = [f"mcp__{server}__{prefix}" + ("" if "*" in prefix else "*") for prefix in prefixes]
    return {
        "id": f"mcp_servers.{server}.tools",
        "tools": list(dict.fromkeys(_spellings(f"mcp__{server}__*"))),
        "except_tools": list(dict.fromkeys(form for name in names for form in _spellings(name))),
        "decision": "deny",
        "reason": f"the project lets agents use of the server {server!r} only: {', '.join(prefixes)}",
    }


def _spellings(name: str) -> tuple[str, str]:
    return name, re.sub(r"[^A-Za-z0-9_*-]", "_", name)


def _rule(number: int, rule: PolicyRule) -> dict[str, Any]:
    matchers = [{"field": matcher.field, "regex": matcher.regex} for matcher in rule.input_matchers]
    wire: dict[str, Any] = {"id": rule.id or f"policy_rules {number}", "decision": rule.decision}
    more = {"tools": rule.tools, "input_matchers": matchers, "reason": rule.reason}
    return wire | {name: value for name, value in more.items() if value}
