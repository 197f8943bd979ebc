"""A delivery that was accepted becomes one run, whoever is killed in between."""

import contextlib
import hashlib
import hmac
import http.client
import json

import pytest

SECRET = "a-secret-of-the-sender"  # noqa: S105 - the test sends what it signs
WORKFLOWS = """
tools_allowlist: [sh]
phases:
  mark:
    mode: command
    command: {program: sh, args: [-c, 'echo "$ANIMUS_SUBJECT_ID" >> "$ANIMUS_PROJECT_ROOT/marks"']}
workflows:
  - id: mark
    worktree: skip
    phases: [mark]
triggers:
  - {id: pushed, type: github_webhook, workflow_ref: mark,
     config: {secret_env: HOOK_SECRET, events: [push], max_triggers_per_minute: 1000}}
  - {id: plain, type: webhook, workflow_ref: mark, config: {max_triggers_per_minute: 1000}}
"""


@pytest.fixture
def deliver(project, wait_until):
    """Send until it is accepted, as senders do; returns the id of the event."""

    def once(path: str, body: bytes, headers: dict[str, str]) -> str | None:
        try:
            host, _, port = (project.state_dir / "trigger-webhook" / "address").read_text().strip().rpartition(":")
            with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=60)) as connection:
                connection.request("POST", path, body, {"Content-Type": "application/json"} | headers)
                response = connection.getresponse()
                answer = json.loads(response.read())
        except (OSError, ValueError, http.client.HTTPException):
            return None
        return answer["event_id"] if response.status in {200, 202} else None

    def send(trigger: str, delivery: str) -> str:
        body = json.dumps({"delivery": delivery}).encode()
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "pushed": {"X-GitHub-Delivery": delivery, "X-GitHub-Event": "push", "X-Hub-Signature-256": signature},
            "plain": {"X-Animus-Delivery": delivery},
        }[trigger]
        event = wait_until(lambda: once(f"/hooks/{trigger}", body, headers), what=f"{delivery} being accepted")
        return f"trigger:{trigger}@{event}"

    return send


@pytest.fixture
def served(project):
    project.workflows(WORKFLOWS)
    project.environ |= {"ANIMUS_WEBHOOK_BIND": "127.0.0.1:0", "HOOK_SECRET": SECRET}
    assert project.animus("daemon", "start").code == 0
    return project


def marks_of(project):
    file = project.root / "marks"
    return sorted(file.read_text().split()) if file.exists() else []


def wait_for_end(project, wait_until, expected):
    wait_until(lambda: len(marks_of(project)) >= len(expected), what=f"{len(expected)} marks")
    wait_until(lambda: project.ask("queue", "stats")["total"] == 0, what="the queue drained")
    assert marks_of(project) == sorted(expected)


def test_deliveries_of_both_types_become_one_run_each(served, deliver, wait_until):
    expected = [deliver(trigger, f"d{number}") for number in range(3) for trigger in ("pushed", "plain")]
    assert [deliver("pushed", "d0"), deliver("plain", "d0")] == expected[:2]  # repeated
    wait_for_end(served, wait_until, expected)
    rows = {row["id"]: row for row in served.json("trigger", "list")["triggers"]}
    assert [(rows[name]["fired"], rows[name].get("waiting", 0)) for name in ("pushed", "plain")] == [(3, 0), (3, 0)]


def test_accepted_delivery_is_run_once_across_the_kill_of_the_plugin(served, deliver, wait_until):
    expected = []
    for number in range(3):
        expected.append(deliver("pushed", f"d{number}"))
        served.kill("animus_trigger_webhook")
    assert deliver("pushed", "d0") == expected[0]  # the sender repeats itself after the restart
    wait_for_end(served, wait_until, expected)


def test_accepted_delivery_is_run_once_across_the_kill_of_the_daemon(served, deliver, wait_until):
    expected = []
    for number in range(2):
        expected.append(deliver("plain", f"d{number}"))
        if number:  # both at once
            served.kill("animus_trigger_webhook")
        served.kill("animus_kernel")
        assert served.animus("daemon", "start").code == 0
    expected.append(deliver("plain", "last"))
    wait_for_end(served, wait_until, expected)


def test_hook_without_its_secret_says_so_in_the_list(project, wait_until):
    project.workflows(WORKFLOWS)
    project.environ |= {"ANIMUS_WEBHOOK_BIND": "127.0.0.1:0"}
    assert project.animus("daemon", "start").code == 0

    def problem() -> str | None:
        rows = project.ask("trigger", "list")["triggers"]
        return next((row.get("problem") for row in rows if row["id"] == "pushed"), None)

    assert "HOOK_SECRET" in wait_until(problem, what="the trigger's problem")
