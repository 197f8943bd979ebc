"""Handshake, gate, ping, health, shutdown, exit and the end of stdin."""

import time
from pathlib import Path

import pytest

from animus_plugin_protocol._ending import CANCELLED_SECONDS, FINISH_SECONDS, FLUSH_SECONDS, HOOK_SECONDS

SHORT_SECONDS = 30.0
"""Longer than any load makes an end, shorter than the handlers that ignore it."""


def test_initialize_says_what_the_plugin_is(host):
    result = host.initialize()["result"]
    assert result["protocol_version"] == "1.1.0"
    assert result["plugin_info"] == {
        "name": "animus-probe",
        "version": "0.1.0",
        "plugin_kind": "custom",
        "description": "Does what tests ask for.",
    }
    assert result["capabilities"]["cancellation"] is True
    assert {"probe/echo", "$host/call:provider", "health/check"} <= set(result["capabilities"]["methods"])


def test_the_gate_refuses_known_methods_until_initialized(host):
    assert host.error("probe/echo", {"text": "x"})["code"] == -32000
    assert host.error("probe/inline", {"text": "x"})["code"] == -32000
    host.initialize()
    assert host.error("probe/echo", {"text": "x"})["code"] == -32000
    host.notify("initialized")
    assert host.result("probe/echo", {"text": "x"})["text"] == "x"


def test_an_unknown_method_is_unknown_before_the_gate_too(host):
    assert host.error("no/such")["code"] == -32601


def test_a_notification_before_the_gate_is_dropped(host):
    host.notify("probe/inline", {"text": "x"})
    host.handshake()
    assert host.result("probe/open")["flushes"] == 0


def test_initialized_without_initialize_opens_nothing(host):
    host.notify("initialized")
    assert host.error("probe/echo", {"text": "x"})["code"] == -32000


def test_a_request_right_behind_initialized_in_the_same_write_is_served(host):
    host.initialize()
    host.send(
        {"jsonrpc": "2.0", "method": "initialized"},
        {"jsonrpc": "2.0", "id": 1, "method": "probe/echo", "params": {"text": "x"}},
    )
    assert host.reply(1)["result"]["text"] == "x"


def test_initialized_with_an_id_is_answered_though_it_is_a_notification(host):
    host.initialize()
    assert host.result("initialized") == {}
    assert "result" in host.request("probe/open")


def test_initialized_may_carry_params(host):
    host.initialize()
    host.notify("initialized", {})
    assert host.result("probe/open")


def test_a_second_initialize_is_allowed_and_keeps_the_gate_open(ready):
    assert "result" in ready.initialize()
    assert ready.result("probe/open")["initialized"] == 2


@pytest.mark.parametrize("version", ["1.0.0", "1.2.0", "1.99.3", "1.1.0-rc.1", "1.1.0+build"])
def test_another_version_of_the_same_major_is_accepted(thread_host, version):
    assert "result" in thread_host.initialize(version=version)


@pytest.mark.parametrize("version", ["2.0.0", "0.9.0", "11.0.0", "", "one", "1", "1.1"])
def test_another_major_or_no_version_is_refused(thread_host, version):
    error = thread_host.initialize(version=version)["error"]
    assert error["code"] == -32602
    assert "1.1.0" in error["message"]
    assert repr(version) in error["message"]


def test_a_refused_initialize_opens_no_gate(host):
    assert "error" in host.initialize(version="2.0.0")
    host.notify("initialized")
    assert host.error("probe/echo", {"text": "x"})["code"] == -32000


@pytest.mark.parametrize("params", [None, {}, {"protocol_version": "1.1.0"}, [], "x"])
def test_bad_initialize_params_are_refused(host, params):
    assert host.error("initialize", params)["code"] == -32602


def test_the_plugin_itself_may_refuse_a_host(host):
    error = host.initialize(host="unwanted")["error"]
    assert error["code"] == -32104
    assert "unwanted" in error["message"]


def test_initialize_without_an_id_is_not_answered_and_opens_nothing(host):
    host.notify("initialize", {"protocol_version": "1.1.0"})
    host.notify("initialized")
    assert host.is_quiet()
    assert host.error("probe/echo", {"text": "x"})["code"] == -32000


def test_extensions_reach_the_handlers(host):
    host.handshake(
        extensions={
            "project_binding": {"project_root": "/project", "repo_scope": "p-123"},
            "actor": {"user_id": "ada"},
            "memory_mcp_stdio_command": {"command": ["x"]},
            "unheard_of": 5,
        }
    )
    facts = host.result("probe/facts")
    assert (facts["project_root"], facts["user_id"]) == ("/project", "ada")


def test_without_extensions_there_is_no_binding_and_no_actor(ready):
    facts = ready.result("probe/facts")
    assert (facts["project_root"], facts["user_id"], facts["subject_kind"]) == (None, None, None)


def test_a_handler_sees_its_request_as_it_came(ready):
    reply = ready.request("probe/facts", {"unknown": {"a": 1}}, request_id="r-1")
    assert reply["result"]["request_id"] == "r-1"
    assert reply["result"]["raw"] == '{"unknown": {"a": 1}}'


def test_ping_and_health_are_answered_at_any_time(host):
    assert host.result("$/ping") == {}
    assert host.result("health/check")["status"] == "healthy"
    host.handshake()
    assert host.result("health/check")["uptime_ms"] >= 0


def test_ping_and_health_are_answered_while_every_worker_works(ready):
    waiting = [ready.start("probe/wait") for _ in range(40)]
    ready.note("probe/entered")
    assert ready.request("$/ping")["result"] == {}
    assert ready.request("health/check")["result"]["status"] == "healthy"
    for request_id in waiting:
        ready.notify("$/cancelRequest", {"id": request_id})
    ended: set[int] = set()
    while len(ended) < len(waiting):
        frame = ready.frame()
        if "id" in frame:
            assert frame["error"]["code"] == -32002
            ended.add(frame["id"])
    assert ended == set(waiting)


def test_shutdown_is_answered_and_closes_the_gate(ready):
    assert ready.result("shutdown") == {}
    assert ready.error("probe/echo", {"text": "x"})["code"] == -32000
    assert ready.result("$/ping") == {}
    assert ready.result("shutdown") == {}
    ready.notify("exit")
    assert ready.rest() == []
    assert ready.exit_code() == 0


def test_shutdown_before_initialize_is_answered(host):
    assert host.result("shutdown") == {}
    host.notify("exit")
    assert host.exit_code() == 0


def test_shutdown_cancels_what_runs_and_answers_it_first(ready):
    running = ready.start("probe/wait")
    ready.note("probe/entered")
    stopping = ready.start("shutdown")
    assert ready.reply(running)["error"]["code"] == -32002
    assert ready.reply(stopping)["result"] == {}


def test_steps_of_an_end_may_take_two_seconds_together():
    assert sum((FINISH_SECONDS, CANCELLED_SECONDS, HOOK_SECONDS, FLUSH_SECONDS)) == pytest.approx(2.0)


def test_shutdown_is_answered_soon_whatever_handlers_do(ready):
    ready.start("probe/stubborn", request_id="s")
    ready.note("probe/entered")
    started = time.monotonic()
    stopping = ready.start("shutdown")
    ping = ready.start("$/ping")
    assert ready.reply(ping)["result"] == {}
    assert ready.reply(stopping)["result"] == {}
    assert time.monotonic() - started < SHORT_SECONDS


def test_shutdown_callbacks_run_once(thread_host):
    thread_host.result("shutdown")
    thread_host.result("shutdown")
    thread_host.notify("exit")
    thread_host.exit_code()
    assert thread_host.world.shutdowns == 1


def test_exit_ends_at_once_without_shutdown(ready):
    ready.notify("exit")
    assert ready.exit_code() == 0


def test_exit_with_an_id_is_answered_first(ready):
    ready.start("exit", request_id=5)
    assert ready.rest() == [{"jsonrpc": "2.0", "id": 5, "result": {}}]
    assert ready.exit_code() == 0


def test_nothing_behind_exit_is_handled(ready):
    ready.send({"jsonrpc": "2.0", "method": "exit"}, {"jsonrpc": "2.0", "id": 1, "method": "$/ping"})
    assert ready.rest() == []


def test_the_end_of_stdin_lets_handlers_finish(ready):
    ready.start("probe/echo", {"text": "last"}, request_id=1)
    ready.close_stdin()
    assert [frame["id"] for frame in ready.rest()] == [1]
    assert ready.exit_code() == 0


def test_the_end_of_stdin_cancels_what_does_not_finish(ready):
    ready.start("probe/wait", request_id=1)
    ready.note("probe/entered")
    ready.close_stdin()
    (reply,) = ready.rest()
    assert reply["error"]["code"] == -32002
    assert ready.exit_code() == 0


def test_the_end_of_stdin_ends_even_a_handler_that_ignores_everything(process_host):
    process_host.start("probe/stubborn")
    process_host.note("probe/entered")
    started = time.monotonic()
    process_host.close_stdin()
    assert process_host.exit_code() == 0
    assert time.monotonic() - started < SHORT_SECONDS


def test_the_end_of_stdin_before_the_handshake_is_a_clean_end(host):
    host.close_stdin()
    assert host.rest() == []
    assert host.exit_code() == 0


def test_a_host_that_stops_reading_and_dies_ends_the_plugin(process_host):
    for number in range(20):
        process_host.start("probe/notes", {"count": 200, "size": 1000}, request_id=number)
    process_host.note("probe/note")
    process_host.process.stdout.close()
    process_host.close_stdin()
    assert process_host.exit_code() == 0
    process_host.process.stdout = Path("/dev/null").open("rb")  # noqa: SIM115 - closed by the fixture


def test_shutdown_and_exit_in_one_write_are_both_honoured(ready):
    ready.send({"jsonrpc": "2.0", "id": 1, "method": "shutdown"}, {"jsonrpc": "2.0", "method": "exit"})
    assert ready.rest() == [{"jsonrpc": "2.0", "id": 1, "result": {}}]
    assert ready.exit_code() == 0


def test_shutdown_right_before_the_end_of_stdin_is_answered(ready):
    ready.start("shutdown", request_id=1)
    ready.close_stdin()
    assert ready.rest() == [{"jsonrpc": "2.0", "id": 1, "result": {}}]
    assert ready.exit_code() == 0
