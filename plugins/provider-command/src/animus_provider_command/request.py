"""From the params of ``agent/run`` to a program call: what is run, with which words, and what cannot be done."""

import msgspec

from animus_agent_cli.parameters import invalid
from animus_plugin_protocol.described import described
from animus_plugin_protocol.errors import ErrorCode, RefusedError
from animus_plugin_protocol.wire.provider import AgentRunParams

__all__ = ["command_of", "prompt_of", "refuse_what_cannot_be_done"]


class _Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    program: str
    args: list[str] = []


def command_of(params: AgentRunParams) -> tuple[str, list[str]]:
    """Program and arguments of ``params.command``, with ``extra_args`` behind them.

    Raises:
        RefusedError: it is missing or of another shape.
    """
    command = params.command
    if command is None:
        raise invalid(
            "no program is named: this provider runs command.program; in workflow YAML that is tools.<id>.executable "
            "for the tool that the agent profile names"
        )
    try:
        named = msgspec.convert(command, described(_Command))
    except msgspec.ValidationError as error:
        raise invalid(f'command must be {{"program": "<text>", "args": ["<text>", ...]}}: {error}') from error
    if any("\0" in word for word in (named.program, *named.args, *(params.extra_args or []))):
        raise invalid("command holds a NUL character, which no program can be given")
    return named.program, [*named.args, *(params.extra_args or [])]


def prompt_of(params: AgentRunParams) -> bytes:
    """What the program reads on its input: the system prompt, if there is one, a blank line, the prompt, a line end."""
    parts = [part for part in (params.system_prompt, params.prompt) if part]
    text = "\n\n".join(parts)
    return (text if text.endswith("\n") else text + "\n").encode("utf-8", errors="replace")


def refuse_what_cannot_be_done(params: AgentRunParams) -> None:
    """Fail closed: nobody sees what a local program does, let alone stops it.

    Raises:
        RefusedError: the host asks for approvals, a tool policy, a sandbox or the like.
    """
    if params.approvals:
        raise _refused(
            "approvals are asked for, and this provider cannot enforce them: it does not see what the program does; "
            "run this agent with a provider that does, or without approvals"
        )
    asked = {
        "a tool policy, rules about tool calls, or telling of tool calls": bool(params.tools),
        f"sandbox {params.sandbox!r}": params.sandbox not in {None, "none"},
        "web_search": params.web_search is not None,
        "network_access: false": params.network_access is False,
        "config_overrides": bool(params.config_overrides),
        "tool_profile": params.tool_profile is not None,
    }
    names = [name for name, is_asked in asked.items() if is_asked]
    if names:
        raise _refused(
            f"{', '.join(names)} cannot be enforced for a local program; "
            "run this agent with a provider that knows its program, or leave that out"
        )


def _refused(message: str) -> RefusedError:
    return RefusedError(message, code=ErrorCode.INTERNAL_ERROR, data={"category": "session_start_failed"})
