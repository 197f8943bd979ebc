"""Asking the daemon from an event loop: one connection to its control socket for each call or stream.

A call that is given up hangs up, and the daemon ends what it did for it.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Self

import msgspec

from animus_control.client import ANSWER_SECONDS
from animus_control.endpoint import socket_path
from animus_control.errors import ControlError, daemon_needed, error_from_wire
from animus_control.incoming import IncomingFrames
from animus_control.operations import Operation
from animus_control.project import Project
from animus_plugin_protocol.codec import encode_request
from animus_plugin_protocol.frames import ABSENT, Frame

__all__ = ["DaemonConnection"]

_READ_BYTES = 65536
_REQUEST_ID = 1
_CLOSED = "subscription/closed"


class _Note(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    reason: str = "ended"


class DaemonConnection:
    """A connection on which one operation is asked for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._frames = IncomingFrames()

    @classmethod
    async def open(cls, project: Project) -> Self:
        """Connect; whoever does closes it.

        Raises:
            ControlError: ``unavailable`` when no daemon listens.
        """
        try:
            reader, writer = await asyncio.open_unix_connection(str(socket_path(project)))
        except PermissionError as error:
            raise ControlError("permission_denied", f"the daemon's socket: {error.strerror}") from error
        except OSError as error:
            raise daemon_needed(f"no daemon serves {str(project.root)!r}") from error
        return cls(reader, writer)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def ask(self, operation: Operation, params: Any) -> msgspec.Raw:
        """The result as the daemon wrote it; of a streaming operation, that it has begun.

        Raises:
            ControlError: what the daemon answered; ``unavailable`` when it went away or took too long.
        """
        self._writer.write(encode_request(_REQUEST_ID, operation.name, params))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    frame = await self._next_frame()
                    if frame.id == _REQUEST_ID and frame.is_response:
                        break
        except TimeoutError:
            message = f"the daemon did not answer {operation.name!r} within {ANSWER_SECONDS:g} s"
            raise ControlError("unavailable", message) from None
        if frame.error is not ABSENT:
            raise error_from_wire(msgspec.json.decode(frame.error))
        return frame.result

    async def items(self) -> AsyncGenerator[msgspec.Raw]:
        """What a stream that has begun sends, until it ends.

        Raises:
            ControlError: ``unavailable`` when the daemon went away, ``conflict`` when we were too slow for it.
        """
        while True:
            frame = await self._next_frame()
            note = msgspec.json.decode(b"{}" if frame.params is ABSENT else frame.params, type=_Note)
            if frame.method == _CLOSED:
                _require_ended(note.reason)
                return
            yield note.data

    async def _next_frame(self) -> Frame:
        while (frame := self._frames.take()) is None:
            try:
                chunk = await self._reader.read(_READ_BYTES)
            except OSError as error:
                raise daemon_needed("the daemon went away during the call") from error
            self._frames.feed(chunk)
        return frame


def _require_ended(reason: str) -> None:
    if reason == "cancelled":  # not by us: it ends everything when it stops
        raise daemon_needed("the daemon has stopped")
    if reason != "ended":
        raise ControlError("conflict", f"the daemon cut the stream: {reason}", details={"reason": reason})
