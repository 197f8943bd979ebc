"""Host calls that the reader passes on, between two connections whose other ends the test holds."""

import asyncio
import contextlib
import datetime
import json
import os

import pytest

from animus_plugin_protocol.errors import ErrorCode, RetriableError
from animus_plugin_protocol.wire.lifecycle import InitializeResult, PluginCapabilities, PluginInfo
from animus_plugin_runtime import Connection
from animus_plugin_runtime.agent_session import AgentSessions
from animus_plugin_runtime.host_call import HostCalls
from animus_plugin_runtime.inbound import DirectWork

BOUND_SECONDS = 60
TURNS = 10


class End:
    """A connection, and the plugin's ends of its pipes."""

    def __init__(self, name, on_request=None):
        self.connection = Connection(name, on_request=on_request)
        self.connection.initialize_result = InitializeResult(
            protocol_version="1.1.0",
            plugin_info=PluginInfo(name=name, version="0.1.0", plugin_kind="custom"),
            capabilities=PluginCapabilities(methods=["$host/call:notifier"], cancellation=True),
        )

    async def open(self):
        to_plugin, from_host = os.pipe()
        to_host, self._writes = os.pipe()
        await self.connection.channel.open(
            os.fdopen(to_host, "rb", buffering=0), os.fdopen(from_host, "wb", buffering=0)
        )
        loop = asyncio.get_running_loop()
        self.reader = asyncio.StreamReader(limit=2**26)
        self._pipe = os.fdopen(to_plugin, "rb", buffering=0)
        self._transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(self.reader), self._pipe)

    def write(self, line):
        os.write(
            self._writes, line if isinstance(line, bytes) else json.dumps({"jsonrpc": "2.0"} | line).encode() + b"\n"
        )

    async def line(self):
        return await asyncio.wait_for(self.reader.readline(), BOUND_SECONDS)

    async def frame(self):
        return json.loads(await self.line())

    async def die(self):
        os.close(self._writes)
        await self.connection.wait_ended()
        self.connection.fail(RetriableError("it died", code=ErrorCode.HOST_PLUGIN_DIED))
        await self.connection.close()
        self._writes = None

    async def close(self):
        if self._writes is not None:
            await self.die()
        self._transport.close()


class Pair:
    """A caller and a callee with the host between them; looking for the callee any other way is a failure."""

    def __init__(self, folder):
        self.logs = folder / "runs"
        now = datetime.datetime.now
        self.calls = HostCalls(self, self.logs, AgentSessions(), lambda: now(datetime.UTC))
        self.served = []
        self.caller, self.callee = End("caller", self._serve), End("callee")

    def _serve(self, connection, request):
        work = self.calls.serve(connection, request)
        self.served.append(work)
        return work

    def open_connection(self, kind, name):
        return self.callee.connection

    async def connection_for(self, kind, name):
        raise AssertionError("the callee is open")

    def ask(self, number=1, **params):
        wish = {"kind": "notifier", "method": "x/echo", "params": {"a": 1}} | params
        self.caller.write({"id": f"h-{number}", "method": "host/call", "params": wish})

    def nothing_is_left(self):
        return (
            not any(self.calls._under_way.values())
            and not any(self.calls._depths.values())
            and (self.caller.connection.work == self.callee.connection.work == 0)
        )


@pytest.fixture
def scene(tmp_path):
    """Runs a coroutine function with a pair."""

    def run(play):
        async def whole():
            pair = Pair(tmp_path)
            await pair.caller.open()
            await pair.callee.open()
            try:
                await play(pair)
                for _ in range(TURNS):  # what was answered last is counted until its task has ended
                    await asyncio.sleep(0)
                assert pair.nothing_is_left()
                assert all(isinstance(work, DirectWork) for work in pair.served)
            finally:
                for end in (pair.caller, pair.callee):
                    with contextlib.suppress(OSError):
                        await end.close()

        asyncio.run(asyncio.wait_for(whole(), BOUND_SECONDS))

    return run


def test_params_and_result_pass_as_the_bytes_they_are_and_no_task_is_made(scene):
    odd = b'{"n":1.0e+2, "s":"\\u00e9 \xc3\xa9","big":123456789012345678901234567890}'

    async def play(pair):
        before = asyncio.all_tasks()
        call = (
            b'{"jsonrpc":"2.0","id":"h-1","method":"host/call","params":{"kind":"notifier","method":"x/echo","params":'
        )
        pair.caller.write(call + odd + b"}}\n")
        asked = await pair.callee.line()
        assert odd in asked
        assert asyncio.all_tasks() == before
        pair.callee.write(b'{"jsonrpc":"2.0","id":%d,"result":%s}\n' % (json.loads(asked)["id"], odd))
        assert await pair.caller.line() == b'{"jsonrpc":"2.0","id":"h-1","result":%s}\n' % odd

    scene(play)


def test_calls_that_overlap_get_their_own_answers(scene):
    async def play(pair):
        for number in range(5):
            pair.ask(number)
        ids = [(await pair.callee.frame())["id"] for _ in range(5)]
        for number, call_id in reversed(list(enumerate(ids))):
            pair.callee.write({"id": call_id, "result": number})
        answers = [await pair.caller.frame() for _ in range(5)]
        assert [(answer["id"], answer["result"]) for answer in answers] == [(f"h-{n}", n) for n in (4, 3, 2, 1, 0)]

    scene(play)


def test_error_of_the_callee_says_who_it_is(scene):
    async def play(pair):
        pair.ask()
        call_id = (await pair.callee.frame())["id"]
        pair.callee.write({"id": call_id, "error": {"code": -32000, "message": "no", "data": {"x": 1}}})
        error = (await pair.caller.frame())["error"]
        assert (error["code"], error["message"]) == (-32000, "no")
        assert error["data"] == {"x": 1, "via": {"kind": "notifier", "name": "callee"}}

    scene(play)


def test_notes_come_in_order_before_the_answer_and_are_kept_in_the_run(scene):
    async def play(pair):
        pair.ask(run_id="run-1")
        call_id = (await pair.callee.frame())["id"]
        assert not pair.logs.exists()  # what says nothing leaves nothing
        for number in range(3):
            pair.callee.write({"method": "$/progress", "params": {"id": call_id, "value": number, "api_key": "k"}})
        pair.callee.write({"id": call_id, "result": "done"})
        frames = [await pair.caller.frame() for _ in range(4)]
        assert [(frame["params"]["id"], frame["params"]["seq"]) for frame in frames[:3]] == [
            ("h-1", n) for n in (1, 2, 3)
        ]
        assert [frame["params"]["params"]["value"] for frame in frames[:3]] == [0, 1, 2]
        assert (frames[3]["id"], frames[3]["result"]) == ("h-1", "done")
        (kept,) = (pair.logs / "run-1").iterdir()
        assert [json.loads(line)["params"]["api_key"] for line in kept.read_text().splitlines()] == ["[redacted]"] * 3

    scene(play)


def test_cancelled_call_is_cancelled_at_the_callee_and_answered_once_it_has_stopped(scene):
    async def play(pair):
        pair.ask()
        call_id = (await pair.callee.frame())["id"]
        pair.caller.write({"method": "$/cancelRequest", "params": {"id": "h-1"}})
        told = await pair.callee.frame()
        assert (told["method"], told["params"]["id"]) == ("$/cancelRequest", call_id)
        assert pair.caller.connection.work == 1
        pair.callee.write({"id": call_id, "error": {"code": -32002, "message": "stopped"}})
        answer = await pair.caller.frame()
        assert (answer["id"], answer["error"]["code"]) == ("h-1", ErrorCode.REQUEST_CANCELLED)

    scene(play)


def test_call_whose_time_is_over_is_cancelled_at_the_callee(scene):
    async def play(pair):
        pair.ask(timeout_ms=20)
        call_id = (await pair.callee.frame())["id"]
        error = (await pair.caller.frame())["error"]
        assert error["code"] == ErrorCode.TIMEOUT
        assert error["data"]["via"] == {"kind": "notifier", "name": "callee"}
        assert (await pair.callee.frame())["params"] == {"id": call_id}
        pair.callee.write({"id": call_id, "result": "late"})
        pair.ask(2)
        call_id = (await pair.callee.frame())["id"]
        pair.callee.write({"id": call_id, "result": "in time"})
        assert (await pair.caller.frame())["result"] == "in time"

    scene(play)


def test_death_of_the_callee_ends_the_call(scene):
    async def play(pair):
        pair.ask()
        await pair.callee.frame()
        await pair.callee.die()
        error = (await pair.caller.frame())["error"]
        assert error["code"] == ErrorCode.HOST_PLUGIN_DIED
        assert error["data"]["via"]["name"] == "callee"
        pair.ask(2)  # and one that comes afterwards is told at once
        assert (await pair.caller.frame())["error"]["code"] == ErrorCode.HOST_PLUGIN_DIED

    scene(play)


@pytest.mark.parametrize("has_been_cancelled", [False, True])
def test_death_of_the_caller_ends_the_work_of_the_callee(scene, has_been_cancelled):
    async def play(pair):
        pair.ask()
        call_id = (await pair.callee.frame())["id"]
        if has_been_cancelled:
            pair.caller.write({"method": "$/cancelRequest", "params": {"id": "h-1"}})
        dying = asyncio.create_task(pair.caller.die())
        assert (await pair.callee.frame())["params"] == {"id": call_id}
        pair.callee.write({"id": call_id, "error": {"code": -32002, "message": "stopped"}})
        await dying

    scene(play)


def test_answers_to_a_caller_that_does_not_read_wait_and_count(scene):
    big = "x" * 400_000

    async def play(pair):
        for number in range(5):
            pair.ask(number)
        for _ in range(5):
            call_id = (await pair.callee.frame())["id"]
            pair.callee.connection.channel.feed(
                json.dumps({"jsonrpc": "2.0", "id": call_id, "result": big}).encode() + b"\n"
            )
        assert not pair.caller.connection.channel.has_room
        assert pair.caller.connection.work > 0  # those that wait are still open
        assert [len((await pair.caller.frame())["result"]) for _ in range(5)] == [len(big)] * 5

    scene(play)


def test_caller_with_too_many_calls_under_way_is_told_to_wait(scene):
    async def play(pair):
        for number in range(257):
            pair.ask(number)
        error = (await pair.caller.frame())["error"]
        assert (error["code"], "256 host calls under way" in error["message"]) == (ErrorCode.HOST_OVERLOADED, True)
        for _ in range(256):
            pair.callee.write({"id": (await pair.callee.frame())["id"], "result": 1})
            assert (await pair.caller.frame())["result"] == 1

    scene(play)


def test_result_that_does_not_fit_into_a_frame_is_refused_by_name(scene):
    async def play(pair):
        pair.ask()
        call_id = (await pair.callee.frame())["id"]
        line = b'{"jsonrpc":"2.0","id":%d,"result":{"a":"%s"}}\n' % (call_id, b"x" * (8 * 1024 * 1024))
        pair.callee.connection.channel.feed(line)
        error = (await pair.caller.frame())["error"]
        assert error["data"]["field"] == "a"

    scene(play)
