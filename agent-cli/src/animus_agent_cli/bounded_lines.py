"""Output that comes in chunks cut anywhere, as lines, in bounded memory."""

from collections.abc import Callable
from typing import Final

__all__ = ["BEGINNING_BYTES", "BoundedLines"]

BEGINNING_BYTES: Final = 500
"""What is kept of a line that is too long."""


class BoundedLines:
    """Takes chunks and hands out lines, the last one at `close`."""

    def __init__(self, on_line: Callable[[bytes, bool], object], *, limit: int) -> None:
        """Start at the beginning of a line.

        Args:
            on_line: gets each line without its end, and whether it was too long: then it is the beginning of one.
            limit: the longest line, in bytes.
        """
        self._on_line = on_line
        self._limit = limit
        self._line = bytearray()
        self._is_too_long = False

    def write(self, data: bytes) -> None:
        """Take the next piece of output."""
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._append(piece)
            self.close()
        self._append(rest)

    def close(self) -> None:
        """The line is over, also without an end: what is left of the output is a line too."""
        line, is_too_long = bytes(self._line), self._is_too_long
        self._line.clear()
        self._is_too_long = False
        self._on_line(line, is_too_long)

    def _append(self, piece: bytes) -> None:
        if self._is_too_long or len(self._line) + len(piece) > self._limit:
            self._is_too_long = True
            self._line += piece[:BEGINNING_BYTES]
            del self._line[BEGINNING_BYTES:]
        else:
            self._line += piece
