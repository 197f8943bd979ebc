"""One client's connection: requests one after the other, each within its limits, none read that is refused.

HTTP/1.1 itself is h11's. What is added is that every wait on a client has an end, and what a client sends a size.
"""

import asyncio
import traceback
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

import h11

from animus_transport_http.api import Api
from animus_transport_http.event_stream import EVENT_STREAM
from animus_transport_http.exchange import Answer, Head, Response, Streamed, error_response
from animus_transport_http.refusal import RefusalError, refusal_of

__all__ = ["Connection", "Limits"]

_READ_BYTES = 65536
_LINGER_BYTES = 1024 * 1024
_LINGER_SECONDS = 1.0
_PROTOCOL_CODES = {431: "head_too_large", 408: "timeout"}


class Limits(NamedTuple):
    """What a client may take.

    Attributes:
        head_seconds: until a request's head has come in whole, however it is spread; also between two requests.
        body_seconds: for the body after it.
        write_seconds: until a client has taken enough of an answer for more to be written.
    """

    head_bytes: int = 16 * 1024
    body_bytes: int = 4 * 1024 * 1024
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    write_seconds: float = 30.0


class Connection:
    """Serves one client until it goes away, misbehaves, or `close_soon` is called."""

    def __init__(self, api: Api, limits: Limits, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._api, self._limits, self._reader, self._writer = api, limits, reader, writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)
        self._is_closing = self._is_busy = False

    def close_soon(self) -> None:
        """Take no further request; one that is under way is answered."""
        self._is_closing = True
        if not self._is_busy:
            self._writer.transport.abort()

    async def serve(self) -> None:
        """Answer requests; returns once the connection is closed."""
        try:
            while not self._is_closing and await self._serve_one():
                self._http.start_next_cycle()
            await self._linger()
        except (OSError, TimeoutError, h11.ProtocolError):
            pass  # it went away, or was too slow to be told anything
        finally:
            self._writer.transport.abort()

    async def _serve_one(self) -> bool:
        """Answer one request; whether another one may follow."""
        self._is_busy = False
        method = "GET"
        try:
            head = await self._head()
            if head is None:
                return False
            method, self._is_busy = head.method, True
            call = self._api.look_at(head)
            answer: Answer = await call(await self._body(head))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this request's answer
            refusal = _refusal(error)
            if refusal.status == HTTPStatus.INTERNAL_SERVER_ERROR:
                traceback.print_exception(error)
            answer = error_response(refusal)
        if isinstance(answer, Streamed):
            await self._stream(answer)
        else:
            await self._respond(answer, has_body=method != "HEAD")
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _head(self) -> Head | None:
        """The next request's head; None when the client has no more."""
        try:
            async with asyncio.timeout(self._limits.head_seconds):
                event = await self._next_event()
        except TimeoutError:
            if not self._http.trailing_data[0]:
                return None
            raise RefusalError(
                408, "timeout", f"the head did not come within {self._limits.head_seconds:g} s"
            ) from None
        if not isinstance(event, h11.Request):
            return None
        self._is_busy = True
        if sum(len(name) + len(value) for name, value in event.headers) > self._limits.head_bytes:
            # h11 bounds what is incomplete; this one came in a piece
            raise RefusalError(431, "head_too_large", f"the head is larger than {self._limits.head_bytes} bytes")
        headers = {bytes(name).decode("latin-1"): bytes(value).decode("latin-1") for name, value in event.headers}
        return Head.read(event.method.decode(), event.target.decode("latin-1"), headers)

    async def _body(self, head: Head) -> bytes:
        limit = self._limits.body_bytes
        length = head.headers.get("content-length", "0")
        if len(length) > len(str(limit)) or int(length) > limit:
            raise _too_large(limit)
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                if self._http.they_are_waiting_for_100_continue:
                    self._write(h11.InformationalResponse(status_code=100, reason=b"Continue", headers=[]))
                while not isinstance(event := await self._next_event(), h11.EndOfMessage):
                    if isinstance(event, h11.Data):
                        body += event.data
                    if len(body) > limit:
                        raise _too_large(limit)
        except TimeoutError:
            message = f"the body did not come within {self._limits.body_seconds:g} s"
            raise RefusalError(408, "timeout", message) from None
        return bytes(body)

    async def _next_event(self) -> h11.Event:
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Event):
                return event
            self._http.receive_data(await self._reader.read(_READ_BYTES))

    async def _respond(self, answer: Response, *, has_body: bool) -> None:
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body))), *answer.headers]
        self._begin(answer.status, headers)
        self._write(*([h11.Data(data=answer.body)] if has_body else []), h11.EndOfMessage())
        await self._drain()

    async def _stream(self, answer: Streamed) -> None:
        try:
            self._begin(200, [("Content-Type", EVENT_STREAM)])
            async for chunk in answer.chunks:
                self._write(h11.Data(data=chunk))
                await self._drain()
                if self._reader.at_eof():  # nobody reads any more
                    raise ConnectionResetError
            self._write(h11.EndOfMessage())
            await self._drain()
        finally:
            await answer.chunks.aclose()
            answer.close()

    def _begin(self, status: int, headers: list[tuple[str, str]]) -> None:
        common = [
            ("Date", formatdate(usegmt=True)),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if self._is_closing or not self._has_come_whole():
            common.append(("Connection", "close"))
        self._write(h11.Response(status_code=status, reason=HTTPStatus(status).phrase, headers=[*headers, *common]))

    def _has_come_whole(self) -> bool:
        """Whether nothing is left of the request that would be taken for the next one; what is refused is not read."""
        try:
            if self._http.their_state is h11.SEND_BODY:
                self._http.next_event()  # the end, of a request without a body
        except h11.RemoteProtocolError:
            return False
        return self._http.their_state is h11.DONE

    def _write(self, *events: h11.Event) -> None:
        self._writer.write(b"".join(self._http.send(event) or b"" for event in events))

    async def _drain(self) -> None:
        async with asyncio.timeout(self._limits.write_seconds):
            await self._writer.drain()

    async def _linger(self) -> None:
        """Let the client take the last answer: closing on what it still sends would destroy it."""
        self._is_busy = True
        self._writer.write_eof()
        left = _LINGER_BYTES
        async with asyncio.timeout(_LINGER_SECONDS):
            while left > 0 and (chunk := await self._reader.read(_READ_BYTES)):
                left -= len(chunk)


def _refusal(error: Exception) -> RefusalError:
    if isinstance(error, h11.RemoteProtocolError):
        status = error.error_status_hint
        return RefusalError(status, _PROTOCOL_CODES.get(status, "invalid_input"), str(error))
    return refusal_of(error)


def _too_large(limit: int) -> RefusalError:
    return RefusalError(413, "too_large", f"the body is larger than {limit} bytes")
