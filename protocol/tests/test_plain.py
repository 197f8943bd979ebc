"""The short way answers what the long way would have answered, or leaves it alone."""

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animus_plugin_protocol import ErrorCode, Plugin, RefusedError, methods
from animus_plugin_protocol._host_calls import HostCalls
from animus_plugin_protocol._outbox import Outbox
from animus_plugin_protocol._pool import WorkerPool
from animus_plugin_protocol._routing import Engine
from animus_plugin_protocol._session import Session
from animus_plugin_protocol._thread_loop import ThreadScheduler
from animus_plugin_protocol.frames import LineSplitter
from animus_plugin_protocol.wire.queue import QueueEntryParams, QueueMutationResult, QueueStats

OPENING = (
    b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocol_version":"1.1.0",'
    b'"host_info":{"name":"h","version":"1.0.0"},"capabilities":{}}}\n{"jsonrpc":"2.0","method":"initialized"}\n'
)
GOOD = {"jsonrpc": "2.0", "id": 1, "method": "queue/drop", "params": {"entry_id": "e"}}


class Written:
    """What the host is told."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += bytes(data)
        return len(data)

    def wait_writable(self, timeout_seconds):
        raise AssertionError(timeout_seconds)


class Spoken:
    """An engine, past its handshake, that knows the short way or does not."""

    def __init__(self, *, is_short, flush=None):
        self.seen = []
        plugin = Plugin("plain", "1.0.0", description="d")

        @plugin.register_method(methods.QUEUE_DROP, inline=True)
        def drop(params: QueueEntryParams) -> QueueMutationResult:
            self.seen.append(params.entry_id)
            if params.entry_id == "refused":
                raise RefusedError("no", code=ErrorCode.QUEUE_NOT_ASSIGNED)
            if params.entry_id == "ended":
                raise SystemExit(3)
            return QueueMutationResult(changed=True)

        @plugin.register_method(methods.QUEUE_STATS, inline=True)
        def stats(_params: None) -> QueueStats:
            return QueueStats(total=1, pending=0, assigned=0, held=0)

        if flush is not None:
            plugin.register_flush(flush)
        declaration = plugin.declaration()
        self.written = Written()
        outbox = Outbox(self.written)
        session = Session(outbox, HostCalls(outbox, "plain", declaration.callable_kinds), time.monotonic)
        self.engine = Engine(declaration, session, ThreadScheduler(WorkerPool(1)))
        if not is_short:
            self.engine._plain.learn = lambda _route: None
        self.hear(OPENING + json.dumps(GOOD).encode() + b"\n")
        assert (methods.QUEUE_DROP in self.engine._plain._ways) is is_short

    def hear(self, data):
        self.written.data = b""
        self.engine.receive(LineSplitter().feed(data))
        return self.written.data


VALUES = st.sampled_from([None, True, 0, -1, 1, 2**70, 1.0, "1", "", "ü", "\ud83d", [], {}, [1], {"entry_id": "x"}])
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.one_of(st.just("2.0"), VALUES),
        "id": st.one_of(st.integers(0, 9), VALUES),
        "method": st.one_of(st.sampled_from(["queue/drop", "queue/stats", "$/ping", "queue/none"]), VALUES),
        "params": st.one_of(
            st.fixed_dictionaries({"entry_id": st.one_of(st.sampled_from(["e", "refused", "ended", "ü"]), VALUES)}),
            st.fixed_dictionaries({"entry_id": st.just("e"), "more": VALUES}),
            VALUES,
        ),
        "result": VALUES,
        "error": VALUES,
        "more": VALUES,
    },
)
FRAMES = st.one_of(MEMBERS, MEMBERS.map(lambda members: {**GOOD, **members}))
EDITS = st.sampled_from(
    [
        lambda line: line,
        lambda line: b"\xef\xbb\xbf" + line,
        lambda line: b"  " + line + b"\r",
        lambda line: line + line,
        lambda line: line[:-1],
        lambda line: line.replace(b'"e"', b'"\xff"'),
        lambda line: line.replace(b'"more"', b'"\\u006dore"').replace(b"1", b"\xff", 1),
        lambda line: line.replace(b'"id"', b'"id":7,"id"', 1),
    ]
)
LINES = st.lists(st.tuples(FRAMES, EDITS), min_size=1, max_size=4).map(
    lambda rows: b"".join(edit(json.dumps(frame).encode()) + b"\n" for frame, edit in rows)
)


@given(LINES)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_both_ways_say_and_do_the_same(data):
    short, long = Spoken(is_short=True), Spoken(is_short=False)
    assert short.hear(data) == long.hear(data)
    assert short.seen == long.seen


def test_replies_of_the_short_way_wait_for_the_flush():
    flushed = []
    spoken = Spoken(is_short=True, flush=lambda: flushed.append(len(spoken.seen)) if flushed_from else None)
    flushed_from = [True]
    spoken.hear(json.dumps(GOOD).encode() + b"\n" + json.dumps(GOOD).encode() + b"\n")
    assert flushed == [3]


def test_nothing_goes_the_short_way_after_the_end():
    spoken = Spoken(is_short=True)
    spoken.engine.host_is_gone()
    assert (
        json.loads(spoken.hear(json.dumps(GOOD).encode() + b"\n"))["error"]["code"] == ErrorCode.PLUGIN_NOT_INITIALIZED
    )


@pytest.mark.parametrize("entry_id", ["refused", "ended"])
def test_what_a_handler_raises_is_the_answer(entry_id, capfd):
    frame = {**GOOD, "params": {"entry_id": entry_id}}
    error = json.loads(Spoken(is_short=True).hear(json.dumps(frame).encode() + b"\n"))["error"]
    assert error["code"] == {"refused": ErrorCode.QUEUE_NOT_ASSIGNED, "ended": ErrorCode.INTERNAL_ERROR}[entry_id]
    capfd.readouterr()
