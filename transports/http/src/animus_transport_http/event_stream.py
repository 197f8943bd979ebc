"""Server-sent events: the items of a daemon's stream for a client that may be slow, gone, or coming back.

What waits for a client is bounded. One that is too slow gets what waited and then ``event: closed`` with the reason
``buffer_full_lagged``; so does everybody, with another reason, when the stream ends. A client that comes back with
``Last-Event-ID`` goes on where it was, if the stream's items have numbers. Source: HTML living standard, 9.2.
"""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncGenerator
from typing import NamedTuple

import msgspec

from animus_control.errors import ControlError

__all__ = ["BUFFER_BYTES", "EVENT_STREAM", "KEEPALIVE_SECONDS", "EventStream", "Item"]

EVENT_STREAM = "text/event-stream"
BUFFER_BYTES = 4 * 1024 * 1024
"""How much may wait for one client."""
KEEPALIVE_SECONDS = 15.0
"""How often a comment is sent while nothing happens, so that whoever is gone is noticed."""
_RETRY = b"retry: 1000\n\n"
_KEEPALIVE = b":\n\n"


class Item(NamedTuple):
    """One event: a JSON text without line breaks, its number and its name where it has one."""

    data: msgspec.Raw
    number: int | None = None
    name: str | None = None

    def encoded(self) -> bytes:
        """The event as it is sent."""
        number = b"" if self.number is None else b"id: %d\n" % self.number
        name = b"" if self.name is None else b"event: %b\n" % self.name.encode()
        return number + name + b"data: " + bytes(self.data) + b"\n\n"


class EventStream:
    """One client's stream of `items`."""

    def __init__(self, items: AsyncGenerator[Item]) -> None:
        self._items = items
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._waiting_bytes = 0
        self._is_ended = False

    def end(self, reason: str, message: str = "") -> None:
        """The last thing the client is told, after what waits for it."""
        if not self._is_ended:
            self._is_ended = True
            note = {"reason": reason} | ({"message": message} if message else {})
            self._waiting.put_nowait(b"event: closed\ndata: " + msgspec.json.encode(note) + b"\n\n")
            self._waiting.put_nowait(None)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """What is sent, until the end."""
        pump = asyncio.get_running_loop().create_task(self._pump())
        try:
            yield _RETRY
            while True:
                try:
                    chunk = await asyncio.wait_for(self._waiting.get(), KEEPALIVE_SECONDS)
                except TimeoutError:
                    chunk = _KEEPALIVE
                else:
                    if chunk is None:
                        return
                    self._waiting_bytes -= len(chunk)
                yield chunk
        finally:
            pump.cancel()
            await asyncio.wait([pump])

    async def _pump(self) -> None:
        try:
            async with contextlib.aclosing(self._items):
                async for item in self._items:
                    chunk = item.encoded()
                    if self._is_ended:
                        return
                    if self._waiting_bytes + len(chunk) > BUFFER_BYTES:
                        self.end("buffer_full_lagged", "read faster, or come back with Last-Event-ID")
                        return
                    self._waiting_bytes += len(chunk)
                    self._waiting.put_nowait(chunk)
            self.end("ended")
        except ControlError as error:
            self.end(str(error.details.get("reason", error.category)), error.message)
        except Exception as error:  # noqa: BLE001 - the client is told, the server's log has the rest
            traceback.print_exception(error)
            self.end("internal", f"{type(error).__name__}: {error}")
