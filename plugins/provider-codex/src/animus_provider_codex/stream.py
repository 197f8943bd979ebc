"""What a line of ``codex exec --json`` says. Shapes change with versions: what is not known is passed over."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from animus_agent_cli.event import Event, Finished, Problem, SessionStarted, Text, Thinking, ToolCall, ToolResult, Usage
from animus_agent_cli.loose import as_dict, as_list, as_number, as_text

__all__ = ["OFFLINE_LINES", "CodexStream"]

OFFLINE_LINES: Final = 5
"""After so many lines about a network that is not there the run is given up; the program would wait for ever."""

_HARMLESS: Final = "Model metadata for "
_OFFLINE: Final = "waiting for network"
_COUNT_LIMIT: Final = 2**53
_STATUS: Final = re.compile(r"(?:unexpected status|last status:?) (\d{3})\b")
_COUNTS: Final = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens")


class CodexStream:
    """Reads the lines of one run, in order."""

    def __init__(self, *, model: str | None, before: Mapping[str, Any]) -> None:
        """Start. `before` are the session's totals of earlier runs."""
        self._model = model
        self._before = before
        self._called: set[str] = set()
        self._answer: str | None = None
        self._offline = 0

    def read(self, line: dict[str, Any]) -> Iterable[Event]:
        """The events of one line."""
        kind = line.get("type")
        if kind == "thread.started":
            session = as_text(line.get("thread_id"))
            return (SessionStarted(session, model=self._model),) if session else ()
        if kind in {"item.started", "item.updated", "item.completed"}:
            return self._item(as_dict(line.get("item")), is_over=kind == "item.completed")
        if kind == "turn.completed":
            return (self._usage(as_dict(line.get("usage"))), Finished(output=self._answer or ""))
        if kind == "turn.failed":
            return (failed(as_text(as_dict(line.get("error")).get("message"))),)
        if kind == "error":
            return self._error(as_text(line.get("message")) or "an error without words")
        return ()

    def _error(self, message: str) -> Iterable[Event]:
        if _OFFLINE not in message:
            return (Problem(message),)
        self._offline += 1
        return (Problem(message),) if self._offline < OFFLINE_LINES else (failed(message),)

    def _item(self, item: dict[str, Any], *, is_over: bool) -> Iterable[Event]:
        kind, text = item.get("type"), as_text(item.get("text"))
        if kind == "agent_message" and text and is_over:
            self._answer = text
            return (Text(text),)
        if kind == "reasoning" and text and is_over:
            return (Thinking(text),)
        if kind == "error" and is_over:
            message = as_text(item.get("message")) or "an error without words"
            return () if message.startswith(_HARMLESS) else (Problem(message),)
        call = tool_call(item)
        if call is None:
            return ()
        return self._tool(call, item, is_over=is_over)

    def _tool(self, call: ToolCall, item: dict[str, Any], *, is_over: bool) -> Iterable[Event]:
        is_new = call.call_id not in self._called
        self._called.add(call.call_id)
        if is_over:
            self._called.discard(call.call_id)
        made = (call,) if is_new else ()
        return (*made, tool_result(call, item)) if is_over else made

    def _usage(self, usage: dict[str, Any]) -> Usage:
        taken, cached, written, output = (
            max(0, count(usage.get(name)) - count(self._before.get(name))) for name in _COUNTS
        )
        return Usage(
            input=max(0, taken - cached),
            output=output,
            cached=cached,
            cache_writes=written or None,
            model=self._model,
        )


def count(value: Any) -> int:
    """A number of tokens; 0 for what cannot be one."""
    number = as_number(value)
    return int(number) if 0 <= number < _COUNT_LIMIT else 0


def failed(message: str | None) -> Finished:
    """The end of a run that went wrong, with the HTTP status behind it if the message holds one."""
    text = message or "the agent failed and did not say why"
    found = _STATUS.search(text)
    return Finished(failure=text, status=None if found is None else int(found[1]))


def tool_call(item: dict[str, Any]) -> ToolCall | None:
    """The call that an item is about; None when it is about something else."""
    kind, call_id = item.get("type"), as_text(item.get("id")) or ""
    if kind == "command_execution":
        return ToolCall(call_id, "shell", {"command": item.get("command")})
    if kind == "file_change":
        return ToolCall(call_id, "apply_patch", {"changes": as_list(item.get("changes"))})
    if kind == "mcp_tool_call":
        name = as_text(item.get("tool")) or "unknown"
        return ToolCall(call_id, name, item.get("arguments"), server=as_text(item.get("server")))
    if kind == "web_search":
        return ToolCall(call_id, "web_search", {"query": item.get("query")})
    if kind == "collab_tool_call":
        return ToolCall(call_id, as_text(item.get("tool")) or "agent", {"prompt": item.get("prompt")})
    return None


def tool_result(call: ToolCall, item: dict[str, Any]) -> ToolResult:
    """What came of a call."""
    is_success = item.get("status", "completed") == "completed"
    if item.get("type") == "command_execution":
        output: Any = {"output": item.get("aggregated_output"), "exit_code": item.get("exit_code")}
    elif item.get("type") == "mcp_tool_call":
        output = item.get("error") if item.get("error") is not None else item.get("result")
    else:
        output = item.get("changes") or item.get("agents_states") or item.get("status", "completed")
    return ToolResult(call.call_id, output, is_success, name=call.name)
