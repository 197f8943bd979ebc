"""What agents of one attempt show: everything into the log, the answer of the current call kept, lines passed on."""

from collections import deque
from collections.abc import Callable
from typing import Any

from animus_process import BoundedCapture
from animus_workflow_runner_default.phases.observation import ToolRecord
from animus_workflow_runner_default.phases.redaction import NO_SECRETS, Redactor

__all__ = ["TAIL_BYTES", "AgentStream"]

TAIL_BYTES = 4 * 1024 * 1024
"""How much of a streamed answer is kept to be judged; all of it goes to the log."""


class AgentStream:
    """Takes the pieces.

    Attributes:
        has_acted: whether the current call said something or used a tool.
    """

    def __init__(
        self,
        log: BoundedCapture,
        on_line: Callable[[str], None],
        redactor: Redactor = NO_SECRETS,
        record: ToolRecord | None = None,
    ) -> None:
        self._masked = redactor.stream(log.write)
        self._write = log.write if self._masked is None else self._masked.write
        self._redactor = redactor
        self._on_line = on_line
        self._record = record
        self._answer: deque[str] = deque()
        self._answer_chars = 0
        self.has_acted = False

    def restart(self) -> None:
        """Begin a new call: what an earlier one said is no answer any more."""
        self._answer.clear()
        self._answer_chars = 0
        self.has_acted = False

    def answer(self) -> str:
        """The text the agent streamed as its answer."""
        return "".join(self._answer)

    def take(self, kind: str, text: str) -> None:
        """One piece of the stream."""
        prefix = "" if kind == "output" else f"[{kind}] "
        end = "" if kind == "output" or text.endswith("\n") else "\n"
        self._write(f"{prefix}{text}{end}".encode("utf-8", "replace"))
        self.has_acted = self.has_acted or kind in {"output", "tool"}
        if kind == "output":
            self._answer.append(text)
            self._answer_chars += len(text)
            while self._answer_chars > TAIL_BYTES and len(self._answer) > 1:
                self._answer_chars -= len(self._answer.popleft())
        if text.strip():
            self._on_line(self._redactor.text(text))

    def observe(self, event: str, session: str, facts: dict[str, Any]) -> None:
        """Something that the agent's hooks may observe."""
        if self._record is not None:
            self._record.take(event, session, facts)

    def close(self) -> None:
        """Nothing more comes."""
        if self._masked is not None:
            self._masked.close()
