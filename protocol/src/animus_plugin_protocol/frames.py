"""What one line of the wire is once it is read (protocol section 1), and how a byte stream becomes lines.

A line is a `Frame`, or a `BadFrame` that says which error to answer; a bad line is a value, never a crash.
Params, results and errors stay raw bytes until somebody who knows their type asks for them.
"""

from typing import Any, Final

import msgspec

from animus_plugin_protocol.errors import ErrorCode

__all__ = [
    "ABSENT",
    "MAX_READ_BYTES",
    "MAX_WRITE_BYTES",
    "BadFrame",
    "ErrorObject",
    "Frame",
    "LineSplitter",
    "OversizedLine",
]

MAX_READ_BYTES: Final = 16 * 1024 * 1024
"""A longer line is answered with -32700 and skipped; reading goes on."""

MAX_WRITE_BYTES: Final = 8 * 1024 * 1024
"""No frame longer than this is written, newline included: hosts tear the connection down beyond it."""

ABSENT: Final = msgspec.Raw()
"""Stands in `Frame.params`, `result` and `error` for a key that was not there; compare with ``is``."""


class Frame(msgspec.Struct, gc=False):
    """The envelope of a request, a notification or a response, as it was decoded.

    Attributes:
        id: exactly as decoded (``1`` is not ``"1"``); UNSET when the key is missing, None when it is null.
        method: a non-empty string; UNSET in a response, whatever it said.
        params, result, error: raw JSON, or `ABSENT`.
    """

    jsonrpc: Any = msgspec.UNSET
    id: Any = msgspec.UNSET
    method: Any = msgspec.UNSET
    params: msgspec.Raw = ABSENT
    result: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT

    @property
    def is_response(self) -> bool:
        """Whether it carries a result or an error; everything else is a request or a notification."""
        return self.method is msgspec.UNSET

    @property
    def wants_reply(self) -> bool:
        """Whether it has an id that is not null. A request without one is a notification."""
        return self.id is not msgspec.UNSET and self.id is not None

    @property
    def is_request(self) -> bool:
        """Whether an answer is expected."""
        return not self.is_response and self.wants_reply

    @property
    def is_notification(self) -> bool:
        """Whether no answer is expected."""
        return not self.is_response and not self.wants_reply


class BadFrame(msgspec.Struct, frozen=True):
    """A line that is no frame: the error to answer, and the id to answer it under (None where none was readable)."""

    code: int
    message: str
    id: Any = None


class ErrorObject(msgspec.Struct, frozen=True, omit_defaults=True):
    """The error of a response."""

    code: int
    message: str
    data: Any = None


class OversizedLine(msgspec.Struct, frozen=True):
    """Stands for a line that was longer than the limit; its bytes were thrown away."""

    limit: int

    def as_bad_frame(self) -> BadFrame:
        """What to answer."""
        return BadFrame(ErrorCode.PARSE_ERROR, f"a line is longer than {self.limit} bytes and was skipped")


class LineSplitter:
    """Cuts a byte stream at newlines, however it is chunked, and holds at most `limit` bytes of an unfinished line."""

    def __init__(self, limit: int = MAX_READ_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._held = 0
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes | OversizedLine]:
        """The lines that `chunk` completes, without their newlines, in order."""
        if not self._parts and not self._skipping and len(chunk) <= self._limit:
            # The usual chunk: it begins with a line, and nothing in it can be too long.
            whole = chunk.split(b"\n")
            rest_of_chunk = whole.pop()
            if rest_of_chunk:
                self._held = len(rest_of_chunk)
                self._parts.append(rest_of_chunk)
            return whole  # type: ignore[return-value] # nobody adds to the list
        pieces: list[bytes] = chunk.split(b"\n")
        rest = pieces.pop()
        lines: list[bytes | OversizedLine] = []
        if pieces:
            pieces_after_first: list[bytes] = pieces[1:]
            first = self._complete(pieces[0])
            if first is not None:
                lines.append(first)
            lines.extend(
                line if len(line) <= self._limit else OversizedLine(self._limit) for line in pieces_after_first
            )
        if rest:
            oversized = self._hold(rest)
            if oversized is not None:
                lines.append(oversized)
        return lines

    def finish(self) -> bytes | None:
        """At the end of the stream: the last line, if it had no newline. Empties the splitter."""
        if self._skipping or not self._parts:
            self._reset()
            return None
        line = b"".join(self._parts)
        self._reset()
        return line

    def _complete(self, piece: bytes) -> bytes | OversizedLine | None:
        if self._skipping:
            self._reset()
            return None
        if not self._parts:
            return piece if len(piece) <= self._limit else OversizedLine(self._limit)
        held = self._held + len(piece)
        line = b"".join((*self._parts, piece)) if held <= self._limit else OversizedLine(self._limit)
        self._reset()
        return line

    def _hold(self, rest: bytes) -> OversizedLine | None:
        if self._skipping:
            return None
        self._held += len(rest)
        if self._held <= self._limit:
            self._parts.append(rest)
            return None
        self._parts.clear()
        self._skipping = True
        return OversizedLine(self._limit)

    def _reset(self) -> None:
        self._parts.clear()
        self._held = 0
        self._skipping = False
