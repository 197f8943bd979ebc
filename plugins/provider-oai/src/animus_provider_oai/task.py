"""What an agent is asked to do, and how it ended."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from animus_agent_cli.request import ApprovalPolicy, ToolPolicy
from animus_agent_cli.tool_rules import ToolRules
from animus_provider_oai.answer import Usage

__all__ = ["AgentEnd", "Task"]


class Task(NamedTuple):
    """One run.

    Attributes:
        prompt: what to do.
        cwd: the folder to work in; it exists.
        environment: everything that commands of the agent see.
        resume_id: the session to take up; None begins one.
        tools: which tools it may use; None allows all.
        rules: what is decided about single calls of tools; None where there are no rules.
        approvals: who decides about what changes things; None asks nobody.
        response_schema: a JSON schema for the answer.
        is_read_only: no tool that changes things.
        is_sandboxed: commands run in a sandbox without a network.
        timeout_seconds: for all of it; None for no limit.
        run_id: the host's run, for the process ledger.
    """

    prompt: str
    cwd: Path
    environment: Mapping[str, str]
    system_prompt: str | None = None
    model: str | None = None
    reasoning_effort: str | None = None
    resume_id: str | None = None
    tools: ToolPolicy | None = None
    rules: ToolRules | None = None
    approvals: ApprovalPolicy | None = None
    response_schema: dict[str, Any] | None = None
    is_read_only: bool = False
    is_sandboxed: bool = False
    timeout_seconds: float | None = None
    run_id: str | None = None


class AgentEnd(NamedTuple):
    """The answer. `usage` is None when the endpoint tells nothing of tokens."""

    output: str
    decision: dict[str, Any] | None
    usage: Usage | None
    model: str | None
    turns: int
