"""The server's process: work goes through the one door, junk is answered, and nothing waits for something slow."""

import json
import time

END_SECONDS = 60


def test_work_is_handed_over_and_run_by_the_daemon(client, daemon):
    made = client.call("subject_create", title="Greet")["structuredContent"]
    run = client.call("workflow_run", subject=made["id"], definition="w")["structuredContent"]["workflow_id"]

    def status() -> str:
        return client.call("workflow_get", id=run)["structuredContent"]["status"]

    ended = time.monotonic() + END_SECONDS
    while (now := status()) not in {"completed", "failed"} and time.monotonic() < ended:
        client.call("daemon_events", limit=1)
    assert now == "completed"
    assert client.call("daemon_events")["structuredContent"]["result"]


def test_without_a_daemon_the_project_is_worked_on_here(client):
    made = client.call("subject_create", title="Greet")["structuredContent"]
    answer = client.call("queue_enqueue", subject=made["id"], workflow_ref="w")
    assert answer["structuredContent"]["enqueued"]
    assert "animus daemon start" in answer["content"][1]["text"]
    assert client.call("queue_stats")["structuredContent"]["pending"] == 1
    assert client.call("daemon_health")["isError"]


def test_quick_questions_are_answered_before_a_slow_one(client):
    slow = {"id": "slow", "method": "tools/call", "params": {"name": "queue_stats", "arguments": {}}}
    client.send(slow, {"id": "quick", "method": "ping"})
    client.answer("slow")
    assert list(client.order)[-2:] == ["quick", "slow"]


def test_cancelled_call_is_not_answered(client):
    call = {"id": "cancelled", "method": "tools/call", "params": {"name": "queue_stats", "arguments": {}}}
    withdrawal = {"requestId": "cancelled", "reason": "changed my mind"}
    client.send(call, {"method": "notifications/cancelled", "params": withdrawal})
    client.call("queue_stats")
    client.ask("ping")
    assert "cancelled" not in client.answers


def test_junk_is_answered_and_the_session_goes_on(client):
    client.write(b"{nonsense\n[]\n\n\xff\xfe\n" + json.dumps({"jsonrpc": "2.0", "id": "a"}).encode() + b"\n")
    client.write(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":[1]}\n')
    assert client.ask("ping") == {}
    assert client.answers[None]["error"]["code"] in {-32700, -32600}


def test_burst_before_the_first_answer_is_served_in_order(connect):
    client = connect()
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    first, second = client.start("initialize", hello), client.start("tools/list")
    assert client.answer(second)["result"]["tools"]
    assert list(client.order) == [first, second]
