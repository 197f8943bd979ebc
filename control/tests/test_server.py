"""The socket server between real clients and operations that a test makes up."""

import asyncio
import json
import socket
import threading

import pytest

from animus_control.client import ControlClient
from animus_control.errors import ControlError
from animus_control.listener import LISTENER_LIMIT, Listeners, PastAndPresent
from animus_control.listening import listen_on, prepare_endpoint
from animus_control.operations import OPERATIONS
from animus_control.server import OUTBOX_BYTES, ControlServer
from animus_plugin_protocol.errors import RefusedError
from animus_plugin_protocol.wire import control

SECONDS = 60.0


class Serving:
    """A server in a thread of its own; `listeners` feed ``daemon/events``."""

    def __init__(self, project):
        self.project = project
        self.listeners = Listeners()
        self.past = []
        self.failures = []
        self.cancelled = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(SECONDS)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self._end.set)
        self._thread.join(SECONDS)

    def tell(self, count, size=10):
        """Have `count` events happen at once."""

        def happen():
            for number in range(count):
                self.listeners.tell(event(number, "x" * size))

        self.loop.call_soon_threadsafe(happen)

    def client(self):
        client = ControlClient.connect(self.project)
        assert client is not None
        return client

    def raw(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(SECONDS)
        connection.connect(str(self.project.state_dir / "control.sock"))
        return connection

    async def _serve(self):
        self.loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = ControlServer(self._unary, self._stream, lambda _, error: self.failures.append(error))
        await server.start(listen_on(prepare_endpoint(self.project)))
        self._ready.set()
        await self._end.wait()
        await server.close()

    async def _unary(self, operation, params):
        if operation.name == "daemon/nudge":
            try:
                await asyncio.sleep(SECONDS)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        if operation.name == "queue/stats":
            raise RefusedError("a plugin refuses", data={"category": "conflict"})
        if operation.name == "daemon/drain":
            raise RuntimeError("a bug")
        return control.UnitResult()

    async def _stream(self, operation, params):
        del operation, params
        return PastAndPresent(self.past, self.listeners.add(), lambda _: True)


def event(number, text):
    return control.DaemonEvent(id=str(number), seq=number, occurred_at="2026-01-01T00:00:00Z", kind=text)


@pytest.fixture
def serving(project):
    project.ensure_state()
    with Serving(project) as serving:
        yield serving


def lines_of(connection):
    return (json.loads(line) for line in connection.makefile("rb"))


def subscribe(connection, request_id=1):
    request = {"jsonrpc": "2.0", "id": request_id, "method": "daemon/events", "params": {"follow": True}}
    connection.sendall(json.dumps(request).encode() + b"\n")


def test_every_client_gets_every_item_in_order(serving):
    clients = [serving.client() for _ in range(5)]
    streams = [client.stream("daemon/events", control.DaemonEventsParams(follow=True)) for client in clients]
    serving.tell(500)
    for stream in streams:
        assert [next(stream).seq for _ in range(500)] == list(range(500))
    for client in clients:
        client.close()


def test_one_connection_carries_calls_and_streams_each_under_its_own_id(serving):
    with serving.raw() as connection:
        subscribe(connection, "first")
        subscribe(connection, "second")
        connection.sendall(b'{"jsonrpc":"2.0","id":3,"method":"daemon/stop"}\n')
        lines = lines_of(connection)
        answers = {answer["id"]: answer for answer in (next(lines), next(lines), next(lines))}
        assert answers["first"]["result"] == answers["second"]["result"] == {"watching": True}
        assert answers[3]["result"] == {}
        serving.tell(1)
        assert {next(lines)["params"]["id"], next(lines)["params"]["id"]} == {"first", "second"}
        connection.sendall(b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"first"}}\n')
        closed = next(lines)
        assert closed["method"] == "subscription/closed"
        assert closed["params"] == {"id": "first", "reason": "cancelled"}
        serving.tell(1)
        assert next(lines)["params"]["id"] == "second"


def test_follower_that_is_overrun_is_told_and_the_others_miss_nothing(serving):
    with serving.raw() as slow, serving.client() as quick:
        subscribe(slow)
        lines = lines_of(slow)
        assert next(lines)["result"] == {"watching": True}
        stream = quick.stream("daemon/events", control.DaemonEventsParams(follow=True))
        serving.tell(LISTENER_LIMIT + 10)  # in one turn of the loop: nobody can take any of them meanwhile
        closed = next(note for note in lines if note["method"] == "subscription/closed")
        assert closed["params"] == {"id": 1, "reason": "buffer_full_lagged"}
        with pytest.raises(ControlError, match="buffer_full_lagged"):
            list(stream)
        serving.tell(1)
        again = quick.stream("daemon/events", control.DaemonEventsParams(follow=True))
        serving.tell(1)
        assert next(again).seq == 0


def test_client_that_takes_nothing_is_hung_up_on_at_its_bound_and_the_others_are_served(serving):
    with serving.raw() as stuck, serving.client() as quick:
        subscribe(stuck)
        stream = quick.stream("daemon/events", control.DaemonEventsParams(follow=True))
        size = 64 * 1024
        for _ in range(OUTBOX_BYTES // size // 16 + 20):
            serving.tell(16, size)
            assert [next(stream).seq for _ in range(16)] == list(range(16))
        read = 0
        while data := stuck.recv(1 << 20):
            read += len(data)
        assert read < OUTBOX_BYTES + (1 << 22)


def test_past_that_is_longer_than_what_may_wait_comes_whole(serving):
    text = "x" * 64 * 1024
    serving.past = [event(number, text) for number in range(2 * OUTBOX_BYTES // len(text))]
    with serving.client() as quick:
        stream = quick.stream("daemon/events", control.DaemonEventsParams(follow=True))
        assert [next(stream).seq for _ in serving.past] == list(range(len(serving.past)))
        serving.tell(1)
        assert next(stream).seq == 0


def test_client_that_hangs_up_in_the_middle_of_a_long_past_is_no_failure(serving):
    serving.past = [event(number, "x" * 64 * 1024) for number in range(100)]
    with serving.raw() as connection:
        subscribe(connection)
        assert next(lines_of(connection))["result"] == {"watching": True}
    with serving.client() as other:
        assert other.call("daemon/stop") is not None
    assert serving.failures == []


def test_hanging_up_cancels_what_was_asked(serving):
    with serving.raw() as connection:
        connection.sendall(b'{"jsonrpc":"2.0","id":1,"method":"daemon/nudge"}\n')
        connection.sendall(b'{"jsonrpc":"2.0","id":2,"method":"daemon/stop"}\n')
        assert next(lines_of(connection))["id"] == 2
    assert serving.cancelled.wait(SECONDS)


def test_failures_keep_their_category_and_a_bug_answers_its_call_only(serving):
    with serving.client() as client:
        with pytest.raises(ControlError) as refused:
            client.call("queue/stats")
        assert (refused.value.category, refused.value.message) == ("conflict", "a plugin refuses")
        with pytest.raises(ControlError) as broken:
            client.call("daemon/drain")
        assert broken.value.category == "internal"
        assert client.call("daemon/stop") == control.UnitResult()
    assert [str(error) for error in serving.failures] == ["a bug"]
    serving.failures.clear()


WRONG = [None, [], 7, "x", True, {"": 1}]
VALUES = [None, [], {}, 7, -1, 10**30, 1.5, "", "x\0y", True, {"a": {"b": []}}, ["x", 1]]


def fuzzed():
    """Requests of every operation with params, and members of params, of every wrong type."""
    for operation in OPERATIONS.values():
        for params in WRONG:
            yield operation.name, params
        for field in operation.params.__struct_fields__:
            for value in VALUES:
                yield operation.name, {field: value}


def test_wrong_types_get_an_answer_with_a_category_and_break_nothing(serving):
    """The operations here do nothing, so this is about reading params."""
    streams = {operation.name for operation in OPERATIONS.values() if operation.stream}
    busy = {"daemon/nudge", "daemon/drain"}
    with serving.raw() as connection:
        lines = lines_of(connection)
        for number, (name, params) in enumerate(fuzzed()):
            if name in busy:
                continue
            request = {"jsonrpc": "2.0", "id": number, "method": name, "params": params}
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = next(lines)
            assert answer["id"] == number, (name, params, answer)
            if "error" in answer:
                assert answer["error"]["data"]["category"] in {"invalid_request", "conflict"}, (name, params, answer)
                assert answer["error"]["message"], (name, params)
            elif name in streams:
                cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": number}}
                connection.sendall(json.dumps(cancel).encode() + b"\n")
                assert next(lines)["params"] == {"id": number, "reason": "cancelled"}
    assert serving.failures == []
