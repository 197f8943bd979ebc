"""Output of processes, kept within bounds: the tail in memory, all of it in a file."""

import os
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["FILE_LIMIT_BYTES", "BoundedCapture", "TailBuffer"]

FILE_LIMIT_BYTES = 256 * 1024 * 1024
"""How much of one output stream a file keeps."""
_PIECE_BYTES = 8 * 1024


class TailBuffer:
    """Keeps the last `limit_bytes` bytes written to it.

    Attributes:
        total_bytes: how much was written in all.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.total_bytes = 0
        self._chunks: deque[bytes] = deque()
        self._kept = 0

    def write(self, data: bytes) -> None:
        """Append `data`; what no longer fits is dropped at the front."""
        self.total_bytes += len(data)
        data = bytes(data[-self.limit_bytes :]) if self.limit_bytes else b""
        if not data:
            return
        self._chunks.append(data)
        self._kept += len(data)
        while self._kept > self.limit_bytes:
            first = self._chunks.popleft()
            excess = self._kept - self.limit_bytes
            if excess < len(first):
                self._chunks.appendleft(first[excess:])
            self._kept -= min(excess, len(first))

    @property
    def truncated(self) -> bool:
        """Whether something was dropped."""
        return self.total_bytes > self._kept

    def data(self) -> bytes:
        """The bytes kept."""
        return b"".join(self._chunks)

    def text(self) -> str:
        """The bytes kept as text; what is not UTF-8 becomes a replacement character, never an error."""
        return self.data().decode("utf-8", errors="replace")


class BoundedCapture:
    """Writes a stream to `file` and keeps its tail in memory.

    A stream that says nothing leaves no file, and the file is open only while a piece is written to it: hundreds of
    silent programs need neither inodes nor descriptors here.

    Attributes:
        file: where the stream is written in full, up to `file_limit` bytes.
        file_truncated: whether the stream was longer than that.
    """

    def __init__(self, file: Path, tail_limit: int, *, file_limit: int = FILE_LIMIT_BYTES) -> None:
        """Begin; a file that is there already is removed.

        Raises:
            OSError: it cannot be.
        """
        self.file = file
        self.file_truncated = False
        self._tail = TailBuffer(tail_limit)
        self._left = file_limit
        self._piece = bytearray()
        file.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Append `data` to the file and to the tail."""
        self._tail.write(data)
        if len(data) > self._left:
            self.file_truncated = True
        if self._left:
            self._piece += data[: self._left]
            self._left -= min(len(data), self._left)
            if len(self._piece) >= _PIECE_BYTES:
                self._flush()

    def _flush(self) -> None:
        piece, self._piece = self._piece, bytearray()
        if piece:
            with open(self.file, "ab", buffering=0, opener=_private) as stream:
                stream.write(piece)

    @property
    def total_bytes(self) -> int:
        """How much was written in all."""
        return self._tail.total_bytes

    @property
    def truncated(self) -> bool:
        """Whether the tail in memory is less than the whole."""
        return self._tail.truncated

    def text(self) -> str:
        """The tail as text."""
        return self._tail.text()

    def data(self) -> bytes:
        """The tail as bytes."""
        return self._tail.data()

    def close(self) -> None:
        """Write what is left; the tail stays readable."""
        self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
