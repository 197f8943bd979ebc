"""Server-sent events, out of bytes cut anywhere. Lenient: comments, unknown fields and CRLF are fine."""

from collections.abc import Iterator
from typing import Final

__all__ = ["EventStream"]

_DATA: Final = b"data:"


class EventStream:
    """Feed it bytes, get the data of each whole event."""

    def __init__(self) -> None:
        """Start before the first line."""
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The events that `piece` completes."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            text = line.rstrip(b"\r")
            if text.startswith(_DATA):
                self._data.append(text[len(_DATA) :].removeprefix(b" "))
            elif not text and self._data:
                yield b"\n".join(self._data)
                self._data = []

    def end(self) -> Iterator[bytes]:
        """The last event, if the server forgot its blank line."""
        yield from self.feed(b"\n\n")
