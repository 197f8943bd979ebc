"""What the agent may do, in the program's own terms: a sandbox for its commands, and switches for its tools.

The program works through its shell: it reads files by commands, so commands cannot be forbidden, but what they may do
can. What no setting enforces is refused, never ignored.
"""

import fnmatch
from typing import Final, NamedTuple

from animus_agent_cli.request import AgentRequest, ToolPolicy, UnsupportedError
from animus_provider_codex.setting import setting

__all__ = ["FULL_ACCESS", "READ_ONLY", "WORKSPACE_WRITE", "mcp_tools", "permission_args", "sandbox_mode"]

READ_ONLY: Final = "read-only"
WORKSPACE_WRITE: Final = "workspace-write"
FULL_ACCESS: Final = "danger-full-access"

_MODES: Final = {
    "read-only": READ_ONLY,
    "plan": READ_ONLY,
    "default": WORKSPACE_WRITE,
    "never": WORKSPACE_WRITE,
    "on-failure": WORKSPACE_WRITE,
    "acceptEdits": WORKSPACE_WRITE,
    "workspace-write": WORKSPACE_WRITE,
    "bypassPermissions": FULL_ACCESS,
    "danger-full-access": FULL_ACCESS,
}
_ASKING: Final = ("untrusted", "on-request")
"""Approval policies of the program's own that ask a person."""
_SHELL: Final = ("Bash", "shell", "exec_command", "write_stdin")
_WRITE: Final = ("Edit", "Write", "MultiEdit", "apply_patch")
_READ: Final = ("Read", "Grep", "Glob", "LS", "view_image", "TodoWrite", "update_plan")
_WEB: Final = ("WebSearch", "WebFetch", "web_search")
_AGENTS: Final = ("Agent", "Task", "spawn_agent", "send_input", "wait_agent", "resume_agent", "close_agent")
_KNOWN: Final = (*_SHELL, *_WRITE, *_READ, *_WEB, *_AGENTS)
_MCP: Final = "mcp__"


class _Tools(NamedTuple):
    """What a tool policy comes to."""

    may_write: bool = True
    may_search_web: bool | None = None
    may_have_agents: bool = True


def sandbox_mode(request: AgentRequest) -> str:
    """The program's own sandbox for the commands of `request`.

    Raises:
        UnsupportedError: it cannot be had.
    """
    named = request.permission_mode
    if named in _ASKING:
        raise UnsupportedError(
            f"permission_mode {named!r} asks a person, which this agent cannot do in runs like these; "
            f"use one of {', '.join(_MODES)}"
        )
    if named is not None and named not in _MODES:
        raise UnsupportedError(f"permission_mode {named!r} is unknown to this agent; it has {', '.join(_MODES)}")
    mode = _MODES[named or "default"]
    if not _tools_of(request.tools).may_write:
        if mode == FULL_ACCESS:
            raise UnsupportedError(f"permission_mode {named!r} lets commands write, and tool_policy forbids writing")
        mode = READ_ONLY
    if not request.sandbox:
        return mode
    if mode == READ_ONLY:
        raise UnsupportedError(
            "in sandbox: bubblewrap this agent cannot be kept from writing to the worktree, because its own sandbox "
            "does not work inside another; use sandbox: none for read-only work"
        )
    return FULL_ACCESS


def permission_args(request: AgentRequest) -> list[str]:
    """The arguments for everything the agent may and may not do.

    Raises:
        UnsupportedError: no setting of the program enforces what is asked.
    """
    mode, tools = sandbox_mode(request), _tools_of(request.tools)
    args = [*setting("sandbox_mode", mode), *setting("approval_policy", "never")]
    web = request.web_search
    if web and tools.may_search_web is False:
        raise UnsupportedError("web_search is on, and tool_policy forbids it")
    if web is not None or tools.may_search_web is not None:
        args += setting("web_search", "live" if web or (web is None and tools.may_search_web) else "disabled")
    if not tools.may_have_agents:
        args += setting("features.multi_agent", value=False)
    if request.tools is not None:
        # Tools of servers, plugins and apps that the user has set up elsewhere are not in the policy.
        args += [
            "--ignore-user-config",
            *setting("features.apps", value=False),
            *setting("features.plugins", value=False),
        ]
    return [*args, *_network(request, mode)]


def mcp_tools(policy: ToolPolicy | None, server: str) -> dict[str, list[str]] | None:
    """The settings that leave of an MCP server's tools what the policy allows; None leaves nothing.

    Raises:
        UnsupportedError: the policy's names are patterns of tools, which the program does not have.
    """
    if policy is None:
        return {}
    prefix = f"{_MCP}{server}__"
    denied = [_mcp_tool(rule, prefix) for rule in policy.deny if _means(rule, server)]
    allowed = [_mcp_tool(rule, prefix) for rule in policy.allow if _means(rule, server)]
    if None in denied or (policy.allow and not allowed):
        return None
    found = {"disabled_tools": [name for name in denied if name is not None]} if denied else {}
    if allowed and None not in allowed:
        found["enabled_tools"] = [name for name in allowed if name is not None]
    return found


def _means(rule: str, server: str) -> bool:
    """Whether a rule is about a server: ``mcp__x``, ``mcp__x__tool``, or a pattern that every tool of it fits."""
    whole = f"{_MCP}{server}"
    return rule == whole or rule.startswith(f"{whole}__") or ("*" in rule and fnmatch.fnmatchcase(f"{whole}__", rule))


def _mcp_tool(rule: str, prefix: str) -> str | None:
    """The one tool that a rule is about; None for all of the server's."""
    name = rule.removeprefix(prefix) if rule.startswith(prefix) else ""
    if name in {"", "*"}:
        return None
    if "*" in name or "(" in name:
        raise UnsupportedError(
            f"tool_policy {rule!r}: this agent allows and denies MCP tools by their whole names only"
        )
    return name


def _tools_of(policy: ToolPolicy | None) -> _Tools:
    if policy is None:
        return _Tools()
    for rule in (*policy.allow, *policy.deny):
        if "(" in rule:
            raise UnsupportedError(f"tool_policy {rule!r}: this agent cannot judge the arguments of a tool")
        if not rule.startswith(_MCP) and not fnmatch.filter(_KNOWN, rule):
            raise UnsupportedError(f"tool_policy {rule!r}: this agent has no such tool; it knows {', '.join(_KNOWN)}")
    denied = [name for name in _KNOWN if not ToolPolicy(deny=policy.deny).may_use(name)]
    for group, what in ((_SHELL, "run commands"), (_READ, "read")):
        if not set(group).isdisjoint(denied):
            raise UnsupportedError(
                f"tool_policy: this agent works through its shell and cannot be forbidden to {what}; deny Edit and "
                "Write for commands that cannot change anything"
            )
    _require_whole(denied, _WRITE[:2], "Edit and Write")
    writes = not {*_WRITE}.isdisjoint(denied)
    uses = [name for name in _KNOWN if policy.may_use(name)]
    return _Tools(
        may_write=not writes and not {*_WRITE, *_SHELL}.isdisjoint(uses),
        may_search_web=_may_search_web(policy, denied, uses),
        may_have_agents=set(_AGENTS).isdisjoint(denied) and not (policy.allow and set(_AGENTS).isdisjoint(uses)),
    )


def _may_search_web(policy: ToolPolicy, denied: list[str], uses: list[str]) -> bool | None:
    if not set(_WEB).isdisjoint(denied):
        return False
    return None if not policy.allow else not set(_WEB).isdisjoint(uses)


def _require_whole(denied: list[str], names: tuple[str, ...], what: str) -> None:
    if len({name in denied for name in names}) > 1:
        raise UnsupportedError(
            f"tool_policy: this agent has one way to change files; deny {what} together or not at all"
        )


def _network(request: AgentRequest, mode: str) -> list[str]:
    wanted = request.network_access
    if wanted is None:
        return []
    if request.sandbox:
        if wanted:
            raise UnsupportedError("network_access is on, and sandbox: bubblewrap has no network")
        return []
    if mode == WORKSPACE_WRITE:
        return setting("sandbox_workspace_write.network_access", wanted)
    if wanted == (mode == FULL_ACCESS):
        return []
    raise UnsupportedError(f"network_access {wanted} cannot be had in the sandbox mode {mode!r} of this agent")
