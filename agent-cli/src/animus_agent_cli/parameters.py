"""From the params of ``agent/run`` to what a provider around a program works with."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from animus_agent_cli.request import ASK, ApprovalPolicy, McpServer, ToolPolicy
from animus_agent_cli.tool_rules import ALLOW, DEFER, DENY, InputMatcher, ToolRule, ToolRules
from animus_plugin_protocol.described import described
from animus_plugin_protocol.errors import ErrorCode, RefusedError
from animus_plugin_protocol.wire.lifecycle import ProjectBinding
from animus_plugin_protocol.wire.provider import AgentRunParams

if TYPE_CHECKING:
    from animus_process import ProcessLedger

__all__ = [
    "CONTEXT_VARIABLE",
    "DEFAULT_TIMEOUT_SECONDS",
    "RUN_VARIABLE",
    "approvals_of",
    "context_document",
    "cwd_of",
    "invalid",
    "ledger_of",
    "mcp_servers_of",
    "response_schema_of",
    "rules_of",
    "run_folder",
    "timeout_of",
    "tools_of",
]

CONTEXT_VARIABLE: Final = "ANIMUS_CONTEXT_FILE"
RUN_VARIABLE: Final = "ANIMUS_RUN_ID"
DEFAULT_TIMEOUT_SECONDS: Final = 1800
"""When the host names no limit. It names 0 for none."""

_PASSED_ON: Final = (
    "session_id",
    "control_session_id",
    "model",
    "system_prompt",
    "permission_mode",
    "reasoning_effort",
    "mcp_servers",
    "tools",
    "response_schema",
    "runtime_contract",
)
_FOLDER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class _Matcher(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    field: str
    regex: str


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    decision: str
    tools: tuple[str, ...] = ()
    input_matchers: tuple[_Matcher, ...] = ()
    reason: str | None = None
    except_tools: tuple[str, ...] = ()


class _Tools(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] | None = None
    rules: tuple[_Rule, ...] = ()
    ask_timeout_secs: float = 600
    observe: bool = False
    """Whether each tool call has to be told; every agent here does, so there is nothing to do for it."""


class _Approvals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    policy: str
    timeout_secs: float = 600
    on_timeout: str = "deny"


class _Server(msgspec.Struct, frozen=True):
    """Keys of other hosts (``transport``, ``type``) say nothing that `command` and `url` do not."""

    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    url: str | None = None
    headers: dict[str, str] = {}
    optional: bool = False


def invalid(message: str) -> RefusedError:
    """The request cannot be meant; nothing ran."""
    return RefusedError(message, code=ErrorCode.INVALID_PARAMS, data={"category": "invalid_request"})


def cwd_of(params: AgentRunParams, binding: ProjectBinding | None) -> Path:
    """Where the program runs: ``cwd``, else the project's root.

    Raises:
        RefusedError: no folder is named, or it does not exist.
    """
    named = params.cwd or params.project_root or (binding.project_root if binding else None)
    if not named:
        raise invalid("no folder to run in: the request names no cwd and the host bound no project")
    cwd = Path(named)
    if not cwd.is_dir():
        raise invalid(f"the folder to run in, {named!r}, does not exist")
    return cwd


def timeout_of(params: AgentRunParams) -> float | None:
    """The time limit in seconds; None for none.

    Raises:
        RefusedError: it is negative.
    """
    if params.timeout_secs is None:
        return DEFAULT_TIMEOUT_SECONDS
    if params.timeout_secs < 0:
        raise invalid(f"timeout_secs {params.timeout_secs} is negative; 0 means no limit")
    return params.timeout_secs or None


def context_document(params: AgentRunParams, extras: dict[str, Any]) -> dict[str, Any]:
    """What the program finds in its context file.

    The host's document as it is, with one key more: ``agent_request`` holds what else was asked of the agent (model,
    system prompt, tools and so on, and every key of the request that this provider does not know).
    """
    request = {name: getattr(params, name) for name in _PASSED_ON if getattr(params, name) is not None}
    given: Any = {} if params.context is None else params.context
    document = cast("dict[str, Any]", given) if isinstance(given, dict) else {"context": given}
    return {**document, "agent_request": {**extras, **request}}


def run_folder(binding: ProjectBinding | None, run_id: str | None) -> Path | None:
    """Where files of a run are kept; None when the host named no place, or the run no plain name."""
    if binding is None or not binding.state_dir or run_id is None or _FOLDER_NAME.fullmatch(run_id) is None:
        return None
    return Path(binding.state_dir) / "runs" / run_id


def ledger_of(binding: ProjectBinding | None, provider: str) -> "ProcessLedger":
    """The project's ledger; under a host that binds no project, one of the provider's own."""
    from animus_process import ProcessLedger  # noqa: PLC0415 - start-up is a budget

    if binding is not None and binding.state_dir:
        return ProcessLedger(Path(binding.state_dir) / "processes")
    configured = os.environ.get("ANIMUS_CONFIG_DIR")
    home = Path(configured) if configured else Path.home() / ".animus"
    return ProcessLedger(home / provider / "processes")


def tools_of(params: AgentRunParams) -> ToolPolicy | None:
    """The tool policy; None leaves it to the agent.

    Raises:
        RefusedError: it has another shape.
    """
    tools = _tools(params)
    if tools is None or (params.tools and tools.allow is None and tools.deny is None):
        return None
    return ToolPolicy(tools.allow or (), tools.deny or ())


def rules_of(params: AgentRunParams) -> ToolRules | None:
    """The rules about single tool calls; None where there are none.

    Raises:
        RefusedError: they have another shape, or hold what is no regular expression.
    """
    tools = _tools(params)
    if tools is None or not tools.rules:
        return None
    return ToolRules(tuple(map(_rule, tools.rules)), tools.ask_timeout_secs)


def _tools(params: AgentRunParams) -> _Tools | None:
    if params.tools is None:
        return None
    shape = '{"allow": ["<tool>", ...], "deny": ["<tool>", ...], "rules": [{"id", "decision", ...}, ...]}'
    tools: _Tools = _convert(params.tools, _Tools, "tools", shape)
    return tools


def _rule(rule: _Rule) -> ToolRule:
    if rule.decision not in {DENY, ASK, ALLOW, DEFER}:
        raise invalid(f"rule {rule.id!r}: decision {rule.decision!r} is none of deny, ask, allow, defer")
    try:
        matchers = tuple(InputMatcher(item.field, re.compile(item.regex)) for item in rule.input_matchers)
    except re.error as error:
        raise invalid(f"rule {rule.id!r}: not a regular expression: {error}") from error
    return ToolRule(rule.id, rule.decision, rule.tools, matchers, rule.reason, rule.except_tools)


def approvals_of(params: AgentRunParams) -> ApprovalPolicy | None:
    """Who decides about tool calls; None when the host wants nobody asked.

    Raises:
        RefusedError: it has another shape: nothing is ever run more openly than the host could have meant.
    """
    if not params.approvals:
        return None
    shape = '{"policy": "ask"|"allow"|"deny", "timeout_secs": n, "on_timeout": "deny"}'
    asked = _convert(params.approvals, _Approvals, "approvals", shape)
    if asked.policy not in {ASK, "allow", "deny"} or asked.on_timeout != "deny" or asked.timeout_secs <= 0:
        raise invalid(f"approvals must be {shape}, with a time above 0; got {params.approvals!r}")
    return ApprovalPolicy(asked.policy, asked.timeout_secs)


def mcp_servers_of(params: AgentRunParams) -> dict[str, McpServer]:
    """The MCP servers by name.

    Raises:
        RefusedError: they have another shape.
    """
    if not params.mcp_servers:
        return {}
    shape = '{"<name>": {"command": ..., "args": [...], "env": {...}} or {"url": ..., "headers": {...}}}'
    found = _convert(params.mcp_servers, dict[str, _Server], "mcp_servers", shape)
    for name, server in found.items():
        if (server.command is None) == (server.url is None):
            raise invalid(f"MCP server {name!r} must have either a command or a url")
    return {
        name: McpServer(server.command, server.args, server.env, server.url, server.headers, server.optional)
        for name, server in found.items()
    }


def response_schema_of(params: AgentRunParams) -> dict[str, Any] | None:
    """The schema for the answer.

    Raises:
        RefusedError: it is no JSON object.
    """
    if params.response_schema is None:
        return None
    shape = "a JSON schema, which is a JSON object"
    found: dict[str, Any] = _convert(params.response_schema, dict[str, Any], "response_schema", shape)
    return found


def _convert(value: Any, shape: Any, name: str, words: str) -> Any:
    try:
        return msgspec.convert(value, described(shape))
    except msgspec.ValidationError as error:
        raise invalid(f"{name} must be {words}: {error}") from error
