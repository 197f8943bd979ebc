"""A program's output as JSON objects, one a line, whatever else it prints."""

import json
from collections.abc import Callable
from typing import Any, Final, cast

from animus_agent_cli.bounded_lines import BEGINNING_BYTES, BoundedLines
from animus_agent_cli.loose import as_dict, as_list

__all__ = ["LINE_LIMIT_BYTES", "JsonLines", "object_in"]

LINE_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""A longer line is skipped."""
_INT_DIGITS: Final = 18
"""An integer of more digits becomes a float: it would not fit the encoders on the way."""


def object_in(line: bytes) -> dict[str, Any] | None:
    """The JSON object that `line` is; None when it is none. Bytes that are not UTF-8 become replacement characters."""
    text = line.strip()
    if not (text.startswith(b"{") and text.endswith(b"}")):
        return None
    try:
        loaded: Any = json.loads(text.decode(errors="replace"), parse_int=_number, parse_constant=_nothing)
    except (ValueError, RecursionError):
        return None
    if b"\\ud" in text.lower():
        loaded = _without_lone_surrogates(loaded)
    return cast("dict[str, Any]", loaded)


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _INT_DIGITS else float(digits)


def _nothing(_: str) -> None:
    """NaN and the infinities are no JSON and could not travel on."""


def _without_lone_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in as_list(value)]
    if isinstance(value, dict):
        return {_without_lone_surrogates(key): _without_lone_surrogates(item) for key, item in as_dict(value).items()}
    return value


class JsonLines:
    """Takes output in chunks cut anywhere and hands out the objects in it.

    Attributes:
        skipped: lines that were no JSON object.
        oversized: lines that were too long to look at.
        sample: the beginning of the last line that was skipped.
    """

    def __init__(self, on_object: Callable[[dict[str, Any]], object], *, limit: int = LINE_LIMIT_BYTES) -> None:
        """Start at the beginning of a line."""
        self.skipped = 0
        self.oversized = 0
        self.sample = ""
        self._on_object = on_object
        self._lines = BoundedLines(self._take, limit=limit)

    def write(self, data: bytes) -> None:
        """Take the next piece of output."""
        self._lines.write(data)

    def close(self) -> None:
        """The output is over: what is left is a line too."""
        self._lines.close()

    def _take(self, line: bytes, is_oversized: bool) -> None:  # noqa: FBT001 - the shape of BoundedLines' callback
        found = None if is_oversized else object_in(line)
        if found is not None:
            self._on_object(found)
        elif line.strip() or is_oversized:
            self.oversized += is_oversized
            self.skipped += not is_oversized
            self.sample = line[:BEGINNING_BYTES].decode(errors="replace").strip()
