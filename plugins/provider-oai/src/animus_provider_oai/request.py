"""From the params of ``agent/run`` to a task, refusing what this agent cannot honour."""

from collections.abc import Mapping
from typing import Final

from animus_agent_cli.parameters import (
    RUN_VARIABLE,
    approvals_of,
    cwd_of,
    mcp_servers_of,
    response_schema_of,
    rules_of,
    timeout_of,
    tools_of,
)
from animus_agent_cli.request import ToolPolicy
from animus_plugin_protocol import ErrorCode, RefusedError
from animus_plugin_protocol.wire.lifecycle import ProjectBinding
from animus_plugin_protocol.wire.provider import AgentRunParams
from animus_provider_oai.task import Task

__all__ = ["NAMES", "task_of"]

_READ_ONLY: Final = frozenset({"plan", "read-only", "read_only"})
_OPEN: Final = frozenset(
    {"default", "acceptEdits", "auto", "bypassPermissions", "dontAsk", "workspace-write", "danger-full-access"}
)
_SANDBOXES: Final = frozenset({"none", "bubblewrap"})
NAMES: Final = tuple(sorted(_READ_ONLY | _OPEN))
"""The permission modes that are understood."""


def task_of(
    params: AgentRunParams, binding: ProjectBinding | None, environment: Mapping[str, str], resume_id: str | None
) -> Task:
    """The task. `environment` is what commands of the agent will see.

    Raises:
        RefusedError: the request cannot be meant, or asks for what this agent cannot do.
    """
    _refuse_unsupported(params)
    return Task(
        prompt=params.prompt,
        cwd=cwd_of(params, binding),
        environment=environment,
        system_prompt=params.system_prompt,
        model=params.model,
        reasoning_effort=params.reasoning_effort,
        resume_id=resume_id,
        tools=_tools(params),
        rules=rules_of(params),
        approvals=approvals_of(params),
        response_schema=response_schema_of(params),
        is_read_only=params.permission_mode in _READ_ONLY,
        is_sandboxed=params.sandbox == "bubblewrap",
        timeout_seconds=timeout_of(params),
        run_id=params.env.get(RUN_VARIABLE),
    )


def _tools(params: AgentRunParams) -> ToolPolicy | None:
    policy = tools_of(params)
    with_arguments = [rule for rule in (*policy.allow, *policy.deny) if "(" in rule] if policy else []
    if with_arguments:
        raise _unsupported(f"tool rule {with_arguments[0]!r}: rules on arguments are not understood; name whole tools")
    return policy


def _refuse_unsupported(params: AgentRunParams) -> None:
    if any(not server.optional for server in mcp_servers_of(params).values()):
        raise _unsupported("mcp_servers: this agent has only its own tools")
    if params.permission_mode is not None and params.permission_mode not in _READ_ONLY | _OPEN:
        raise _unsupported(f"permission_mode {params.permission_mode!r}: it knows {', '.join(NAMES)}")
    if (params.sandbox or "none") not in _SANDBOXES:
        raise _unsupported(f"sandbox {params.sandbox!r}: it knows none and bubblewrap")
    if params.web_search:
        raise _unsupported("web_search: this agent has no tool for it")
    if params.network_access is False and params.sandbox != "bubblewrap":
        raise _unsupported("network_access false: only the sandbox bubblewrap keeps commands off the network")
    if params.network_access and params.sandbox == "bubblewrap":
        raise _unsupported("network_access true: the sandbox has no network")
    if params.tool_profile:
        raise _unsupported("tool_profile: there are no settings folders behind this agent")
    if params.config_overrides:
        raise _unsupported("config_overrides: it is set by environment variables")
    if params.extra_args or params.command:
        raise _unsupported("extra_args and command: there is no program behind this agent")


def _unsupported(message: str) -> RefusedError:
    return RefusedError(
        f"provider-oai cannot honour {message}",
        code=ErrorCode.INVALID_PARAMS,
        data={"category": "session_start_failed", "failure": "unknown"},
    )
