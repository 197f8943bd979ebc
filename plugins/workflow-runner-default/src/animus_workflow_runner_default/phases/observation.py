"""What the observers of an agent's hooks record: its tool calls and sessions, a line of JSON each."""

import fnmatch
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from animus_workflow_runner_default.authoring.hooks import event_name
from animus_workflow_runner_default.authoring.model import Hooks, ToolObserver
from animus_workflow_runner_default.clock import Clock, timestamp
from animus_workflow_runner_default.phases.redaction import NO_SECRETS, Redactor

__all__ = ["LOST", "MAX_RECORDS", "ToolRecord"]

MAX_RECORDS = 10_000
"""How many lines one attempt may leave; what comes after them is counted."""
MAX_VALUE_BYTES = 8_000
"""How much of an input or an output a line carries; the log of the attempt has all that was shown."""
LOST = "lost"
"""The event of a line that says how many pieces of the agent's stream did not arrive."""


class ToolRecord:
    """The file of one attempt; a context manager that closes it.

    Attributes:
        count: the lines so far.
        left_out: what came after `MAX_RECORDS`.
    """

    def __init__(self, hooks: Hooks | None, path: Path, clock: Clock, redactor: Redactor = NO_SECRETS) -> None:
        self._observers = [] if hooks is None else hooks.observers
        self._path = path
        self._clock = clock
        self._redactor = redactor
        self.count = 0
        self.left_out = 0
        self._file = path.open("ab") if self._observers else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def facts(self) -> dict[str, Any]:
        """What the outcome of the attempt says about it; nothing where nothing is observed."""
        if self._file is None:
            return {}
        return {"hook_records": {"file": str(self._path), "count": self.count, "left_out": self.left_out}}

    def take(self, event: str, session: str, facts: dict[str, Any]) -> None:
        """Something happened; every observer that is about it records it."""
        for place, observer in enumerate(self._observers, 1):
            if event == LOST or _is_about(observer, event, facts.get("name")):
                self._write(
                    {"observer": observer.id or f"observers {place}", "event": event, "session": session}, facts
                )

    def _write(self, head: dict[str, Any], facts: dict[str, Any]) -> None:
        if self._file is None or self.count >= MAX_RECORDS:
            self.left_out += 1
            return
        self.count += 1
        body = {name: _bounded(self._redactor.value(value)) for name, value in facts.items()}
        line = {"at": timestamp(self._clock.now()), **head, **body}
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()


def _is_about(observer: ToolObserver, event: str, tool: object) -> bool:
    if event not in map(event_name, observer.events):
        return False
    if not observer.tools or tool is None:
        return True
    return any(fnmatch.fnmatchcase(str(tool), pattern) for pattern in observer.tools)


def _bounded(value: Any) -> Any:
    text = msgspec.json.encode(value)
    if len(text) <= MAX_VALUE_BYTES:
        return value
    return f"(cut, {len(text)} bytes) {text[:MAX_VALUE_BYTES].decode('utf-8', 'replace')}"
