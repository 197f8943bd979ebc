"""What a run leaves behind: the answer, what was done for it, what it cost, each within bounds."""

from typing import Any, Final

from animus_agent_cli.bounds import bounded, bounded_text
from animus_agent_cli.decision import DecisionScanner, answer_object, decision_of
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

__all__ = ["ENTRY_LIMIT_CHARACTERS", "ITEMS_LIMIT", "OUTPUT_LIMIT_CHARACTERS", "Transcript"]

OUTPUT_LIMIT_CHARACTERS: Final = 1024 * 1024
"""How long an answer may be: its end is kept."""
ITEMS_LIMIT: Final = 256
"""How many tool calls, results, thoughts and problems a result lists: the last ones."""
ENTRY_LIMIT_CHARACTERS: Final = 4 * 1024
"""How long one of them may be; a frame holds eight megabytes."""


class Transcript:
    """Gathers the events of one run.

    Attributes:
        usage: tokens and cost so far; None while the agent said nothing about them.
        finished: the last word of the agent, once it came.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.resume_id: str | None = None
        self.model: str | None = None
        self.version: str | None = None
        self.usage: Usage | None = None
        self.finished: Finished | None = None
        self.tool_calls: list[dict[str, Any]] = []
        self.tool_results: list[dict[str, Any]] = []
        self.thinking: list[str] = []
        self.problems: list[str] = []
        self._text = ""
        self._names: dict[str, str] = {}
        self._is_thinking = False
        self._is_after_tool = False

    def moved_on(self) -> None:
        """What looked like the last word was not."""
        self.finished = None

    def name_of(self, result: ToolResult) -> str:
        """The tool that a result is from."""
        return result.name or self._names.get(result.call_id, "")

    def take(self, event: Event) -> None:
        """The next event."""
        if isinstance(event, Text):
            self._take_text(event.text)
        elif isinstance(event, Thinking):
            self._take_thinking(event.text)
        elif isinstance(event, ToolCall):
            self._names[event.call_id] = event.name
            self._is_after_tool = True
            called = {"id": event.call_id, "name": event.name, "server": event.server}
            _keep(self.tool_calls, {**called, "arguments": bounded(event.arguments, ENTRY_LIMIT_CHARACTERS)})
        elif isinstance(event, ToolResult):
            answered = {"id": event.call_id, "name": self.name_of(event), "success": event.is_success}
            _keep(self.tool_results, {**answered, "output": bounded(event.output, ENTRY_LIMIT_CHARACTERS)})
        elif isinstance(event, Usage):
            self.usage = event if self.usage is None or event.is_total else _sum(self.usage, event)
            self.model = event.model or self.model
        elif isinstance(event, SessionStarted):
            self.resume_id, self.version = event.resume_id, event.version or self.version
            self.model = event.model or self.model
        elif isinstance(event, Problem):
            _keep(self.problems, bounded_text(event.message, ENTRY_LIMIT_CHARACTERS))
        elif isinstance(event, Finished):
            self.finished = event
        self._is_thinking = isinstance(event, Thinking)

    def output(self) -> str:
        """The answer: what the agent calls so, else its text since the last tool call."""
        said = self.finished.output if self.finished is not None and self.finished.output is not None else self._text
        return said[-OUTPUT_LIMIT_CHARACTERS:]

    def decision(self, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        """The structured answer: the agent's own, else the object an answer with a `schema` ends in, else a verdict."""
        if self.finished is not None and self.finished.decision is not None:
            return self.finished.decision
        output = self.output()
        found = answer_object(output)
        if found is not None and schema is not None:
            return found
        if found is not None and decision_of(found) is not None:
            return decision_of(found)
        scanner = DecisionScanner()
        scanner.write(output.encode(errors="replace"))
        scanner.close()
        return scanner.decision

    def _take_text(self, text: str) -> None:
        if self._is_after_tool:
            self._text, self._is_after_tool = "", False
        self._text = (self._text + text)[-OUTPUT_LIMIT_CHARACTERS:]

    def _take_thinking(self, text: str) -> None:
        if self._is_thinking and self.thinking:
            self.thinking[-1] = bounded_text(self.thinking[-1] + text, ENTRY_LIMIT_CHARACTERS)
        else:
            _keep(self.thinking, bounded_text(text, ENTRY_LIMIT_CHARACTERS))


def _keep(entries: list[Any], entry: Any) -> None:
    entries.append(entry)
    del entries[:-ITEMS_LIMIT]


def _sum(first: Usage, second: Usage) -> Usage:
    def both(one: float | None, other: float | None) -> Any:
        return None if one is None and other is None else (one or 0) + (other or 0)

    return Usage(
        input=first.input + second.input,
        output=first.output + second.output,
        cached=both(first.cached, second.cached),
        cache_writes=both(first.cache_writes, second.cache_writes),
        cost_usd=both(first.cost_usd, second.cost_usd),
        model=second.model or first.model,
        is_total=first.is_total,
    )
