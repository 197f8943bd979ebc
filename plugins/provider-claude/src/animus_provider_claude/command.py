"""How the program is called for a request. Nothing here knows the protocol; all of it was tried on the program."""

import json
import os
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from animus_agent_cli.conversation import AgentCommand
from animus_agent_cli.request import AgentRequest, McpServer, ToolPolicy, UnsupportedError
from animus_provider_claude.profile import profile_environment

__all__ = ["BUILT_IN_TOOLS", "PERMISSION_MODES", "command_of", "is_open"]

PERMISSION_MODES: Final = ("default", "manual", "acceptEdits", "auto", "bypassPermissions", "dontAsk", "plan")
EFFORTS: Final = {"minimal": "low", **{level: level for level in ("low", "medium", "high", "xhigh", "max")}}
BUILT_IN_TOOLS: Final = (
    "Agent",
    "AskUserQuestion",
    "Bash",
    "BashOutput",
    "Edit",
    "ExitPlanMode",
    "Glob",
    "Grep",
    "KillShell",
    "Monitor",
    "NotebookEdit",
    "Read",
    "Skill",
    "TaskCreate",
    "TaskGet",
    "TaskList",
    "TaskOutput",
    "TaskStop",
    "TaskUpdate",
    "TodoWrite",
    "ToolSearch",
    "WebFetch",
    "WebSearch",
    "Write",
)
"""What a name with a ``*`` in a tool policy can mean besides the tools of MCP servers."""
WEB_TOOLS: Final = ("WebSearch", "WebFetch")
RETRIES: Final = "3"
"""How often the program tries a request to its model again, unless the environment says otherwise."""
_OPENING: Final = frozenset(
    {
        "--add-dir",
        "--allow-dangerously-skip-permissions",
        "--allowed-tools",
        "--allowedTools",
        "--bare",
        "--dangerously-skip-permissions",
        "--mcp-config",
        "--permission-mode",
        "--permission-prompt-tool",
        "--permission-prompts",
        "--plugin-dir",
        "--plugin-url",
        "--settings",
        "--tools",
    }
)
"""Arguments that bear on which tool calls are asked about."""
_BYPASS: Final = "bypassPermissions"
_RENAMED: Final = {"Task": "Agent"}
"""The program prints one name for a tool and takes the other."""


def is_open(request: AgentRequest) -> bool:
    """Whether every tool call is let through that the tool policy allows: nobody is asked, and no mode restricts it."""
    return request.approvals is None and request.permission_mode is None


def command_of(request: AgentRequest, *, is_root: Callable[[], bool] = lambda: os.geteuid() == 0) -> AgentCommand:
    """Arguments, first input and environment for `request`.

    Raises:
        UnsupportedError: the program cannot do what is asked.
    """
    args = ["-p", "--output-format=stream-json", "--input-format=stream-json", "--verbose"]
    args += ["--include-partial-messages", *_session(request), *_permissions(request, is_root), *_tools(request)]
    if request.model:
        args.append(f"--model={request.model}")
    if request.reasoning_effort:
        args.append(f"--effort={_effort(request.reasoning_effort)}")
    if request.system_prompt:
        file = request.folder / "system-prompt.txt"
        file.write_text(request.system_prompt, encoding="utf-8", errors="replace")
        args.append(f"--append-system-prompt-file={file}")
    if request.mcp_servers:
        file = request.folder / "mcp.json"
        file.write_text(json.dumps(_mcp_config(request.mcp_servers)), encoding="utf-8")
        args += [f"--mcp-config={file}", "--strict-mcp-config"]
    if request.response_schema is not None and request.response_schema.get("type") == "object":
        args.append(f"--json-schema={json.dumps(request.response_schema)}")
    args += _more(request)
    return AgentCommand(
        args=args,
        input=_first_words(request),
        is_input_open=True,
        environment=_environment(request.environment, request),
    )


def _more(request: AgentRequest) -> tuple[str, ...]:
    """The arguments that the author adds: none that would open what the request closes."""
    is_closed = request.approvals is not None or request.tools is not None or request.rules is not None
    opening = [arg for arg in request.extra_args if arg.partition("=")[0] in _OPENING]
    if is_closed and opening:
        raise UnsupportedError(
            f"extra_args {opening} would decide about tool calls, and so do approvals, tools or hooks; leave one out"
        )
    return request.extra_args


def _first_words(request: AgentRequest) -> bytes:
    from animus_agent_cli.decision import schema_instruction  # noqa: PLC0415 - few schemas need it

    prompt, schema = request.prompt, request.response_schema
    if schema is not None and schema.get("type") != "object":
        prompt = f"{prompt}\n\n{schema_instruction(schema)}"
    # client_composed: a prompt that begins with a slash is a prompt, not a command of the program.
    words = {"type": "user", "client_composed": True, "message": {"role": "user", "content": prompt}}
    return json.dumps(words).encode() + b"\n"


def _environment(given: Mapping[str, str], request: AgentRequest) -> dict[str, str]:
    environment = {
        **profile_environment(request),
        "CLAUDE_CODE_MAX_RETRIES": given.get("CLAUDE_CODE_MAX_RETRIES", RETRIES),
        "CLAUDE_CODE_SDK_READS_SESSION_STATE": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    if request.sandbox:
        return {**environment, "IS_SANDBOX": "1"}
    # What the program leaves in its temporary folder goes when the run's own folder goes.
    return {**environment, "CLAUDE_CODE_TMPDIR": given.get("CLAUDE_CODE_TMPDIR", str(request.folder))}


def _session(request: AgentRequest) -> list[str]:
    if request.resume_id is None:
        return [f"--session-id={uuid.uuid4()}"]
    try:
        return [f"--resume={uuid.UUID(request.resume_id)}"]
    except ValueError as error:
        raise UnsupportedError(f"{request.resume_id!r} is no session of this agent: those are UUIDs") from error


def _permissions(request: AgentRequest, is_root: Callable[[], bool]) -> list[str]:
    mode = request.permission_mode or "default"
    if mode not in PERMISSION_MODES:
        raise UnsupportedError(
            f"permission_mode {mode!r} is unknown to this agent; it has {', '.join(PERMISSION_MODES)}"
        )
    if mode == _BYPASS and request.approvals is not None:
        raise UnsupportedError(f"approvals are asked for, and permission_mode {mode!r} would never ask; leave one out")
    if mode == _BYPASS and not request.sandbox and is_root() and request.environment.get("IS_SANDBOX") != "1":
        raise UnsupportedError(
            f"the agent refuses permission_mode {mode!r} for root; run the daemon as another user, use sandbox: "
            "bubblewrap, leave permission_mode out, or set IS_SANDBOX=1 where all of this already runs in a sandbox"
        )
    chosen = [f"--permission-mode={mode}"]
    if request.approvals is not None or is_open(request):
        chosen.append("--permission-prompt-tool=stdio")
    return chosen


def _tools(request: AgentRequest) -> list[str]:
    policy = request.tools or ToolPolicy()
    allow, deny = list(policy.allow), list(policy.deny)
    if request.approvals is not None and any("(" in rule for rule in allow):
        raise UnsupportedError(
            f"tools.allow has rules with arguments ({', '.join(allow)}) and approvals are asked for: the agent would "
            "not ask about what such a rule allows; name the tools alone, or leave approvals out"
        )
    if request.web_search is False:
        deny += WEB_TOOLS
    is_limited = bool(allow) and "*" not in allow
    if request.web_search:
        allow += WEB_TOOLS
    chosen: list[str] = []
    if is_limited:
        names = [_RENAMED.get(rule.partition("(")[0], rule.partition("(")[0]) for rule in allow]
        built_in = [tool for name in names if not name.startswith("mcp__") for tool in _expanded(name)]
        chosen.append(f"--tools={','.join(dict.fromkeys(built_in))}")
    unasked = [rule for rule in allow if rule != "*"]
    if unasked and request.approvals is None:
        chosen.append(f"--allowedTools={','.join(unasked)}")
    return [*chosen, *_denied(deny)]


def _denied(deny: list[str]) -> list[str]:
    rules = [*deny, *(_RENAMED[rule] for rule in deny if rule in _RENAMED)]
    return [f"--disallowedTools={','.join(rules)}"] if rules else []


def _expanded(name: str) -> list[str]:
    if "*" not in name:
        return [name]
    pattern = re.compile(".*".join(map(re.escape, name.split("*"))))
    return [tool for tool in BUILT_IN_TOOLS if pattern.fullmatch(tool)]


def _effort(asked: str) -> str:
    found = EFFORTS.get(asked.lower())
    if found is None:
        raise UnsupportedError(f"reasoning_effort {asked!r} is unknown to this agent; it has {', '.join(EFFORTS)}")
    return found


def _mcp_config(servers: Mapping[str, McpServer]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, server in servers.items():
        if server.url is not None:
            found[name] = {"type": "http", "url": server.url, "headers": dict(server.headers)}
        else:
            found[name] = {"type": "stdio", "command": server.command, "args": server.args, "env": dict(server.env)}
    return {"mcpServers": found}
