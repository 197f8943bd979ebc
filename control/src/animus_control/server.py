"""The control socket: newline-delimited JSON-RPC for clients of our own user, generated from the operation table.

A client that does not read loses its connection, never the daemon's memory: answers and stream notes wait in a
bounded buffer, and what was recorded long ago waits in its file's entries until the client takes it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from animus_control.errors import ControlError, error_from_fault
from animus_control.jobs import Jobs
from animus_control.listener import ListenerLaggedError, PastAndPresent
from animus_control.listening import is_same_user
from animus_control.operations import OPERATIONS, Operation
from animus_plugin_protocol import codec
from animus_plugin_protocol.errors import ErrorCode, RpcFault
from animus_plugin_protocol.frames import ABSENT, BadFrame, Frame, LineSplitter
from animus_plugin_protocol.methods import CANCEL_REQUEST
from animus_plugin_protocol.wire.control import SubscriptionClosedNote
from animus_plugin_protocol.wire.lifecycle import CancelParams

__all__ = ["ControlServer", "Stream", "Unary"]

Unary = Callable[[Operation, Any], Awaitable[Any]]
"""Runs an operation that gives one result struct."""

Stream = Callable[[Operation, Any], Awaitable[AsyncIterator[Any]]]
"""Runs a streaming operation; it listens from the moment this returns."""

OUTBOX_BYTES = 10 * 1024 * 1024
"""How much may wait for one client."""

TAKE_SECONDS = 600.0
"""How long a client may leave a long past lying before its connection ends."""

_READ_BYTES = 65536


class ControlServer:
    """Serves clients on a listening socket."""

    def __init__(self, unary: Unary, stream: Stream, on_failure: Callable[[str, BaseException], None]) -> None:
        self._unary, self._stream, self._on_failure = unary, stream, on_failure
        self._server: asyncio.Server | None = None
        self._clients = Jobs(on_failure)

    async def start(self, listener: socket.socket) -> None:
        """Serve `listener` until `close`."""
        self._server = await asyncio.start_unix_server(self._accept, sock=listener)

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        await self._clients.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not is_same_user(writer.get_extra_info("socket")):
            writer.close()
            return
        client = _Client(self._unary, self._stream, Jobs(self._on_failure), reader, writer)
        self._clients.start("client", client.serve())


class _Client:
    """One connection: any mix of calls and streams."""

    def __init__(
        self, unary: Unary, stream: Stream, jobs: Jobs, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._unary, self._streamed, self._jobs, self._reader, self._writer = unary, stream, jobs, reader, writer
        self._calls: dict[bytes, asyncio.Future[Any]] = {}

    async def serve(self) -> None:
        lines = LineSplitter()
        try:
            while chunk := await self._reader.read(_READ_BYTES):
                for line in lines.feed(chunk):
                    self._take(codec.decode_line(line) if isinstance(line, bytes) else line.as_bad_frame())
        except ConnectionError:
            pass
        finally:
            await self._jobs.close()
            self._writer.close()

    def _take(self, frame: Frame | BadFrame | None) -> None:
        if isinstance(frame, BadFrame):
            self._send(codec.encode_error(frame.id, frame.code, frame.message))
        elif frame is None or frame.is_response:
            return
        elif frame.is_request:
            key = codec.request_key(frame.id)
            job = self._jobs.start(f"call {frame.method}", self._answer(frame))
            self._calls[key] = job
            job.add_done_callback(lambda _: self._calls.pop(key, None))
        elif frame.method == CANCEL_REQUEST and frame.params is not ABSENT:
            try:
                wanted = msgspec.json.decode(frame.params, type=CancelParams).id
            except codec.DECODE_ERRORS:
                return
            call = self._calls.get(codec.request_key(wanted))
            if call is not None:
                call.cancel()

    async def _answer(self, frame: Frame) -> None:
        method: str = frame.method
        try:
            operation = OPERATIONS.get(method)
            if operation is None:
                self._send(
                    codec.encode_error(frame.id, ErrorCode.METHOD_NOT_FOUND, f"there is no operation {method!r}")
                )
                return
            params = _decode(operation, frame.params)
            if operation.stream is not None:
                await self._stream(frame.id, operation, params)
            else:
                self._send(codec.encode_result(frame.id, await self._unary(operation, params), method))
        except asyncio.CancelledError:
            self._send(codec.encode_error(frame.id, ErrorCode.REQUEST_CANCELLED, f"{method!r} was cancelled"))
            raise
        except ControlError as error:
            self._refuse(frame.id, error)
        except RpcFault as fault:
            self._refuse(frame.id, error_from_fault(fault, method))
        except Exception as error:
            self._refuse(frame.id, ControlError("internal", f"{method!r} failed: {error!r}; the daemon's log has more"))
            raise

    async def _stream(self, request_id: Any, operation: Operation, params: Any) -> None:
        stream = await self._streamed(operation, params)  # listens from here on, so acknowledge after it
        reason = "ended"
        self._send(codec.encode_result(request_id, {"watching": True}, operation.name))
        try:
            async for item in stream:
                self._send(codec.encode_notification(str(operation.stream), {"id": request_id, "data": item}))
                if isinstance(stream, PastAndPresent) and stream.is_past:
                    async with asyncio.timeout(TAKE_SECONDS):
                        await self._writer.drain()  # a long past comes as fast as the client reads it
        except ListenerLaggedError:
            reason = "buffer_full_lagged"
        except asyncio.CancelledError:
            reason = "cancelled"  # the stream's own way to end; the job ends with it
        except ConnectionError:
            return  # it hung up while it took the past
        except TimeoutError:
            self._writer.transport.abort()
            return
        self._send(
            codec.encode_notification("subscription/closed", SubscriptionClosedNote(id=request_id, reason=reason))
        )

    def _refuse(self, request_id: Any, error: ControlError) -> None:
        wire = error.to_wire()
        self._send(codec.encode_error(request_id, wire["code"], wire["message"], wire["data"]))

    def _send(self, line: bytes) -> None:
        transport = self._writer.transport
        if transport.get_write_buffer_size() + len(line) > OUTBOX_BYTES:
            transport.abort()
        elif not transport.is_closing():
            transport.write(line)


def _decode(operation: Operation, params: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(b"{}" if params is ABSENT or params == b"null" else params, type=operation.params)
    except codec.DECODE_ERRORS as error:
        raise ControlError("invalid_request", f"bad params for {operation.name!r}: {error}") from error
