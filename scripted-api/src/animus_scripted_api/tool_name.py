"""Neutral tool names, in the words of the client that asks.

Claude Code offers ``Bash`` and ``Write``, codex ``exec_command``, others ``shell``: a script says ``shell`` and means
the one that is there. What no tool is there for is done in the shell.
"""

import shlex
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from animus_scripted_api.request import Request
from animus_scripted_api.step import CallTool

__all__ = ["NamedCall", "call_in_words_of"]

_Words = Callable[[dict[str, Any]], dict[str, Any]]


class NamedCall(NamedTuple):
    """A call as the client knows it. `is_custom` tools take one text, ``arguments["input"]``."""

    name: str
    arguments: dict[str, Any]
    is_custom: bool = False
    namespace: str | None = None


def _same(given: dict[str, Any]) -> dict[str, Any]:
    return given


def _renamed(**names: str) -> _Words:
    return lambda given: {names.get(key, key): value for key, value in given.items()}


_KNOWN: Final[dict[str, dict[str, _Words]]] = {
    "shell": {
        "Bash": _renamed(),
        "exec_command": _renamed(command="cmd"),
        "shell_command": _same,
        "shell": _same,
        "bash": _same,
        "run_shell_command": _same,
    },
    "write": {"Write": _renamed(path="file_path"), "write": _same, "write_file": _same},
    "read": {"Read": _renamed(path="file_path"), "read": _same, "read_file": _same},
    "edit": {"Edit": _renamed(path="file_path", old="old_string", new="new_string"), "edit": _same, "edit_file": _same},
}


def call_in_words_of(request: Request, call: CallTool) -> NamedCall:
    """`call` by the name and with the arguments that the tools list of `request` has for it."""
    offered = request.tools
    if call.server is not None:
        return _mcp_call(offered, call)
    for name, words in _KNOWN.get(call.name, {}).items():
        if name in offered:
            return _fitted(offered[name], name, words(call.arguments))
    if call.name not in offered and call.name in ("write", "read"):
        return call_in_words_of(request, CallTool("shell", {"command": _shell_command(call)}))
    tool = offered.get(call.name, {})
    return NamedCall(call.name, call.arguments, tool.get("type") == "custom", tool.get("namespace"))


def _fitted(tool: dict[str, Any], name: str, arguments: dict[str, Any]) -> NamedCall:
    """Some shells take a list of words."""
    schema = cast("dict[str, Any]", tool.get("parameters") or tool.get("input_schema") or {})
    command = cast("dict[str, dict[str, Any]]", schema.get("properties") or {}).get("command", {})
    if command.get("type") == "array" and isinstance(arguments.get("command"), str):
        arguments = {**arguments, "command": ["sh", "-c", arguments["command"]]}
    return NamedCall(name, arguments)


def _mcp_call(offered: dict[str, dict[str, Any]], call: CallTool) -> NamedCall:
    """Claude and codex name MCP tools ``mcp__<server>__<tool>``; newer codex has a namespace ``mcp__<server>``."""
    whole = f"mcp__{call.server}__{call.name}"
    if whole not in offered and call.name in offered:
        return NamedCall(call.name, call.arguments, namespace=offered[call.name].get("namespace"))
    return NamedCall(whole, call.arguments)


def _shell_command(call: CallTool) -> str:
    path = shlex.quote(str(call.arguments.get("path", "")))
    if call.name == "read":
        return f"cat {path}"
    return f"printf %s {shlex.quote(str(call.arguments.get('content', '')))} > {path}"
