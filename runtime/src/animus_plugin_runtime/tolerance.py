"""What others write a little differently from the protocol's text, and hosts read all the same.

A published toolkit writes ``null`` where a field has a default, which the strict shape refuses; tools like ``jq`` write
a frame over several lines, or several frames on one. Only what the strict reading refuses comes here, so that it costs
nobody else anything.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final, TypeVar, cast

import msgspec

from animus_plugin_protocol.codec import decode_line
from animus_plugin_protocol.errors import ErrorCode
from animus_plugin_protocol.frames import MAX_READ_BYTES, BadFrame, Frame

__all__ = ["BrokenLines", "read_shape"]

T = TypeVar("T")

_NULLS_LIMIT: Final = 1000
"""Each null that is dropped costs another reading."""

_REFUSED_NULL: Final = re.compile(r"got `null` - at `\$((?:\.\w+|\[\d+\])*\.\w+)`$")
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")


def read_shape(decoder: "msgspec.json.Decoder[T]", data: bytes | msgspec.Raw) -> T:
    """Decode; members that are null where their shape has no null count as left out.

    Raises:
        DECODE_ERRORS: of the strict reading.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        strict = error
    value = msgspec.json.decode(data)
    refused = strict
    for _ in range(_NULLS_LIMIT):
        if not _drop_null(value, str(refused)):
            break
        try:
            return decoder.decode(msgspec.json.encode(value))
        except msgspec.ValidationError as error:
            refused = error
    raise strict  # it says what was really written


def _drop_null(value: Any, refusal: str) -> bool:
    """Take the member out whose null was refused, if that is what the refusal says."""
    named = _REFUSED_NULL.search(refusal)
    if named is None:
        return False
    *path, last = _STEP.findall(named.group(1))
    for name, number in path:
        value = value[name] if name else value[int(number)]
    return isinstance(value, dict) and cast("dict[str, Any]", value).pop(last[0], value) is None


class BrokenLines:
    """Lines that are no frame by themselves: the parts of one, several on one line, or neither.

    A frame over several lines begins with a line that begins with a brace, and ends with one that is a closing brace
    and nothing else. A line that is a frame by itself ends the attempt, so that noise loses no frame.
    """

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._held_bytes = 0

    def drop(self) -> None:
        """What was held for the beginning of a frame is noise."""
        if self._held:
            self._held.clear()
            self._held_bytes = 0

    def take(self, line: bytes, read_as: BadFrame) -> list[Frame] | None:
        """The frames that `line` completes, none while one may be coming; None when it is noise."""
        if read_as.id is not None:  # it says itself which answer it wanted to be
            self.drop()
        elif self._held or (read_as.code == ErrorCode.PARSE_ERROR and line.lstrip().startswith(b"{")):
            several = None if self._held else _frames_in(line)
            return several or self._hold(line)
        return None

    def _hold(self, line: bytes) -> list[Frame] | None:
        self._held.append(line)
        self._held_bytes += len(line)
        if line.rstrip() == b"}" and not line[:1].isspace():
            whole = decode_line(b"\n".join(self._held))
            self.drop()
            return [whole] if isinstance(whole, Frame) else None
        if self._held_bytes > MAX_READ_BYTES:
            self.drop()
            return None
        return []


def _frames_in(line: bytes) -> list[Frame] | None:
    """The frames that stand on one line, if that is all that stands there."""
    frames = [decode_line(text) for text in _values_in(line)]
    found = [frame for frame in frames if isinstance(frame, Frame)]
    return found if len(found) == len(frames) else None


def _values_in(line: bytes) -> Iterable[bytes]:
    """The JSON values of a line, or nothing when there is anything else on it."""
    decoder = json.JSONDecoder()
    found: list[bytes] = []
    try:
        text = line.decode().strip()
        while text:
            _, end = decoder.raw_decode(text)
            found.append(text[:end].encode())
            text = text[end:].lstrip()
    except (ValueError, RecursionError):
        return []
    return found
