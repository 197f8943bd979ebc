"""One connection from the sandbox: its requests, judged, sent to the one server, answered as the answer comes."""

import contextlib
import http.client
import json
import socket
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from animus_sandbox.redact import Redactor
from animus_sandbox.upstream import Address, Upstream, request_problem

__all__ = ["BODY_LIMIT_BYTES", "CONNECT_SECONDS", "Exchange"]

BODY_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""The largest request."""
CONNECT_SECONDS: Final = 30.0
"""How long the server may take to be reached."""

_PIECE_BYTES: Final = 64 * 1024
_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
        "content-length",
        "host",
    }
)
_KEYS: Final = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "accept-encoding"}
)
"""The program's own keys are dummies; an encoded answer could not be searched for the real one."""


class Exchange(BaseHTTPRequestHandler):
    """Serves one connection, until it or the server ends it."""

    protocol_version = "HTTP/1.1"
    server_version = "animus-broker"
    sys_version = ""

    def __init__(
        self,
        connection: socket.socket,
        upstream: Upstream,
        address: Address,
        on_upstream: Callable[[http.client.HTTPConnection | None], object],
    ) -> None:
        """Serve `connection`. `on_upstream` is told of each connection to the server, and None when it is over."""
        self._upstream, self._address, self._on_upstream = upstream, address, on_upstream
        connection.settimeout(upstream.idle_seconds)
        self._is_answered = False
        unused: Any = None  # the server object, of which this class uses nothing
        super().__init__(connection, ("sandbox", 0), unused)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name the base class gives it
        """Say nothing: standard error belongs to the plugin."""

    def forward(self) -> None:
        """Judge the request, send it on, pass the answer back."""
        self._is_answered = False
        problem = request_problem(self._upstream, self._address.prefix, self.command, self.path)
        if problem is not None:
            self._refuse(HTTPStatus.FORBIDDEN, problem)
            return
        length = self._body_length()
        if length is None:
            return
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        kind = http.client.HTTPSConnection if self._address.is_encrypted else http.client.HTTPConnection
        server = kind(self._address.host, self._address.port, timeout=CONNECT_SECONDS)
        self._on_upstream(server)
        try:
            self._answer(self._ask(server, body))
        except (OSError, http.client.HTTPException) as error:
            if self._is_answered:
                # Cutting the connection is the only way left to say that the answer is not whole.
                self.close_connection = True
            else:
                self._refuse(HTTPStatus.BAD_GATEWAY, f"{self._address.host_header} did not answer: {error!r}")
        finally:
            self._on_upstream(None)
            server.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = forward  # noqa: N815 - http.server's names

    def _body_length(self) -> int | None:
        lengths = self.headers.get_all("content-length", [])
        if self.headers.get("transfer-encoding") is not None:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a request must say its length")
            return None
        if not lengths:
            return 0
        if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            self._refuse(HTTPStatus.BAD_REQUEST, "the length of the request is no single number")
            return None
        if int(lengths[0]) > BODY_LIMIT_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request holds at most {BODY_LIMIT_BYTES} bytes")
            return None
        return int(lengths[0])

    def _ask(self, server: http.client.HTTPConnection, body: bytes) -> http.client.HTTPResponse:
        server.connect()
        server.sock.settimeout(self._upstream.idle_seconds)
        server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        server.putheader("Host", self._address.host_header)
        server.putheader("Accept-Encoding", "identity")
        left_out = _HOP | _KEYS | {self._upstream.header.lower()} | _named_by_connection(self.headers)
        for name, value in self.headers.items():
            if name.lower() not in left_out:
                server.putheader(name, value)
        if self._upstream.key is not None:
            server.putheader(self._upstream.header, self._upstream.prefix + self._upstream.key.reveal())
        if body or self.command in {"POST", "PUT", "PATCH"}:
            server.putheader("Content-Length", str(len(body)))
        server.endheaders(body or None)
        return server.getresponse()

    def _answer(self, response: http.client.HTTPResponse) -> None:
        redactor = Redactor(self._upstream.key.reveal() if self._upstream.key else None)
        length = response.getheader("content-length")
        has_body = self.command != "HEAD" and response.status not in {204, 304}
        is_chunked = has_body and length is None and self.request_version != "HTTP/1.0"
        self._is_answered = True
        self.send_response_only(response.status, redactor.text(response.reason))
        for name, value in response.getheaders():
            if name.lower() not in _HOP | {"set-cookie"}:
                self.send_header(name, redactor.text(value))
        if length is not None:
            self.send_header("Content-Length", length)
        elif is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif has_body:
            self.close_connection = True
        self.end_headers()
        if not has_body:
            return
        while piece := response.read1(_PIECE_BYTES):
            self._pass_on(redactor.feed(piece), is_chunked=is_chunked)
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        self._pass_on(redactor.end(), is_chunked=is_chunked)
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _pass_on(self, data: bytes, *, is_chunked: bool) -> None:
        # wfile is not buffered: what is written is sent.
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if is_chunked else data)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """Answer with an error of the broker's own, and end the connection: its body may still be on the way."""
        self.close_connection = True
        text = {"error": {"type": "animus_broker", "message": f"the sandbox's broker refused this request: {reason}"}}
        data = json.dumps(text).encode()
        with contextlib.suppress(OSError):
            self.send_response_only(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)


def _named_by_connection(headers: "Message[str, str]") -> frozenset[str]:
    """The headers that ``Connection`` declares to be for this hop only."""
    named = ",".join(headers.get_all("connection", []))
    return frozenset(name.strip().lower() for name in named.split(","))
