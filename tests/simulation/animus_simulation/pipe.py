"""The pipe between a host and a plugin: bytes come late and in pieces, never lost, changed or out of order.

That is what a pipe promises, also when the writer dies: what it had written still arrives, then the end. A message is
lost only when its reader or its writer dies, and torn only when its writer dies in the middle of it.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from animus_simulation.loop import SimulatedProcess, VirtualLoop

__all__ = ["Pipe"]

USUAL_SECONDS = (0.00002, 0.002)
SLOW_SECONDS = 0.5
SLOW_SHARE = 0.01
SPLIT_SHARE = 0.03
TORN_SHARE = 0.5


class Pipe:
    """One direction. `on_written` sees what is written, before it is on its way."""

    def __init__(
        self,
        loop: VirtualLoop,
        chance: random.Random,
        *,
        writer: SimulatedProcess,
        reader: SimulatedProcess,
        on_written: Callable[[bytes], None],
    ) -> None:
        self._loop, self._chance, self._on_written = loop, chance, on_written
        self._writer, self._reader = writer, reader
        self._under_way: deque[bytes] = deque()
        self._arrived: list[bytes] = []
        self._last = 0.0
        self._take: Callable[[bytes], None] | None = None
        self._is_read = True
        self._has_ended = False
        self._lost: Callable[[], None] | None = None
        writer.on_end.append(self._writer_died)
        reader.on_end.append(self._lose_reader)

    def connect(self, take: Callable[[bytes], None]) -> None:
        """`take` gets what arrives and has arrived, and nothing at the end."""
        self._take = take
        arrived, self._arrived = self._arrived, []
        for data in arrived:
            take(data)

    def write(self, data: bytes) -> None:
        """Send bytes on their way."""
        if self._has_ended:
            return
        self._on_written(data)
        if self._has_ended:
            return  # the writer died on the way to it
        # Of a length, not a number of bytes: names of directories are in there, and those differ between machines.
        share, is_split = self._chance.random(), self._chance.random() < SPLIT_SHARE
        cut = int(share * len(data)) if is_split else 0
        for piece in (data[:cut], data[cut:]):
            if piece:
                self._send(piece)

    def end(self) -> None:
        """The writer has closed its end."""
        if not self._has_ended:
            self._has_ended = True
            self._send(b"")

    def close(self) -> None:
        """The reader has closed its end."""
        self._is_read = False

    def _writer_died(self) -> None:
        share, is_torn = self._chance.random(), self._chance.random() < TORN_SHARE
        if self._under_way and not self._has_ended and is_torn:
            last = self._under_way[-1]
            self._under_way[-1] = last[: int(share * len(last))]
        self.end()

    def _lose_reader(self) -> None:
        self._is_read = False
        if self._lost is not None:
            self._loop.call_later(0.0001, self._lost, context=self._writer.context)

    def _send(self, data: bytes) -> None:
        slow = self._chance.random() < SLOW_SHARE
        delay = self._chance.uniform(0, SLOW_SECONDS) if slow else self._chance.uniform(*USUAL_SECONDS)
        self._last = max(self._last, self._loop.time() + delay)
        self._under_way.append(data)
        self._loop.call_at(self._last, self._arrive, context=self._reader.context)

    def _arrive(self) -> None:
        data = self._under_way.popleft()
        if not self._is_read or not (data or self._has_ended):
            return
        if self._take is None:
            self._arrived.append(data)
        else:
            self._take(data)

    # The host's ends, as asyncio transports.

    def read_by(self, protocol: Any) -> "_Reader":
        """The host reads."""

        def take(data: bytes) -> None:
            if data:
                protocol.data_received(data)
            else:
                protocol.eof_received()
                protocol.connection_lost(None)

        self.connect(take)
        return _Reader(self)

    def write_by(self, protocol: Any) -> "_Writer":
        """The host writes."""
        self._lost = lambda: protocol.connection_lost(BrokenPipeError())
        return _Writer(self, self._loop, protocol)


class _Reader(asyncio.ReadTransport):
    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe
        self.max_size = 0

    def close(self) -> None:
        self._pipe.close()


class _Writer(asyncio.WriteTransport):
    def __init__(self, pipe: Pipe, loop: VirtualLoop, protocol: Any) -> None:
        super().__init__()
        self._pipe, self._loop, self._protocol, self._is_closing = pipe, loop, protocol, False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._is_closing

    def write(self, data: bytes) -> None:
        if not self._is_closing:
            self._pipe.write(bytes(data))

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._pipe.end()
            self._loop.call_soon(self._protocol.connection_lost, None)

    abort = close
