"""Requests of a plugin to its host."""

import pytest

OFFER = {"host_calls": {"version": 1}}
ASK = {"kind": "provider", "method": "agent/run", "params": {"prompt": "go"}}


@pytest.fixture
def hub(host):
    """The probe, greeted by a host that answers calls."""
    host.handshake(extensions=OFFER)
    return host


def note(call_id, seq, **more):
    params = {"id": call_id, "seq": seq, "method": "agent/output", "params": {"text": str(seq)}, **more}
    return {"jsonrpc": "2.0", "method": "host/note", "params": params}


def answer(call_id, **outcome):
    return {"jsonrpc": "2.0", "id": call_id, **outcome}


def test_a_call_has_a_string_id_and_carries_the_callee_and_its_params(hub):
    hub.start("probe/call", {**ASK, "name": "claude", "timeout_seconds": 2.5})
    call = hub.frame()
    assert call == {
        "jsonrpc": "2.0",
        "id": "h-1",
        "method": "host/call",
        "params": {
            "kind": "provider",
            "method": "agent/run",
            "params": {"prompt": "go"},
            "name": "claude",
            "timeout_ms": 2500,
            "run_id": "run-1",
        },
    }


def test_notes_are_handed_on_in_order_before_the_answer(hub):
    request = hub.start("probe/call", ASK)
    call_id = hub.frame()["id"]
    hub.send(*(note(call_id, n) for n in range(5)), answer(call_id, result={"output": "done"}))
    result = hub.reply(request)["result"]
    assert result["result"] == {"output": "done"}
    assert result["notes"] == [[n, "agent/output", {"text": str(n)}, None] for n in range(5)]


def test_calls_of_several_requests_are_told_apart(hub):
    requests = [hub.start("probe/call", {**ASK, "params": {"n": n}}) for n in range(3)]
    calls = [hub.frame() for _ in requests]
    by_n = {call["params"]["params"]["n"]: call["id"] for call in calls}
    assert len(set(by_n.values())) == 3
    for n in (2, 0, 1):
        hub.send(note(by_n[n], 1), answer(by_n[n], result=n))
        reply = hub.reply(requests[n])
        assert reply["result"]["result"] == n
        assert len(reply["result"]["notes"]) == 1


def test_notes_nobody_asked_for_are_skipped(hub):
    request = hub.start("probe/call", {**ASK, "wants_notes": False})
    call_id = hub.frame()["id"]
    hub.send(note(call_id, 1), answer(call_id, result=1))
    assert hub.reply(request)["result"] == {"result": 1, "notes": []}


def test_notes_of_unknown_calls_and_bad_notes_are_dropped(hub):
    hub.send(
        note("h-77", 1),
        {"jsonrpc": "2.0", "method": "host/note"},
        {"jsonrpc": "2.0", "method": "host/note", "params": []},
    )
    assert hub.is_quiet()


@pytest.mark.parametrize("outcome", [{"result": None}, {"result": None, "error": None}])
def test_a_null_answer_is_an_answer(hub, outcome):
    request = hub.start("probe/call", ASK)
    hub.send(answer(hub.frame()["id"], **outcome))
    assert hub.reply(request)["result"]["result"] is None


def test_the_error_of_the_callee_is_the_error_of_the_caller(hub):
    request = hub.start("probe/call", ASK)
    error = {"code": -32502, "message": "it died", "data": {"via": {"kind": "provider", "name": "p"}}}
    hub.send(answer(hub.frame()["id"], error=error))
    assert hub.reply(request)["error"] == error


def test_a_malformed_error_is_an_internal_error(hub):
    request = hub.start("probe/call", ASK)
    hub.send(answer(hub.frame()["id"], error="broken"))
    error = hub.reply(request)["error"]
    assert error["code"] == -32603
    assert "malformed" in error["message"]


def test_without_the_extension_a_call_is_refused_by_the_feature_name(ready):
    error = ready.error("probe/call", ASK)
    assert error["code"] == -32001
    assert "host_calls" in error["message"]
    assert "agent/run" in error["message"]
    assert error["data"]["feature"] == "host_calls"


def test_another_version_of_the_extension_is_refused(host):
    host.handshake(extensions={"host_calls": {"version": 2}})
    assert "version 2" in host.error("probe/call", ASK)["message"]


def test_a_kind_that_was_not_declared_is_refused(hub):
    error = hub.error("probe/call", {**ASK, "kind": "queue"})
    assert error["code"] == -32501
    assert "$host/call:queue" in error["message"]


def test_cancelling_the_caller_cancels_the_call(hub):
    request = hub.start("probe/call", ASK)
    call_id = hub.frame()["id"]
    hub.notify("$/cancelRequest", {"id": request})
    assert hub.note("$/cancelRequest") == {"id": call_id}
    assert hub.reply(request)["error"]["code"] == -32002
    hub.send(note(call_id, 1), answer(call_id, error={"code": -32002, "message": "cancelled"}))
    assert hub.is_quiet()


def test_a_caller_that_fails_over_a_note_cancels_the_call(hub):
    request = hub.start("probe/call", {**ASK, "fails_at_note": 1})
    call_id = hub.frame()["id"]
    hub.send(note(call_id, 0), note(call_id, 1))
    assert hub.note("$/cancelRequest") == {"id": call_id}
    assert hub.reply(request)["error"]["message"] == "the caller dislikes this note"


def test_a_call_the_host_never_answers_ends_in_time(loop, probe, run_in_thread, monkeypatch):
    from animus_plugin_protocol import _async_loop, context

    monkeypatch.setattr(context, "ANSWER_GRACE_SECONDS", 0.0)
    monkeypatch.setattr(_async_loop, "ANSWER_GRACE_SECONDS", 0.0)
    world = probe.World()
    host = run_in_thread(probe.build(loop, world), world)
    host.handshake(extensions=OFFER)
    request = host.start("probe/call", {**ASK, "timeout_seconds": 0.02})
    call_id = host.frame()["id"]
    assert host.note("$/cancelRequest") == {"id": call_id}
    assert host.reply(request)["error"]["code"] == -32003


def test_the_end_of_the_host_ends_its_calls(hub):
    request = hub.start("probe/call", ASK)
    hub.frame()
    hub.close_stdin()
    (reply,) = hub.rest()
    assert reply["id"] == request
    assert "host is gone" in reply["error"]["message"]
    assert hub.exit_code() == 0


def test_an_oversized_call_is_refused_to_the_caller(hub):
    error = hub.error("probe/call", {**ASK, "params": {"prompt": "x" * (8 * 1024 * 1024)}})
    assert error["data"]["category"] == "oversized"
    assert error["data"]["method"] == "host/call"


def test_requests_are_served_while_a_call_waits(hub):
    request = hub.start("probe/call", ASK)
    call_id = hub.frame()["id"]
    assert hub.result("$/ping") == {}
    assert hub.result("probe/echo", {"text": "x"})["text"] == "x"
    hub.send(answer(call_id, result=1))
    assert hub.reply(request)["result"]["result"] == 1


def test_two_sides_that_write_before_they_read_do_not_wait_for_each_other(hub):
    """The host writes a mebibyte of requests before it reads; each makes the plugin write to the host."""
    fill = "x" * 4_000
    requests = [hub.start("probe/call", {**ASK, "params": {"prompt": fill}}) for _ in range(30)]
    floods = [hub.start("probe/notes", {"count": 20, "size": 4_000}) for _ in range(30)]
    pings = [hub.start("$/ping") for _ in range(200)]
    open_ids = {*requests, *floods, *pings}
    while open_ids:
        frame = hub.frame()
        if frame.get("method") == "host/call":
            hub.send(note(frame["id"], 1, params={"text": fill}), answer(frame["id"], result={"text": fill}))
        elif "method" not in frame:
            assert "error" not in frame
            open_ids.remove(frame["id"])


def test_a_slow_caller_loses_old_notes_and_is_told_how_many():
    import time

    import msgspec

    from animus_plugin_protocol._cancellation import CancelToken
    from animus_plugin_protocol._host_calls import NOTES_LIMIT, WaitingCall
    from animus_plugin_protocol.wire.host import HostNote

    call = WaitingCall(time.monotonic, wants_notes=True)
    for n in range(NOTES_LIMIT + 10):
        call.note(HostNote(id="h-1", seq=n, method="m", dropped=2 if n == 3 else None))
    call.settle(msgspec.Raw(b"1"))
    seen = []
    assert call.wait(CancelToken(lambda callback: callback()), None, seen.append) == msgspec.Raw(b"1")
    assert [note.seq for note in seen] == list(range(10, NOTES_LIMIT + 10))
    assert seen[0].dropped == 12
    assert seen[1].dropped is None


def test_a_plain_handler_beside_an_async_one_may_call_the_host_too(run_in_thread):
    from typing import Any

    from animus_plugin_protocol import Context, Plugin

    plugin = Plugin("animus-mixed", "0.1.0", kind="custom")
    plugin.capability("$host/call:provider")

    @plugin.register_method("mixed/plain")
    def plain(params: None, context: Context) -> Any:
        notes: list[int] = []
        result = context.call_host(
            "provider", "agent/run", {"prompt": "go"}, on_note=lambda note: notes.append(note.seq)
        )
        return {"result": result, "notes": notes}

    @plugin.register_method("mixed/async")
    async def asynchronous(params: None) -> Any:
        return {}

    host = run_in_thread(plugin)
    host.handshake(extensions=OFFER)
    request = host.start("mixed/plain")
    call_id = host.frame()["id"]
    assert host.result("mixed/async") == {}
    host.send(note(call_id, 1), note(call_id, 2), answer(call_id, result="done"))
    assert host.reply(request)["result"] == {"result": "done", "notes": [1, 2]}
