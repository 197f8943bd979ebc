import contextlib
import http.client
import threading

import pytest

OPEN = {"id": "open", "type": "webhook", "workflow_ref": "w", "config": {}}
HUB = {"id": "hub", "type": "github_webhook", "workflow_ref": "w", "config": {"secret_env": "HUB_KEY"}}


def test_delivery_becomes_an_event_and_an_answer_settles_it(start_host, address, post):
    host = start_host()
    assert host.watch(OPEN) == {"watching": True}
    reply = post(address(), "/hooks/open", b'{"a": 1}', {"X-Animus-Delivery": "d1", "X-Animus-Event": "made"})
    assert reply.status == 202
    event = host.event()
    assert event == {
        "event_id": reply.body["event_id"],
        "trigger_id": "open",
        "action_hint": "run_workflow",
        "payload": {"delivery_id": "d1", "event": "made", "body": {"a": 1}},
    }
    host.notify("trigger/ack", {"event_id": event["event_id"], "status": "queued"})
    assert host.watch(OPEN) == {"watching": True}
    assert host.events_so_far() == []


@pytest.mark.parametrize("reported", [False, True], ids=["before-it-was-reported", "before-it-was-acknowledged"])
def test_delivery_survives_the_kill_of_the_plugin(start_host, address, post, reported):
    host = start_host()
    host.watch(OPEN)
    reply = post(address(), "/hooks/open", headers={"X-Animus-Delivery": "d1"})
    if reported:
        host.event()
    host.kill()
    host = start_host()
    host.watch(OPEN)
    assert host.event()["event_id"] == reply.body["event_id"]
    again = post(address(), "/hooks/open", headers={"X-Animus-Delivery": "d1"})
    assert (again.status, again.body["status"]) == (200, "repeated")
    assert host.ask("trigger/ack", {"event_id": reply.body["event_id"], "status": "queued"})["acked"] is True
    host.kill()
    host = start_host()
    host.watch(OPEN)
    assert host.events_so_far() == []


def test_event_that_a_host_could_not_take_while_it_ended_is_told_to_the_next(start_host, address, post):
    host = start_host()
    host.watch(OPEN)
    reply = post(address(), "/hooks/open")
    host.ask("trigger/ack", {"event_id": host.event()["event_id"], "status": "shutdown"})
    assert host.close() == 0
    host = start_host()
    host.watch(OPEN)
    assert host.event()["event_id"] == reply.body["event_id"]


def test_trigger_the_host_does_not_know_any_more_loses_its_path(host, address, post):
    host.watch(OPEN)
    post(address(), "/hooks/open")
    host.notify("trigger/ack", {"event_id": host.event()["event_id"], "status": "unmatched"})
    host.ask("$/ping")
    assert post(address(), "/hooks/open").status == 404
    host.watch(OPEN)
    assert post(address(), "/hooks/open").status == 202


def test_watch_of_one_type_replaces_the_hooks_of_that_type_only(start_host, address, post, sign):
    host = start_host(HUB_KEY="key")
    host.watch(OPEN)
    host.watch(HUB)
    host.watch(OPEN | {"id": "second"})
    assert post(address(), "/hooks/open").status == 404
    assert post(address(), "/hooks/second").status == 202
    headers = {"X-Hub-Signature-256": sign("key", b"{}"), "X-GitHub-Event": "push", "X-GitHub-Delivery": "guid"}
    assert post(address(), "/hooks/hub", b"{}", headers).status == 202
    assert {host.event()["trigger_id"] for _ in range(2)} == {"second", "hub"}


def test_delivery_to_a_trigger_that_went_and_came_back_waits_for_it(start_host, address, post):
    host = start_host()
    host.watch(OPEN)
    reply = post(address(), "/hooks/open")
    host.event()
    assert host.watch() == {"watching": True}
    assert post(address(), "/hooks/open").status == 404
    host.watch(OPEN)
    assert host.event()["event_id"] == reply.body["event_id"]


def test_hook_whose_secret_is_not_there_is_named_and_the_others_are_served(host, address, post):
    answer = host.watch(HUB, HUB | {"id": "free", "config": {}})
    assert "HUB_KEY" in answer["problems"]["hub"]
    assert "ANIMUS_FORWARD_ENV" in answer["problems"]["hub"]
    health = host.ask("health/check")
    assert (health["status"], "HUB_KEY" in health["last_error"]) == ("degraded", True)
    assert post(address(), "/hooks/hub").status == 503
    assert post(address(), "/hooks/free").status == 202


def test_hook_without_a_secret_is_not_served_where_others_reach_it(start_host, state_dir):
    host = start_host(bind="0.0.0.0:0")
    assert "can be reached from outside" in host.watch(OPEN)["problems"]["open"]
    assert not (state_dir / "trigger-webhook").exists()  # nothing was opened at all


def test_secret_is_nowhere_in_the_state(start_host, address, post, state_dir):
    host = start_host(HUB_KEY="very-secret-key")
    host.watch(HUB)
    post(address(), "/hooks/hub")
    assert host.close() == 0
    files = [path for path in state_dir.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"very-secret-key" in path.read_bytes()]


@pytest.mark.parametrize(
    ("bind", "rows", "text"),
    [
        ("nowhere", [OPEN], "ADDRESS:PORT"),
        ("192.0.2.1:80", [OPEN | {"config": {"secret_env": "HUB_KEY"}}], "ANIMUS_WEBHOOK_BIND"),
        ("127.0.0.1:0", [OPEN | {"type": "file_watcher"}], "file_watcher"),
        ("127.0.0.1:0", [OPEN | {"config": {"secret": "x"}}], "secret"),
        ("127.0.0.1:0", [OPEN | {"config": {"max_triggers_per_minute": -1}}], "max_triggers_per_minute"),
    ],
)
def test_watch_that_cannot_be_served_is_an_error_that_says_why(start_host, bind, rows, text):
    assert (
        text in start_host(bind=bind, HUB_KEY="key").fault("trigger/watch", {"config": {"triggers": rows}})["message"]
    )


def test_host_that_names_no_hook_gets_its_answer_and_nothing_listens(host, state_dir):
    assert host.ask("trigger/watch", {}) == {"watching": True}
    assert host.ask("trigger/schema") == {
        "kinds": ["webhook", "github_webhook"],
        "supports_resume": True,
        "supports_dedup": True,
        "supports_ack": True,
    }
    assert host.ask("trigger/ack", {"event_id": "x"}) == {"event_id": "x", "acked": False}
    assert not (state_dir / "trigger-webhook").exists()


def test_host_that_binds_no_project_is_refused_when_it_names_a_hook(start_host):
    error = start_host(binding=None).fault("trigger/watch", {"config": {"triggers": [OPEN]}})
    assert "binds no project" in error["message"]


def test_state_lies_below_the_configuration_folder_where_the_host_names_no_other(start_host, tmp_path, post):
    host = start_host(binding={"project_root": str(tmp_path), "repo_scope": "demo"})
    host.watch(OPEN)
    place = (tmp_path / "config" / "demo" / "trigger-webhook" / "address").read_text().strip()
    assert post(place, "/hooks/open").status == 202


def test_what_was_accepted_is_what_is_reported_across_many_kills(start_host, address, post):
    accepted: dict[str, str] = {}
    reported: set[str] = set()
    senders = []
    is_up = threading.Event()

    def send(name: str) -> None:
        """Repeat until it is accepted, as senders do."""
        while is_up.wait(60):
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                reply = post(address(), "/hooks/open", headers={"X-Animus-Delivery": name})
                if reply.status in {200, 202}:
                    accepted[name] = reply.body["event_id"]
                    return

    busy = OPEN | {"config": {"max_triggers_per_minute": 1000}}
    for generation in range(4):
        host = start_host()
        host.watch(busy)
        is_up.set()
        batch = [threading.Thread(target=send, args=(f"{generation}-{number}",)) for number in range(12)]
        for sender in batch:
            sender.start()
        for _ in range(generation * 3):  # some are reported and acknowledged, others are cut off anywhere
            event = host.event()
            reported.add(event["event_id"])
            host.notify("trigger/ack", {"event_id": event["event_id"], "status": "queued"})
        is_up.clear()
        host.kill()
        senders += batch
    host = start_host()
    host.watch(busy)
    is_up.set()
    for sender in senders:
        sender.join(60)
    assert len(accepted) == 48
    while reported < set(accepted.values()):
        reported.add(host.event()["event_id"])
    assert reported == set(accepted.values())
