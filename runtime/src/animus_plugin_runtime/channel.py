"""Two pipes as lines: reading never stops, and writing says when there is room."""

import asyncio
from collections.abc import Callable
from typing import IO, Any, cast

from animus_plugin_protocol.frames import LineSplitter, OversizedLine

__all__ = ["WRITE_HIGH_WATER_BYTES", "Channel"]

WRITE_HIGH_WATER_BYTES = 1024 * 1024
"""Above this much unwritten, whoever can wait does."""

_HEAD_BYTES = 256

_READ_BYTES = 65_536
"""From 128 KiB on the allocator maps and unmaps memory for each read; asyncio asks for 256 KiB."""

_JOINED_BYTES = 65_536
"""Frames of one turn of the loop are written together up to this much: a pipe takes no more at once."""


class Channel:
    """The host's ends of a plugin's standard input and output.

    Attributes:
        has_room: whether less than the high-water mark is waiting to be written.
        has_ended: whether the plugin can no longer be spoken to.

    Args:
        on_lines: called with the lines of one read, each its bytes or an `OversizedLine`, how the first one began
            (only a first line can be oversized), and how many bytes were read.
        on_end: called once when the plugin can no longer be spoken to: either pipe has ended.
    """

    def __init__(
        self, on_lines: Callable[[list[bytes | OversizedLine], bytes, int], None], on_end: Callable[[], None]
    ) -> None:
        self._on_lines = on_lines
        self._on_end = on_end
        self._splitter = LineSplitter()
        self._head = b""
        self._room = asyncio.Event()
        self._room.set()
        self._is_feeding = False
        self._reader: asyncio.ReadTransport | None = None
        self._writer: asyncio.WriteTransport | None = None
        self._input_closed = False
        self._joined: list[bytes] = []
        self._joined_bytes = 0
        self.has_ended = False
        self.has_room = True

    async def open(self, read_from: IO[bytes], write_to: IO[bytes]) -> None:
        """Take over both pipes."""
        loop = asyncio.get_running_loop()
        writer, _ = await loop.connect_write_pipe(lambda: _Writer(self), write_to)
        self._writer = writer
        writer.set_write_buffer_limits(high=WRITE_HIGH_WATER_BYTES)
        reader, _ = await loop.connect_read_pipe(lambda: _Reader(self), read_from)
        cast("Any", reader).max_size = _READ_BYTES
        self._reader = reader

    def write(self, data: bytes, *, join: bool = False) -> None:
        """Hand `data` to the pipe; never waits. After the end it goes nowhere.

        With `join` it is written at the end of this turn of the loop, in one write with what else was joined; what
        the lines of one read give rise to is written together after them.
        """
        if not join and not self._joined and not self._is_feeding:
            self._hand_over(data)
            return
        if not self._joined and not self._is_feeding:
            asyncio.get_running_loop().call_soon(self._write_joined)
        self._joined.append(data)
        self._joined_bytes += len(data)
        if self._joined_bytes > _JOINED_BYTES or not (join or self._is_feeding):
            self._write_joined()

    def _write_joined(self) -> None:
        data = b"".join(self._joined)
        self._joined.clear()
        self._joined_bytes = 0
        if data:
            self._hand_over(data)

    def _hand_over(self, data: bytes) -> None:
        if self._writer is not None and not self._input_closed and not self._writer.is_closing():
            self._writer.write(data)

    @property
    def outbound_bytes(self) -> int:
        """What the plugin has not read yet and the pipe did not take."""
        return 0 if self._writer is None else self._writer.get_write_buffer_size() + self._joined_bytes

    async def wait_room(self) -> None:
        """Return when there is room, or when the channel has ended."""
        while not self.has_room:
            await self._room.wait()

    def close_input(self) -> None:
        """Close the plugin's standard input once everything is written."""
        self._write_joined()
        self._input_closed = True
        if self._writer is not None:
            self._writer.close()

    def abort(self) -> None:
        """Let go of both pipes at once."""
        writer = self._writer
        if writer is not None:
            self._input_closed = True
            if not writer.is_closing() or writer.get_write_buffer_size():  # else its end is on the way
                cast("Any", writer).abort()
        if self._reader is not None:
            self._reader.close()
        self.end()

    def end(self) -> None:
        """The pipes are of no use any more."""
        self.resume_writing()
        if not self.has_ended:
            self.has_ended = True
            self._on_end()

    def feed(self, data: bytes) -> None:
        """Lines come out of `on_lines`. Called by the loop and never by a task: calls that are answered go on here."""
        head = self._head
        if head or not data.endswith(b"\n"):
            self._head = _head_after(head, data)
        lines = self._splitter.feed(data)
        if len(lines) <= 1:
            self._on_lines(lines, head, len(data))
            return
        self._is_feeding = True
        try:
            self._on_lines(lines, head, len(data))
        finally:
            self._is_feeding = False
            self._write_joined()

    def feed_end(self) -> None:
        """A last line without a newline counts."""
        last = self._splitter.finish()
        if last is not None:
            self._on_lines([last], self._head, 0)
        self.end()

    def pause_writing(self) -> None:
        """The pipe is full."""
        self.has_room = False
        self._room.clear()

    def resume_writing(self) -> None:
        """The pipe takes more."""
        self.has_room = True
        self._room.set()

    def input_lost(self) -> None:
        """The plugin closed its standard input, or we did."""
        self._writer = None  # a transport that is closed must not be closed again
        self.resume_writing()
        if not self._input_closed:
            self.end()


def _head_after(head: bytes, data: bytes) -> bytes:
    """How the line begins that `data` leaves unfinished, where the one before began with `head`."""
    newline = data.rfind(b"\n")
    if newline >= 0:
        return data[newline + 1 : newline + 1 + _HEAD_BYTES]
    return head + data[: _HEAD_BYTES - len(head)] if len(head) < _HEAD_BYTES else head


class _Reader(asyncio.Protocol):
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def data_received(self, data: bytes) -> None:
        self._channel.feed(data)

    def eof_received(self) -> None:
        self._channel.feed_end()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the shape of asyncio.Protocol
        self._channel.end()


class _Writer(asyncio.BaseProtocol):
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def pause_writing(self) -> None:
        self._channel.pause_writing()

    def resume_writing(self) -> None:
        self._channel.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the shape of asyncio.Protocol
        self._channel.input_lost()
