"""What an agent decided: a line of its output that says so, or the JSON object its answer ends in.

A decision line is one whole line that is a JSON object and says so: it has the key ``verdict`` (with ``kind`` absent or
``phase_decision``), or it holds such an object under ``phase_decision`` or ``decision``. The last such line counts.
Whether the verdict in it is valid is for the runner to judge: a decision that is wrong must not look like none at all.
"""

import json
from typing import Any, Final, cast

from animus_agent_cli.bounded_lines import BoundedLines

__all__ = ["LINE_LIMIT_BYTES", "DecisionScanner", "answer_object", "decision_in", "decision_of", "schema_instruction"]

LINE_LIMIT_BYTES: Final = 1024 * 1024
"""A longer line is output, not a decision."""

_ANSWER_LIMIT_CHARACTERS: Final = 256 * 1024
"""How far from the end of an answer its object may begin."""
_ANSWER_LOOKS: Final = 4096
"""How many braces are tried as its beginning."""

_KIND: Final = "phase_decision"
_WRAPPERS: Final = (_KIND, "decision")
_INT_DIGITS: Final = 18
"""An integer of more digits becomes a float: it would not fit the encoders on the way."""


def decision_in(line: bytes) -> dict[str, Any] | None:
    """The decision that `line` is, out of its wrapper; None when it is no decision."""
    text = line.strip()
    if not (text.startswith(b"{") and text.endswith(b"}") and (b"verdict" in text or b"decision" in text)):
        return None
    try:
        loaded: Any = json.loads(text, parse_int=_number, parse_constant=_refuse)
        json.dumps(loaded, ensure_ascii=False).encode()  # a lone surrogate could not travel on
    except (ValueError, RecursionError):
        return None
    return decision_of(cast("dict[str, Any]", loaded))


def decision_of(found: dict[str, Any]) -> dict[str, Any] | None:
    """The decision that an object is or wraps; None when it is about something else."""
    for wrapper in _WRAPPERS:
        inner: Any = found.get(wrapper)
        if isinstance(inner, dict):
            return cast("dict[str, Any]", inner)
    return found if "verdict" in found and _is_decision_kind(found.get("kind")) else None


def _is_decision_kind(kind: Any) -> bool:
    return kind is None or (isinstance(kind, str) and kind.strip().lower() == _KIND)


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _INT_DIGITS else float(digits)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class DecisionScanner:
    """Looks at output as it comes, in chunks cut anywhere.

    Attributes:
        decision: the last decision so far.
    """

    def __init__(self) -> None:
        """Start at the beginning of a line."""
        self.decision: dict[str, Any] | None = None
        self._lines = BoundedLines(self._take, limit=LINE_LIMIT_BYTES)

    def write(self, data: bytes) -> None:
        """Take the next piece of output."""
        self._lines.write(data)

    def close(self) -> None:
        """The output is over: what is left is a line too."""
        self._lines.close()

    def _take(self, line: bytes, is_oversized: bool) -> None:  # noqa: FBT001 - the shape of BoundedLines' callback
        found = None if is_oversized else decision_in(line)
        if found is not None:
            self.decision = found


def schema_instruction(schema: dict[str, Any]) -> str:
    """What to tell an agent that cannot be given a schema by other means."""
    text = json.dumps(schema, ensure_ascii=False, sort_keys=True)
    return (
        "End your final answer with one JSON object that is valid against this JSON Schema, "
        f"and with nothing behind it:\n{text}"
    )


def answer_object(text: str) -> dict[str, Any] | None:
    """The JSON object at the very end of `text`, in a fenced block or bare; None when it ends in none."""
    end = text[-_ANSWER_LIMIT_CHARACTERS:].strip().removesuffix("```").rstrip()
    if not end.endswith("}"):
        return None
    decoder = json.JSONDecoder(parse_int=_number, parse_constant=_refuse)
    start = end.find("{")
    for _ in range(_ANSWER_LOOKS):
        if start < 0:
            return None
        try:
            found, stop = decoder.raw_decode(end, start)
            if stop == len(end):
                json.dumps(found, ensure_ascii=False).encode()  # a lone surrogate could not travel on
                return cast("dict[str, Any]", found)
            # A whole object, but not the last: what is inside it cannot be the last either.
            start = end.find("{", stop)
        except (ValueError, RecursionError):
            start = end.find("{", start + 1)
    return None
