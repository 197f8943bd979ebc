"""``$/cancelRequest`` for every kind."""

import asyncio
import functools
import threading
from typing import Any

import pytest

from animus_plugin_protocol import Cancelled, Context, Plugin, _async_loop, _thread_loop
from animus_plugin_protocol._cancellation import CancelToken
from animus_plugin_protocol._pool import WorkerPool


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
    ready.start("probe/open", request_id="open")
    replies = {frame["id"]: frame for frame in (ready.frame(), ready.frame())}
    error = replies[request_id]["error"]
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


def test_too_many_waiting_requests_are_refused_as_overload(loop, probe, run_in_thread, monkeypatch):
    monkeypatch.setattr(_async_loop, "WAITING_LIMIT", 3)
    monkeypatch.setattr(_thread_loop, "WorkerPool", functools.partial(WorkerPool, waiting_limit=2))
    world = probe.World()
    plugin = probe.build(loop, world)
    plugin._workers = 1
    host = run_in_thread(plugin, world)
    host.handshake()
    host.start("probe/stubborn", request_id=0)
    host.note("probe/entered")
    for number in (1, 2, 3):
        host.start("probe/stubborn", request_id=number)
    refused = host.reply(3)["error"]
    assert refused["code"] == -32003
    assert "overloaded" in refused["message"]
    host.notify("probe/stubborn")
    world.door.set()
    assert {host.reply_of_any([0, 1, 2]) for _ in range(3)} == {0, 1, 2}
    assert host.result("probe/echo", {"text": "again"})["text"] == "again"


@pytest.fixture
def token():
    return CancelToken(lambda callback: callback())


def test_a_callback_runs_once_when_the_token_is_tripped(token):
    ran = []
    token.on_cancel(lambda: ran.append("early"))
    assert token.cancel()
    assert not token.cancel()
    token.on_cancel(lambda: ran.append("late"))
    assert ran == ["early", "late"]


def test_a_waker_that_was_removed_is_not_woken(token):
    woken = []
    first, second = lambda: woken.append(1), lambda: woken.append(2)
    token.add_waker(first)
    token.add_waker(second)
    token.remove_waker(first)
    token.remove_waker(first)
    token.cancel()
    token.add_waker(first)
    assert woken == [2, 1]


def test_a_tripped_token_raises(token):
    token.raise_if_cancelled()
    token.cancel()
    with pytest.raises(Cancelled):
        token.raise_if_cancelled()


@pytest.mark.parametrize("is_async", [False, True])
def test_a_callback_that_fails_leaves_the_plugin_alive(run_in_thread, capfd, is_async):
    plugin = Plugin("animus-careless", "0.1.0", kind="custom")
    tripped = threading.Event()

    @plugin.register_method("careless/wait")
    def wait(params: None, context: Context) -> Any:
        context.on_cancel(tripped.set)
        context.on_cancel(lambda: 1 / 0)
        context.notify("probe/entered")
        tripped.wait(60)

    if is_async:

        @plugin.register_method("careless/other")
        async def other(params: None) -> Any:
            return {}

    host = run_in_thread(plugin)
    host.handshake()
    request = host.start("careless/wait")
    host.note("probe/entered")
    host.notify("$/cancelRequest", {"id": request})
    assert host.reply(request)["error"]["code"] == -32002
    assert host.is_quiet()


def test_a_task_that_an_async_handler_left_behind_does_not_keep_the_plugin(run_in_thread):
    plugin = Plugin("animus-careless", "0.1.0", kind="custom")
    tasks = []

    @plugin.register_method("careless/leave")
    async def leave(params: None) -> Any:
        tasks.append(asyncio.create_task(asyncio.Event().wait()))
        return {}

    host = run_in_thread(plugin)
    host.handshake()
    host.result("careless/leave")
    host.close_stdin()
    assert host.exit_code() == 0
    assert tasks[0].cancelled()


def test_an_inner_cancellation_is_not_the_cancellation_of_the_request(run_in_thread, capfd):
    plugin = Plugin("animus-careless", "0.1.0", kind="custom")

    @plugin.register_method("careless/inner")
    async def inner(params: None) -> Any:
        task = asyncio.create_task(asyncio.Event().wait())
        task.cancel()
        await task

    host = run_in_thread(plugin)
    host.handshake()
    error = host.error("careless/inner")
    assert error["code"] == -32603
    assert error["data"]["exception"] == "CancelledError"
