"""``post_success.notify``: who is told, and that nobody's trouble with it is the run's."""

import pytest

FLOW = """
tools_allowlist: [sh]
workflows:
  - {id: w, phases: [p], worktree: skip, post_success: {notify: NOTIFY}}
phases: {p: {mode: command, command: {program: sh, args: [-c, "SCRIPT"]}, retry: {max_attempts: 0}}}
"""


def flow(notify: str = "true", script: str = ":") -> str:
    return FLOW.replace("NOTIFY", notify).replace("SCRIPT", script)


def notes(host, run_id: str) -> list[str]:
    return host.call("journal/load", {"workflow_id": run_id})["run"]["blob"].get("notes", [])


def test_notifier_is_told_of_a_run_that_completed(start_host, define):
    define(flow())
    host = start_host(host_calls=True)
    host.on_host_call = lambda _call: {"accepted": True, "delivered": 1}
    assert host.execute("w", workflow_id="n1")["workflow_status"] == "completed"
    (call,) = host.calls
    assert (call["kind"], call["method"]) == ("notifier", "notifier/notify")
    event = call["params"]["event"]
    assert (event["event_type"], event["data"]["workflow_id"]) == ("workflow_completed", "n1")
    assert event["data"]["subject"]["id"] == "task:TASK-1"
    assert notes(host, "n1") == ["notified: delivered"]


@pytest.mark.parametrize("written", ["It is out.", "{message: It is out.}"])
def test_text_of_the_author_goes_with_it(start_host, define, written):
    define(flow(written))
    host = start_host(host_calls=True)
    host.on_host_call = lambda _call: {"accepted": True}
    assert host.execute("w", workflow_id="n6")["workflow_status"] == "completed"
    assert host.calls[0]["params"]["event"]["data"]["message"] == "It is out."


def test_host_without_a_notifier_does_not_hold_the_run_up(start_host, define, rpc_error):
    define(flow())
    host = start_host(host_calls=True)

    def refuse(_call):
        raise rpc_error({"code": -32500, "message": "there is no plugin of kind 'notifier'"})

    host.on_host_call = refuse
    assert host.execute("w", workflow_id="n2")["workflow_status"] == "completed"
    assert notes(host, "n2") == ["not notified: there is no plugin of kind 'notifier' (code -32500)"]


def test_host_that_offers_no_calls_is_said(host, define):
    define(flow())
    assert host.execute("w", workflow_id="n3")["workflow_status"] == "completed"
    assert notes(host, "n3") == ["not notified: this host offers no calls"]


def test_run_that_did_not_complete_or_did_not_ask_tells_nobody(start_host, define):
    host = start_host(host_calls=True)
    define(flow(script="exit 1"))
    assert host.execute("w", workflow_id="n4")["workflow_status"] == "escalated"
    define(flow("false"))
    assert host.execute("w", workflow_id="n5")["workflow_status"] == "completed"
    assert host.calls == []
