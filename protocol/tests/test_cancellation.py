"""``$/cancelRequest`` for every kind."""

import pytest


def test_a_cancelled_request_ends_with_request_cancelled(ready):
    request_id = ready.start("probe/wait")
    ready.note("probe/entered")
    ready.notify("$/cancelRequest", {"id": request_id})
    error = ready.reply(request_id)["error"]
    assert error["code"] == -32002
    assert error["data"]["category"] == "cancelled"


def test_ids_of_another_type_name_another_request(ready):
    ready.start("probe/wait", request_id=1)
    ready.note("probe/entered")
    ready.notify("$/cancelRequest", {"id": "1"})
    ready.notify("$/cancelRequest", {"id": 1.0})
    assert ready.is_quiet()
    ready.notify("$/cancelRequest", {"id": 1})
    assert ready.reply(1)["error"]["code"] == -32002


def test_a_string_id_is_cancelled_by_that_string(ready):
    ready.start("probe/wait", request_id="1")
    ready.note("probe/entered")
    ready.notify("$/cancelRequest", {"id": "1"})
    assert ready.reply("1")["error"]["code"] == -32002


@pytest.mark.parametrize("params", [{"id": 424242}, {"id": None}, {}, None, [], {"id": [1]}])
def test_cancelling_what_does_not_run_is_ignored(ready, params):
    ready.notify("$/cancelRequest", params)
    assert ready.is_quiet()


def test_cancelling_twice_answers_once(ready):
    request_id = ready.start("probe/wait")
    ready.note("probe/entered")
    ready.send(*[{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": request_id}}] * 2)
    assert ready.reply(request_id)["error"]["code"] == -32002
    assert ready.is_quiet()


def test_a_request_cancelled_in_the_same_write_ends_with_request_cancelled(ready):
    ready.send(
        {"jsonrpc": "2.0", "id": 1, "method": "probe/wait"},
        {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 1}},
    )
    assert ready.reply(1)["error"]["code"] == -32002
    assert ready.is_quiet()


def test_a_handler_that_ends_in_spite_of_its_cancellation_is_answered_as_cancelled(ready):
    request_id = ready.start("probe/stubborn")
    ready.note("probe/entered")
    ready.notify("$/cancelRequest", {"id": request_id})
    assert ready.result("probe/open") is not None
    error = ready.reply(request_id)["error"]
    assert error["code"] == -32002
    assert error["data"] == {"category": "cancelled", "completed": True}


def test_cancelling_one_request_leaves_the_others(ready):
    first, second = ready.start("probe/wait"), ready.start("probe/wait")
    assert {ready.note("probe/entered")["id"], ready.note("probe/entered")["id"]} == {first, second}
    ready.notify("$/cancelRequest", {"id": second})
    assert ready.reply(second)["error"]["code"] == -32002
    assert ready.is_quiet()
    ready.notify("$/cancelRequest", {"id": first})
    assert ready.reply(first)["error"]["code"] == -32002


def test_a_running_id_cannot_be_used_again(ready):
    ready.start("probe/wait", request_id=1)
    ready.note("probe/entered")
    ready.start("probe/echo", {"text": "x"}, request_id=1)
    refused = ready.reply(1)["error"]
    assert refused["code"] == -32600
    ready.notify("$/cancelRequest", {"id": 1})
    assert ready.reply(1)["error"]["code"] == -32002
    assert ready.request("probe/echo", {"text": "x"}, request_id=1)["result"]["text"] == "x"


def test_a_request_that_waits_for_a_worker_is_cancelled_before_it_starts(loop, probe, run_in_thread):
    world = probe.World()
    plugin = probe.build("threads", world)
    plugin._workers = 1
    host = run_in_thread(plugin, world)
    host.handshake()
    host.start("probe/stubborn", request_id="first")
    host.note("probe/entered")
    host.start("probe/echo", {"text": "never"}, request_id="second")
    host.notify("$/cancelRequest", {"id": "second"})
    host.result("$/ping")
    host.start("probe/open", request_id="open")
    replies = {frame["id"]: frame for frame in (host.frame(), host.frame(), host.frame())}
    assert replies["second"]["error"]["code"] == -32002
    assert "completed" not in replies["second"]["error"]["data"]
    assert replies["first"]["result"] == {"ended": True}


def test_a_handler_can_tell_a_cancelled_request_from_an_ending_plugin(thread_host):
    request_id = thread_host.start("probe/wait")
    thread_host.note("probe/entered")
    thread_host.notify("$/cancelRequest", {"id": request_id})
    thread_host.reply(request_id)
    thread_host.start("probe/wait")
    thread_host.note("probe/entered")
    thread_host.close_stdin()
    thread_host.exit_code()
    assert thread_host.world.seen_at_cancel == [(True, False), (True, True)]
