"""The commands that came with the control protocol: detached agents, the log, the catalogue of plugins."""

import time

import pytest

WAIT_SECONDS = 60.0
WORKFLOWS = """
tools:
  parrot: {executable: sh, base_args: ["-c", "cat; while ! test -e GO; do sleep 0.05; done; echo; echo done"]}
tools_allowlist: [sh]
workflows: [{id: w, worktree: skip, phases: [p]}, {id: v, worktree: skip, phases: [p]}]
phases: {p: {mode: command, command: {program: sh, args: ["-c", "true"]}}}
"""


@pytest.fixture(scope="module")
def go(tmp_path_factory):
    return tmp_path_factory.mktemp("go") / "go"


@pytest.fixture(scope="module")
def animus(shared, go):
    """The command in a project with a daemon."""
    return shared(WORKFLOWS.replace("GO", str(go)))


def until(condition):
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.05)
    raise AssertionError("nothing happened in time")


def detach(animus, *words):
    return animus("agent", "run", "--tool", "parrot", "--detach", "--prompt", *words, "--json").data["session_id"]


def status(animus, session):
    return animus("agent", "status", session, "--json").data


def test_detached_agent_goes_on_is_listed_and_its_end_is_shown(animus, go):
    session = detach(animus, "hello")
    rows = animus("agent", "status", "--json").data["agents"]
    assert [(row["session"], row["target"], row["run"]) for row in rows] == [(session, "provider-command", None)]
    assert session in animus("agent", "status").out
    go.touch()
    ended = until(lambda: (now := status(animus, session))["status"] != "running" and now)
    assert ended["status"] == "completed"
    assert "done" in ended["output"]
    shown = animus("agent", "status", session).out
    assert "completed" in shown
    assert "hello" in shown
    go.unlink()


def test_detached_agent_can_be_cancelled_once(animus):
    session = detach(animus, "hello")
    assert animus("agent", "cancel", session).code == 0
    assert until(lambda: (now := status(animus, session))["status"] != "running" and now)["status"] == "cancelled"
    again = animus("agent", "cancel", session)
    assert (again.code, "has ended (cancelled)" in again.err) == (4, True)


def test_unknown_session_is_not_found(animus):
    assert animus("agent", "status", "nobody").code == 3
    assert animus("agent", "cancel", "nobody").code == 3


def test_agent_whose_tool_is_not_there_is_no_fault_of_this_program(animus):
    failed = animus("agent", "run", "--tool", "nosuchtool", "--prompt", "x")
    assert failed.code == 5
    assert "ANIMUS_DEBUG" not in failed.err
    assert animus("agent", "run", "--tool", "nosuchtool", "--prompt", "x", "--detach").code == 5


def test_log_is_filtered_and_shows_who_wrote(animus):
    said = animus("daemon", "logs", "--json", "--plugin", "nobody").data
    assert said["entries"] == []
    assert animus("daemon", "logs", "--level", "loud").code == 2
    assert animus("daemon", "logs", "--since", "yesterday").code == 2


def test_plugin_that_does_not_answer_is_named(animus):
    assert animus("plugin", "ping", "queue-default", "--json").data["ok"] is True
    assert animus("plugin", "ping", "nobody").code == 5


def test_catalogue_is_searched_and_installing_is_only_explained_without_yes(animus):
    found = animus("plugin", "search", "queue", "--json").data["entries"]
    assert {"queue-default"} <= {entry["name"] for entry in found if entry["installed"]}
    assert "queue-default" in animus("plugin", "browse", "--installed").out
    assert animus("plugin", "browse", "--available").code == 0
    plan = animus("plugin", "install", "animus-queue-default", "--version", "9.9.9")
    if plan.code == 0:  # else this machine has neither pip nor uv, and that is said
        assert "animus-queue-default==9.9.9" in plan.out
        assert "--yes" in plan.out
    else:
        assert "ensurepip" in plan.err
    assert animus("plugin", "install", "--", "--index-url=https://evil.example").code == 2
    assert animus("plugin", "uninstall", "nobody").code == 3


def test_enqueueing_for_another_workflow_is_a_conflict(animus):
    task = animus("subject", "create", "--title", "A", "--json").data["id"]
    later = ("--run-at", "2099-01-01T00:00:00Z")
    assert animus("queue", "enqueue", "--subject", task, "--workflow", "w", *later).code == 0
    again = animus("queue", "enqueue", "--subject", task, "--workflow", "w", *later)
    assert (again.code, "Already in the queue" in again.out, "pending" in again.out) == (0, True, True)
    other = animus("queue", "enqueue", "--subject", task, "--workflow", "v", *later)
    assert (other.code, "nothing was enqueued" in other.err) == (4, True)


def test_secrets_are_listed_by_reference_and_never_shown(animus_anew, home):
    assert "No secret" in animus_anew("secret", "list").out
    (home / "secrets.toml").write_text('[secrets]\nA = "env:THE_OTHER"\nB = "env:NOWHERE"\n')
    rows = animus_anew("secret", "list", "--check", "--json", THE_OTHER="violet-umbrella")
    states = {row["name"]: row["state"] for row in rows.data["secrets"]}
    assert states["A"] == "ok"
    assert "which is not set" in states["B"]
    assert "violet" not in rows.out
    (home / "secrets.toml").write_text('[secrets]\nA = "violet-umbrella"\n')
    refused = animus_anew("secret", "list")
    assert (refused.code, "violet" in refused.err) == (2, False)
