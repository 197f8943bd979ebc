"""Output of processes, kept within bounds: the tail in memory, all of it in a file."""

from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["FILE_LIMIT_BYTES", "BoundedCapture", "TailBuffer"]

FILE_LIMIT_BYTES = 256 * 1024 * 1024
"""How much of one output stream a file keeps."""


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

    Attributes:
        file: where the stream is written in full, up to `file_limit` bytes.
        file_truncated: whether the stream was longer than that.
    """

    def __init__(self, file: Path, tail_limit: int, *, file_limit: int = FILE_LIMIT_BYTES) -> None:
        self.file = file
        self.file_truncated = False
        self._tail = TailBuffer(tail_limit)
        self._left = file_limit
        self._stream = file.open("wb")

    def write(self, data: bytes) -> None:
        """Append `data` to the file and to the tail."""
        self._tail.write(data)
        if len(data) > self._left:
            self.file_truncated = True
        if self._left:
            self._stream.write(data[: self._left])
            self._left -= min(len(data), self._left)

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
        """Close the file; the tail stays readable."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
