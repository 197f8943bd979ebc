"""Servers in this process, a stand-in for the daemon behind them, and clients that speak HTTP or what they like."""

import asyncio
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

import pytest

from animus_control.listening import listen_on, prepare_endpoint
from animus_control.project import find_project
from animus_control.server import ControlServer
from animus_transport_http.address import listen, read_address
from animus_transport_http.api import Api
from animus_transport_http.connection import Limits
from animus_transport_http.guard import Guard
from animus_transport_http.server import HttpServer

ANSWER_SECONDS = 60
QUIET_LIMIT = 8
"""Comments that a stream may send instead of an event; there is one each fifteen seconds."""
TOKEN = "a-token-for-the-tests"  # noqa: S105 - opens nothing


class Reply(NamedTuple):
    """What was answered; `data` and `error` are those of the envelope."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        envelope = json.loads(self.body)
        assert envelope["ok"] is True, envelope
        return envelope["data"]

    @property
    def error(self) -> Any:
        envelope = json.loads(self.body)
        assert envelope["ok"] is False
        return envelope["error"]


class Exchange(NamedTuple):
    """A request that was sent and the answer to it."""

    connection: http.client.HTTPConnection
    answer: http.client.HTTPResponse


class Client:
    """Asks the server at a port, a connection each time."""

    def __init__(self, port: int, token: str = TOKEN) -> None:
        self.port, self.token = port, token

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> "Exchange":
        """The answer with its body unread; an object is sent as JSON."""
        told = {"Authorization": f"Bearer {self.token}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if body is not None and not isinstance(body, bytes):
            body, told = json.dumps(body).encode(), {"Content-Type": "application/json"} | told
        connection = self.connection()
        try:
            connection.request(method, "/api/v1" + path, body, told)
            return Exchange(connection, connection.getresponse())
        except BaseException:
            connection.close()
            raise

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        connection, answer = self.send(method, path, body, **headers)
        with contextlib.closing(connection):
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Reply:
        return self.ask("POST", path, body, **headers)

    def follow(self, path: str, **headers: str) -> "Events":
        return Events(self.send("GET", path, Accept="text/event-stream", **headers))

    def raw(self, data: bytes, *, is_whole: bool = True) -> bytes:
        """Everything the server sends back for some bytes until it closes; `is_whole` says that no more will come."""
        with socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS) as connection:
            connection.sendall(data)
            if is_whole:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        return received


class Events:
    """Server-sent events as they come."""

    def __init__(self, exchange: "Exchange") -> None:
        self.connection, self.answer = exchange
        answer = self.answer
        assert answer.status == 200, answer.read()

    def next(self) -> dict[str, Any]:
        """The fields of the next event; ``data`` is decoded."""
        fields: dict[str, Any] = {}
        quiet = 0
        while True:
            line = self.answer.readline().decode()
            assert line, "the stream ended without saying so"
            quiet += line.startswith(":")
            assert quiet < QUIET_LIMIT, "nothing happens any more"
            name, colon, value = line.rstrip("\n").partition(": ")
            if line == "\n" and "data" in fields:
                return fields | {"data": json.loads(fields["data"])}
            if colon and name != "retry":
                fields[name] = value

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


@pytest.fixture(scope="session")
def connect():
    """Makes a client: ``connect(port, token)``."""
    return Client


@pytest.fixture
def project(tmp_path):
    """A project that no daemon serves yet."""
    (tmp_path / "project").mkdir()
    project = find_project(tmp_path / "project")
    project.ensure_state()
    return project


@pytest.fixture
def run_in_loop():
    """Runs coroutine functions in a loop on a thread of their own until they are told to end."""
    ends: list[Callable[[], None]] = []

    def run(main: Callable[[Callable[[], None]], Coroutine[Any, Any, None]], stop: Callable[[], None]) -> None:
        ready = threading.Event()
        loops: list[asyncio.AbstractEventLoop] = []

        async def whole() -> None:
            loops.append(asyncio.get_running_loop())
            await main(ready.set)

        thread = threading.Thread(target=asyncio.run, args=(whole(),))
        thread.start()
        assert ready.wait(ANSWER_SECONDS)
        ends.append(lambda: loops[0].call_soon_threadsafe(stop))
        ends.append(lambda: thread.join(ANSWER_SECONDS))

    yield run
    for end in reversed(ends[::2]):
        end()
    for wait in ends[1::2]:
        wait()


@pytest.fixture
def serve(project, run_in_loop):
    """Starts a server for the project; gives a client of it."""

    def start(*, management: bool = False, limits: Limits | None = None, token: str | None = TOKEN) -> Client:
        server = HttpServer(Api(project, Guard(token), management=management), limits)
        listener, address = listen(read_address("127.0.0.1:0"))
        run_in_loop(lambda on_ready: server.serve(listener, on_ready), server.stop)
        return Client(address.port)

    return start


@pytest.fixture
def stand_in(project, run_in_loop):
    """A daemon's socket behind which a test answers: ``stand_in(unary, stream)``."""

    def start(unary: Any = None, stream: Any = None) -> None:
        ended = asyncio.Event()

        async def main(on_ready: Callable[[], None]) -> None:
            server = ControlServer(unary, stream, lambda _, __: None)
            await server.start(listen_on(prepare_endpoint(project)))
            on_ready()
            await ended.wait()
            await server.close()

        run_in_loop(main, ended.set)

    return start
