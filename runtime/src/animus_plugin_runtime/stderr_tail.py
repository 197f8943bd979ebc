"""What a plugin says on its standard error: lines for a sink, and the last ones for error reports."""

import asyncio
from collections import deque
from collections.abc import Callable

__all__ = ["LINE_BYTES", "TAIL_LINES", "StderrTail"]

TAIL_LINES = 40
"""Lines kept for error reports."""

TAIL_LINE_BYTES = 512
"""Bytes kept of each of them."""

LINE_BYTES = 8192
"""Bytes of a line that the sink gets; the rest of a longer line is dropped."""


class StderrTail(asyncio.Protocol):
    """Reads a plugin's standard error to the end, whatever comes, in bounded memory."""

    def __init__(self, sink: Callable[[str], None] | None = None) -> None:
        self._sink = sink
        self._lines: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._partial = bytearray()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for `close`."""
        self._transport = transport

    def close(self) -> None:
        """Stop reading: nobody is left to write."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Cut into lines."""
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._extend(piece)
            self._finish_line()
        self._extend(rest)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the shape of asyncio.Protocol
        """A last line without a newline counts."""
        if self._partial:
            self._finish_line()

    def lines(self) -> list[str]:
        """The last lines, oldest first."""
        kept = [*self._lines, *([bytes(self._partial[:TAIL_LINE_BYTES])] if self._partial else [])]
        return [line.decode("utf-8", "replace") for line in kept[-TAIL_LINES:]]

    def _extend(self, piece: bytes) -> None:
        self._partial += piece[: LINE_BYTES - len(self._partial)]

    def _finish_line(self) -> None:
        line = bytes(self._partial).rstrip(b"\r")
        self._partial.clear()
        self._lines.append(line[:TAIL_LINE_BYTES])
        if self._sink is not None:
            try:
                self._sink(line.decode("utf-8", "replace"))
            except Exception as error:  # noqa: BLE001 - the reader outlives its sink
                self._sink = None
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "a sink for standard error failed and was taken off", "exception": error}
                )
