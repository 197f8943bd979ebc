"""Inline handlers: handled together, flushed once, answered together."""

import json
import threading


def burst(count):
    return b"".join(
        json.dumps({"jsonrpc": "2.0", "id": n, "method": "probe/inline", "params": {"text": str(n)}}).encode() + b"\n"
        for n in range(count)
    )


def test_inline_requests_of_one_read_are_flushed_once(ready):
    ready.write(burst(20))
    replies = [ready.frame() for _ in range(20)]
    assert [reply["id"] for reply in replies] == list(range(20))
    assert [reply["result"]["since_flush"] for reply in replies] == list(range(1, 21))
    assert ready.result("probe/open")["flushes"] == 1


def test_each_read_is_a_batch_of_its_own(ready):
    for number in range(3):
        assert ready.result("probe/inline", {"text": "x"})["since_flush"] == 1, number
    assert ready.result("probe/open")["flushes"] == 3


def test_nothing_inline_means_no_flush(ready):
    ready.result("$/ping")
    ready.result("probe/echo", {"text": "x"})
    assert ready.result("probe/open")["flushes"] == 0


def test_a_failing_flush_is_the_answer_to_every_request_of_its_batch(ready, capfd):
    ready.result("probe/set_flush", {"fails": False})
    ready.write(
        b'{"jsonrpc":"2.0","id":"set","method":"probe/set_flush","params":{"fails":true}}\n'
        + burst(3)
        + b'{"jsonrpc":"2.0","id":"bad","method":"probe/inline","params":{}}\n'
        + b'{"jsonrpc":"2.0","id":"ping","method":"$/ping"}\n'
    )
    replies = {frame["id"]: frame for frame in (ready.frame() for _ in range(6))}
    assert replies.pop("ping")["result"] == {}
    assert {reply["error"]["code"] for reply in replies.values()} == {-32603}
    assert "OSError" in replies[0]["error"]["message"]
    assert ready.result("probe/inline", {"text": "x"})["text"] == "x"


def test_a_fault_of_the_flush_travels_as_it_is(loop, probe, run_in_thread):
    from animus_plugin_protocol import ErrorCode, RetriableError

    world = probe.World()
    plugin = probe.build(loop, world)

    @plugin.register_flush
    def locked() -> None:
        raise RetriableError("the lock is held", code=ErrorCode.QUEUE_LOCK_FAILED)

    host = run_in_thread(plugin, world)
    host.handshake()
    assert host.error("probe/inline", {"text": "x"})["code"] == -32205


def test_a_notification_to_an_inline_handler_is_flushed_and_not_answered(ready):
    ready.notify("probe/inline", {"text": "x"})
    assert ready.is_quiet()
    assert ready.result("probe/open")["flushes"] == 1


def test_an_inline_handler_cannot_call_the_host(ready):
    error = ready.error("probe/inline_call", {"kind": "provider", "method": "agent/run"})
    assert error["code"] == -32603
    assert "inline" in error["message"]
    assert "probe/inline_call" in error["message"]


def test_notifications_of_an_inline_handler_stand_before_its_reply(ready):
    ready.start("probe/inline_notes", {"count": 3}, request_id=1)
    assert [ready.note("probe/note")["number"] for _ in range(3)] == [0, 1, 2]
    assert ready.frame() == {"jsonrpc": "2.0", "id": 1, "result": {"sent": 3}}


def test_no_notification_of_a_request_is_written_after_its_reply(ready):
    ready.result("probe/inline_notes", {"count": 1})
    ready.result("probe/notes", {"count": 1})
    ready.start("probe/late_notes", request_id="late")
    assert ready.frame() == {"jsonrpc": "2.0", "id": "late", "result": {"contexts": 2}}


def test_shutdown_callbacks_wait_for_the_flush_of_the_same_read(loop, probe, run_in_thread):
    world = probe.World()
    plugin = probe.build(loop, world)
    stopped = threading.Event()
    plugin.on_shutdown(stopped.set)
    seen = []
    plugin.register_flush(lambda: seen.append(stopped.wait(0.1)))
    host = run_in_thread(plugin, world)
    host.handshake()
    host.write(burst(3) + b'{"jsonrpc":"2.0","id":"end","method":"shutdown"}\n')
    replies = [host.frame()["id"] for _ in range(4)]
    assert replies == [0, 1, 2, "end"]
    assert seen == [False]
    assert stopped.is_set()
