"""From what an agent does to the notifications and the lists of its result."""

import contextlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from animus_plugin_protocol import RpcFault, methods
from animus_plugin_protocol.wire.provider import (
    AgentErrorNote,
    AgentInteractionRequestedNote,
    AgentOutputNote,
    AgentSessionStartedNote,
    AgentThinkingNote,
    AgentToolCallNote,
    AgentToolResultNote,
)

if TYPE_CHECKING:
    from animus_provider_oai.approval import Question
    from animus_provider_oai.toolbox import ToolOutput

__all__ = ["LISTED", "NOTE_INTERVAL_SECONDS", "Notes"]

NOTE_INTERVAL_SECONDS: Final = 0.05
"""Text is gathered to at most twenty notes a second."""
LISTED: Final = 200
"""Entries in each list of a result; the last ones count."""
_LISTED_CHARACTERS: Final = 4096
_TOLD_CHARACTERS: Final = 256 * 1024
"""What a note holds at most of a tool's arguments: the file that is written may be large."""
_THOUGHT_CHARACTERS: Final = 64 * 1024

_Send = Callable[[str, Any], object]


class Notes:
    """Tells the host of one session. When the host is gone there is nobody to tell."""

    def __init__(self, session_id: str, send: _Send, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Send by `send(method, params)`."""
        self._session_id = session_id
        self._send = send
        self._monotonic = monotonic
        self._held: list[str] = []
        self._is_thinking = False
        self._is_thought_open = False
        self._last = 0.0
        self.tool_calls: list[Any] = []
        self.tool_results: list[Any] = []
        self.thinking_texts: list[str] = []
        self.errors: list[str] = []

    def started(self, resume_id: str) -> None:
        """The session is on disk and can be resumed from now on."""
        note = AgentSessionStartedNote(session_id=self._session_id, resume_id=resume_id)
        self._tell(methods.AGENT_SESSION_STARTED, note)

    def text(self, piece: str) -> None:
        """A piece of the answer."""
        self._hold(piece, is_thinking=False)

    def thinking(self, piece: str) -> None:
        """A piece of reasoning."""
        self._hold(piece, is_thinking=True)

    def idle(self) -> None:
        """Show what was held back."""
        self._flush()

    def tool_call(self, name: str, arguments: Any) -> None:
        """A tool is called."""
        self._flush()
        self._is_thought_open = False
        self._list(self.tool_calls, {"name": name, "arguments": _bounded(arguments)})
        told = _bounded(arguments, _TOLD_CHARACTERS)
        self._tell(methods.AGENT_TOOL_CALL, AgentToolCallNote(session_id=self._session_id, name=name, arguments=told))

    def tool_result(self, name: str, output: "ToolOutput") -> None:
        """It answered."""
        shown = {"name": name, "output": _bounded(output.text), "success": output.is_success}
        self._list(self.tool_results, shown)
        note = AgentToolResultNote(
            session_id=self._session_id, name=name, output=output.text, success=output.is_success
        )
        self._tell(methods.AGENT_TOOL_RESULT, note)

    def problem(self, message: str, *, is_recoverable: bool = True) -> None:
        """Something went wrong."""
        self._flush()
        self._list(self.errors, message)
        note = AgentErrorNote(session_id=self._session_id, message=message, recoverable=is_recoverable)
        self._tell(methods.AGENT_ERROR, note)

    def question(self, question: "Question") -> None:
        """A person is asked."""
        self._flush()
        until = datetime.now(UTC) + timedelta(seconds=question.timeout_seconds)
        note = AgentInteractionRequestedNote(
            interaction_id=question.interaction_id,
            session_id=self._session_id,
            kind=question.kind,
            payload={key: _bounded(value, _TOLD_CHARACTERS) for key, value in question.payload.items()},
            expires_at=until.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        )
        self._tell(methods.AGENT_INTERACTION_REQUESTED, note)

    def end(self) -> None:
        """Show the rest; the answer is complete."""
        self._flush()
        self._tell(methods.AGENT_OUTPUT, AgentOutputNote(session_id=self._session_id, text="", final=True))

    def _hold(self, piece: str, *, is_thinking: bool) -> None:
        if is_thinking != self._is_thinking:
            self._flush()
            self._is_thinking = is_thinking
            self._is_thought_open = False
        self._held.append(piece)
        if self._monotonic() - self._last >= NOTE_INTERVAL_SECONDS:
            self._flush()

    def _flush(self) -> None:
        text = "".join(self._held)
        self._held.clear()
        if not text:
            return
        self._last = self._monotonic()
        if self._is_thinking:
            self._think(text)
            self._tell(methods.AGENT_THINKING, AgentThinkingNote(session_id=self._session_id, text=text))
        else:
            self._tell(methods.AGENT_OUTPUT, AgentOutputNote(session_id=self._session_id, text=text))

    def _think(self, text: str) -> None:
        """Pieces of one thought are one entry."""
        if self._is_thought_open and len(self.thinking_texts[-1]) < _THOUGHT_CHARACTERS:
            self.thinking_texts[-1] += text
        else:
            self._list(self.thinking_texts, text)
        self._is_thought_open = True

    def _list(self, entries: list[Any], entry: Any) -> None:
        entries.append(entry)
        del entries[:-LISTED]

    def _tell(self, method: str, note: Any) -> None:
        with contextlib.suppress(RpcFault):
            self._send(method, note)


def _bounded(value: Any, limit: int = _LISTED_CHARACTERS) -> Any:
    """`value`, or the beginning of it as text when it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= limit else text[:limit] + " [...]"
