"""What the lines of the program's ``stream-json`` output say.

Read leniently: a line, a block or a key that is not known says nothing, and nothing here raises for odd shapes. The
shapes were recorded from version 2.1.329 (``tests/recorded``).
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from animus_agent_cli.event import (
    Event,
    Finished,
    Problem,
    SessionStarted,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
)
from animus_agent_cli.loose import as_dict, as_list, as_number, as_text

__all__ = ["BACKGROUND_SECONDS", "ClaudeStream", "server_of"]

BACKGROUND_SECONDS: Final = 600.0
"""How long an agent that ended its turn may wait for commands it left running in the background."""
WAKING_SECONDS: Final = 5.0
"""How long the agent may take to begin the turn that such a command, once it ends, gives rise to."""
STATE_SECONDS: Final = 30.0
"""How long the program may still call itself busy after a turn has ended."""
_LIMITS: Final = {"error_max_turns": "turns", "error_max_budget_usd": "budget"}
_COUNTS: Final = (
    ("inputTokens", "input_tokens"),
    ("outputTokens", "output_tokens"),
    ("cacheReadInputTokens", "cache_read_input_tokens"),
    ("cacheCreationInputTokens", "cache_creation_input_tokens"),
)


class ClaudeStream:
    """The lines of one run, in order."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """Start before the first line. `now` tells the wall clock, for moments that the program names."""
        self._now = now
        self._streamed: set[str] = set()
        self._pending = [0, 0, 0, 0]
        self._reset_at: float | None = None
        self._error_code: str | None = None
        self._state: str | None = None
        self._tasks = 0
        self._has_woken = False
        self._finished: Finished | None = None
        self._session: str | None = None
        self._is_gap = False
        self._has_said = False

    def read(self, line: dict[str, Any]) -> Iterator[Event]:
        """What `line` says."""
        kind, subtype = line.get("type"), line.get("subtype")
        if kind == "system":
            yield from self._system(line, str(subtype))
        elif kind == "stream_event":
            yield from self._piece(line)
        elif kind == "assistant":
            yield from self._assistant(line)
        elif kind == "user":
            yield from _tool_results(as_dict(line.get("message")))
        elif kind == "rate_limit_event":
            self._rate_limit(as_dict(line.get("rate_limit_info")))
        elif kind == "result":
            yield from self._result(line)

    def end(self) -> Iterator[Event]:
        """What was used and never added up, because the run was cut short."""
        if any(self._pending):
            yield _usage(self._pending, None, None)

    def _system(self, line: dict[str, Any], subtype: str) -> Iterator[Event]:
        session = as_text(line.get("session_id"))
        if subtype == "init" and session is not None and session != self._session:  # it is told again every turn
            self._session = session
            yield SessionStarted(
                line["session_id"], as_text(line.get("model")), as_text(line.get("claude_code_version"))
            )
        elif subtype == "api_retry":
            wait = as_number(line.get("retry_delay_ms")) / 1000
            status = f", HTTP {line['error_status']}" if line.get("error_status") else ""
            tries = f"{line.get('attempt')} of {line.get('max_retries')}"
            yield Problem(
                f"the model did not answer ({line.get('error')}{status}); try {tries} follows in {wait:.1f} s"
            )
        elif subtype == "session_state_changed":
            self._state = as_text(line.get("state"))
            yield from self._settled()
        elif subtype == "background_tasks_changed":
            before, self._tasks = self._tasks, len(as_list(line.get("tasks")))
            self._has_woken = self._has_woken or self._tasks < before
            yield from self._settled()

    def _piece(self, line: dict[str, Any]) -> Iterator[Event]:
        event = as_dict(line.get("event"))
        kind = event.get("type")
        if kind == "message_start":
            message = as_dict(event.get("message"))
            self._streamed.add(str(message.get("id")))
            self._add(as_dict(message.get("usage")), but="output_tokens")
            self._turn_goes_on()
        elif kind == "content_block_start":
            if as_dict(event.get("content_block")).get("type") == "text" and line.get("parent_tool_use_id") is None:
                self._is_gap = self._has_said
        elif kind == "message_delta":
            self._add({"output_tokens": as_dict(event.get("usage")).get("output_tokens")})
        elif kind == "content_block_delta" and line.get("parent_tool_use_id") is None:
            delta = as_dict(event.get("delta"))
            if delta.get("type") == "text_delta":
                yield Text(self._parted(str(delta.get("text") or "")))
            elif delta.get("type") == "thinking_delta":
                yield Thinking(str(delta.get("thinking") or ""))

    def _assistant(self, line: dict[str, Any]) -> Iterator[Event]:
        message = as_dict(line.get("message"))
        if line.get("is_api_error_message") or line.get("error"):
            self._error_code = as_text(line.get("error"))
            return  # the result says it again
        self._turn_goes_on()
        was_streamed, is_of_a_helper = str(message.get("id")) in self._streamed, bool(line.get("parent_tool_use_id"))
        for block in map(as_dict, as_list(message.get("content"))):
            kind = block.get("type")
            if kind == "tool_use":
                name = str(block.get("name"))
                self._has_said = False
                yield ToolCall(str(block.get("id")), name, block.get("input"), server_of(name))
            elif was_streamed or is_of_a_helper:
                continue
            elif kind == "text":
                self._is_gap = self._has_said
                yield Text(self._parted(str(block.get("text") or "")))
            elif kind == "thinking":
                yield Thinking(str(block.get("thinking") or ""))

    def _turn_goes_on(self) -> None:
        self._finished, self._has_woken = None, False

    def _parted(self, text: str) -> str:
        """The text, with an empty line before it when another block of text came just before."""
        gap, self._is_gap, self._has_said = self._is_gap, False, True
        return f"\n\n{text}" if gap else text

    def _rate_limit(self, info: dict[str, Any]) -> None:
        if info.get("status") == "rejected" and info.get("resetsAt") is not None:
            self._reset_at = as_number(info.get("resetsAt")) or None

    def _result(self, line: dict[str, Any]) -> Iterator[Event]:
        self._pending = [0, 0, 0, 0]
        yield _usage_of(line)
        errors = [str(error) for error in as_list(line.get("errors"))]
        said, subtype = as_text(line.get("result")), str(line.get("subtype"))
        decision = line.get("structured_output")
        status = line.get("api_error_status")
        failure = None
        if line.get("is_error") or subtype.startswith("error"):
            words = "; ".join(errors) or said or subtype
            code = self._error_code or as_text(line.get("api_error_type"))
            failure = f"{words} [{code}]" if code else words
        self._finished = Finished(
            output=said,
            failure=failure,
            status=status if isinstance(status, int) else None,
            retry_after_seconds=None if self._reset_at is None else max(0.0, self._reset_at - self._now()),
            decision=cast("dict[str, Any]", decision) if isinstance(decision, dict) else None,
            limit=_LIMITS.get(subtype),
        )
        yield from self._settled()

    def _settled(self) -> Iterator[Event]:
        """The end of a turn is the end of the run, unless something is left that gives rise to another turn."""
        if self._finished is None:
            return
        if self._state not in {None, "idle"}:
            yield self._finished._replace(grace_seconds=STATE_SECONDS)
        elif self._tasks:
            yield self._finished._replace(grace_seconds=BACKGROUND_SECONDS)
        elif self._has_woken:
            yield self._finished._replace(grace_seconds=WAKING_SECONDS)
        else:
            yield self._finished

    def _add(self, usage: dict[str, Any], but: str = "") -> None:
        for place, (_, name) in enumerate(_COUNTS):
            if name != but:
                self._pending[place] += int(as_number(usage.get(name)))


def server_of(tool: str) -> str | None:
    """The MCP server that a tool is from: ``mcp__<server>__<tool>``."""
    parts = tool.split("__")
    return parts[1] if len(parts) > 2 and parts[0] == "mcp" else None  # noqa: PLR2004 - the three parts above


def _tool_results(message: dict[str, Any]) -> Iterator[Event]:
    for block in map(as_dict, as_list(message.get("content"))):
        if block.get("type") == "tool_result":
            yield ToolResult(str(block.get("tool_use_id")), _plain(block.get("content")), not block.get("is_error"))


def _plain(content: Any) -> Any:
    """Text blocks as text; anything else as it is, pictures as their kind."""
    blocks = [as_dict(block) for block in as_list(content)]
    if not blocks:
        return content
    return "\n".join(
        str(block.get("text")) if block.get("type") == "text" else f"[{block.get('type')}]" for block in blocks
    )


def _usage_of(line: dict[str, Any]) -> Usage:
    """What one turn used, by all models where the program tells them apart.

    A resumed session's total counts what came before it, too, so it is only taken where there is nothing better.
    """
    models = {name: as_dict(used) for name, used in as_dict(line.get("model_usage_since_last_result")).items()}
    if not models:
        used = as_dict(line.get("usage"))
        counts = [int(as_number(used.get(name))) for _, name in _COUNTS]
        cost = line.get("total_cost_usd")
        return _usage(counts, as_number(cost) if cost is not None else None, None)
    counts = [int(sum(as_number(used.get(name)) for used in models.values())) for name, _ in _COUNTS]
    main = max(models, key=lambda name: as_number(models[name].get("outputTokens")))
    return _usage(counts, sum(as_number(used.get("costUSD")) for used in models.values()), main)


def _usage(counts: list[int], cost_usd: float | None, model: str | None) -> Usage:
    return Usage(counts[0], counts[1], counts[2], counts[3], cost_usd, model, is_total=False)
