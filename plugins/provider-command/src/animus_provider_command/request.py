"""From the params of ``agent/run`` to a program call: what is run, where, with which words and environment."""

import re
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from animus_plugin_protocol.errors import ErrorCode, RefusedError
from animus_plugin_protocol.wire.lifecycle import ProjectBinding
from animus_plugin_protocol.wire.provider import AgentRunParams

__all__ = [
    "CONTEXT_VARIABLE",
    "DEFAULT_TIMEOUT_SECONDS",
    "command_of",
    "context_document",
    "cwd_of",
    "prompt_of",
    "refuse_approvals",
    "run_folder",
    "timeout_of",
]

CONTEXT_VARIABLE: Final = "ANIMUS_CONTEXT_FILE"
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


class _Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    program: str
    args: list[str] = []


def command_of(params: AgentRunParams) -> tuple[str, list[str]]:
    """Program and arguments of ``params.command``.

    Raises:
        RefusedError: it is missing or of another shape.
    """
    command = params.command
    if command is None:
        raise _invalid(
            "no program is named: this provider runs command.program; in workflow YAML that is tools.<id>.executable "
            "for the tool that the agent profile names"
        )
    try:
        named = msgspec.convert(command, _Command)
    except msgspec.ValidationError as error:
        raise _invalid(f'command must be {{"program": "<text>", "args": ["<text>", ...]}}: {error}') from error
    if any("\0" in word for word in (named.program, *named.args)):
        raise _invalid("command holds a NUL character, which no program can be given")
    return named.program, named.args


def cwd_of(params: AgentRunParams, binding: ProjectBinding | None) -> Path:
    """Where the program runs: ``cwd``, else the project's root.

    Raises:
        RefusedError: no folder is named, or it does not exist.
    """
    named = params.cwd or params.project_root or (binding.project_root if binding else None)
    if not named:
        raise _invalid("no folder to run in: the request names no cwd and the host bound no project")
    cwd = Path(named)
    if not cwd.is_dir():
        raise _invalid(f"the folder to run in, {named!r}, does not exist")
    return cwd


def prompt_of(params: AgentRunParams) -> bytes:
    """What the program reads on its input: the system prompt, if there is one, a blank line, the prompt, a line end."""
    parts = [part for part in (params.system_prompt, params.prompt) if part]
    text = "\n\n".join(parts)
    return (text if text.endswith("\n") else text + "\n").encode("utf-8", errors="replace")


def timeout_of(params: AgentRunParams) -> float | None:
    """The time limit in seconds; None for none.

    Raises:
        RefusedError: it is negative.
    """
    if params.timeout_secs is None:
        return DEFAULT_TIMEOUT_SECONDS
    if params.timeout_secs < 0:
        raise _invalid(f"timeout_secs {params.timeout_secs} is negative; 0 means no limit")
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


def refuse_approvals(params: AgentRunParams) -> None:
    """Fail closed: nobody can stop a local program at its tool calls.

    Raises:
        RefusedError: the host asks for approvals.
    """
    if params.approvals:
        raise RefusedError(
            "approvals are asked for, and this provider cannot enforce them: it does not see what the program does; "
            "run this agent with a provider that does, or without approvals",
            code=ErrorCode.INTERNAL_ERROR,
            data={"category": "session_start_failed"},
        )


def run_folder(binding: ProjectBinding | None, run_id: str | None) -> Path | None:
    """Where files of a run are kept; None when the host named no place, or the run no plain name."""
    if binding is None or not binding.state_dir or run_id is None or _FOLDER_NAME.fullmatch(run_id) is None:
        return None
    return Path(binding.state_dir) / "runs" / run_id


def _invalid(message: str) -> RefusedError:
    return RefusedError(message, code=ErrorCode.INVALID_PARAMS, data={"category": "invalid_request"})
