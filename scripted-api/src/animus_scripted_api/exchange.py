"""One HTTP exchange: the steps of a reply, written to a connection."""

import json
import math
import socket
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Final, cast

from animus_scripted_api.envelope import Envelope, envelope_for, error_document
from animus_scripted_api.request import ANTHROPIC, OTHER, Request
from animus_scripted_api.script import ExhaustedError, Script
from animus_scripted_api.step import Drop, Fail, Junk, Reply, Stall, StreamFail, Truncate

if TYPE_CHECKING:
    from animus_scripted_api.request_log import Exchanged, RequestLog

__all__ = ["BODY_LIMIT_BYTES", "IDLE_SECONDS", "ApiParts", "Exchange"]

BODY_LIMIT_BYTES: Final = 64 * 1024 * 1024
IDLE_SECONDS: Final = 60.0
"""A connection that is silent for so long is closed."""
_CHARACTERS_PER_TOKEN: Final = 4


class _Broken(Exception):  # noqa: N818 - a signal that the answer ends here, not a failure
    """The connection ends here."""


class ApiParts:
    """What the exchanges of one server share."""

    def __init__(self, script: Script, log: "RequestLog") -> None:
        """Serve `script`."""
        self.script = script
        self.log = log
        self.stopping = threading.Event()


class Exchange(BaseHTTPRequestHandler):
    """Answers the requests of one connection. The server class sets `parts`."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    parts: ApiParts
    _exchanged: "Exchanged"
    _left: float = math.inf
    _is_clean_cut: bool = False
    _is_chunked: bool = False

    def do_POST(self) -> None:
        """A model call, or the count of its tokens."""
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > BODY_LIMIT_BYTES:
            self.close_connection = True
            self.send_error(413 if length.isdigit() else 411)
            return
        request = self._take(self.rfile.read(int(length)))
        if request.path.partition("?")[0].endswith("/messages/count_tokens"):
            self._send_document(200, {"input_tokens": len(request.body) // _CHARACTERS_PER_TOKEN})
        elif request.dialect == OTHER:
            self._send_document(404, {"error": {"message": f"nothing is scripted at {request.path!r}"}})
        else:
            self._answer(request)

    def do_GET(self) -> None:
        """The list of models, which any client may want first; or nothing."""
        request = self._take(b"")
        if request.path.partition("?")[0].endswith("/models"):
            self._send_document(200, {"object": "list", "data": [{"id": "scripted", "object": "model"}], "models": []})
        else:
            self._send_document(404, {"error": {"message": f"nothing is scripted at {request.path!r}"}})

    def do_HEAD(self) -> None:
        """Is anybody there? Yes."""
        self._take(b"")
        self._head(200, "application/json", 0)
        self._finish(200)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Nothing is printed: the requests are in the log."""

    def _take(self, body: bytes) -> Request:
        headers = {name.lower(): value for name, value in self.headers.items()}
        method, path = self.command, self.path
        self._exchanged = self.parts.log.take(lambda number: Request(number, method, path, headers, body))
        return self._exchanged.request

    def _answer(self, request: Request) -> None:
        try:
            reply = self.parts.script.next_reply(request)
        except ExhaustedError as error:
            self.parts.log.note_problem(str(error))
            reply = Reply((Fail(400, message=f"scripted api: {error}"),))
        cut = next((step for step in reply.steps if isinstance(step, Truncate)), None)
        self._left = math.inf if cut is None else cut.after_bytes
        self._is_clean_cut = cut is not None and cut.clean
        try:
            self._perform(request, reply)
        except (_Broken, OSError) as error:
            self.close_connection = True
            broken = isinstance(error, OSError)
            self.parts.log.change(lambda: _end(self._exchanged, is_broken=broken))

    def _perform(self, request: Request, reply: Reply) -> None:
        """Leading stalls, drops and failures come before the status line; the rest belongs to the body."""
        steps = list(reply.steps)
        while steps and isinstance(steps[0], Stall | Drop | Fail | Truncate):
            step = steps.pop(0)
            if isinstance(step, Fail):
                self._fail(request, step)
                return
            self._interrupt(step)
        envelope = envelope_for(request, reply)
        if not reply.content:
            self._send_junk([step for step in steps if isinstance(step, Junk)])
        elif request.is_stream:
            self._stream(envelope, Reply(tuple(steps), reply.usage))
        else:
            self._send_whole(request, envelope, Reply(tuple(steps), reply.usage))

    def _interrupt(self, step: object) -> None:
        if isinstance(step, Stall) and self.parts.stopping.wait(step.seconds):
            raise _Broken
        if isinstance(step, Drop):
            # Linger 0 makes the close a reset: the client sees a broken connection, not an end.
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            cast("socket.socket", self.connection).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            raise _Broken

    def _fail(self, request: Request, fail: Fail) -> None:
        body = error_document(request, fail)
        headers = {"retry-after": f"{fail.retry_after:g}"} if fail.retry_after is not None else {}
        if request.dialect == ANTHROPIC:
            headers["request-id"] = f"req_{request.number:08d}"
        self._head(fail.status, "application/json", len(body), headers)
        self._write(body)
        self._finish(fail.status)

    def _send_junk(self, junk: list[Junk]) -> None:
        body = "".join(step.data for step in junk).encode()
        first = junk[0] if junk else Junk("")
        self._head(first.status, first.content_type or "text/html", len(body))
        self._write(body)
        self._finish(first.status)

    def _stream(self, envelope: Envelope, reply: Reply) -> None:
        self._is_chunked = True
        self._head(200, "text/event-stream", None)
        self._write_all(envelope.begin())
        for step in reply.steps:
            if isinstance(step, Junk):
                self._write(step.data.encode())
            elif isinstance(step, Stall | Drop):
                self._interrupt(step)
            elif not isinstance(step, Truncate | Fail):
                self._write_all(envelope.content(step))
        if not any(isinstance(step, StreamFail) for step in reply.steps):
            self._write_all(envelope.end())
        self._is_chunked = False
        self.wfile.write(b"0\r\n\r\n")
        self._finish(200)

    def _send_whole(self, request: Request, envelope: Envelope, reply: Reply) -> None:
        for step in reply.steps:
            self._interrupt(step)
            if isinstance(step, StreamFail):
                self._fail(request, Fail(500, message=step.message))
                return
        junk = "".join(step.data for step in reply.steps if isinstance(step, Junk))
        body = json.dumps(envelope.document()).encode() + junk.encode()
        self._head(200, "application/json", len(body))
        self._write(body)
        self._finish(200)

    def _send_document(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self._left = math.inf
        self._head(status, "application/json", len(body))
        self._write(body)
        self._finish(status)

    def _head(self, status: int, kind: str, length: int | None, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        if length is None:
            self.send_header("transfer-encoding", "chunked")
        else:
            # A clean cut shortens the promise too.
            promised = int(min(length, self._left)) if self._is_clean_cut else length
            self.send_header("content-length", str(promised))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()
        self.parts.log.change(lambda: setattr(self._exchanged, "status", status))

    def _write_all(self, events: Any) -> None:
        for event in events:
            self._write(event)

    def _write(self, data: bytes) -> None:
        if self.parts.stopping.is_set():
            raise _Broken
        kept = data if len(data) <= self._left else data[: int(self._left)]
        self._left -= len(kept)
        if kept:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(kept), kept) if self._is_chunked else kept)
            self.wfile.flush()
            self.parts.log.change(lambda: _grow(self._exchanged, len(kept)))
        if len(kept) < len(data):
            if self._is_clean_cut and self._is_chunked:
                self.wfile.write(b"0\r\n\r\n")
            raise _Broken

    def _finish(self, status: int) -> None:
        self.parts.log.change(lambda: _end(self._exchanged, status=status))


def _grow(exchanged: "Exchanged", size: int) -> None:
    exchanged.sent_bytes += size


def _end(exchanged: "Exchanged", *, status: int = 0, is_broken: bool = False) -> None:
    exchanged.status = exchanged.status or status
    exchanged.is_broken = is_broken
    exchanged.is_over = True
