import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

WORKFLOWS = """
default_workflow_ref: check
workflows:
  - {id: check, worktree: skip, phases: [test]}
  - {id: gated, worktree: skip, phases: [test, gate]}
  - {id: endless, worktree: skip, phases: [endless]}
phases:
  test:
    mode: command
    command: {program: "true"}
  endless:
    mode: command
    command: {program: sleep, args: ["600"]}
  gate:
    mode: manual
    manual: {instructions: Look at it.}
"""
PATIENCE_SECONDS = 180.0


@pytest.fixture
def authored(project: Path, flavor) -> Path:
    (project / ".animus").mkdir()
    (project / ".animus" / "workflows.yaml").write_text(WORKFLOWS)
    return project


@pytest.fixture
def daemon(animus, authored):
    answer = animus("daemon", "start", "--pool-size", "2", "--json")
    assert answer.code == 0, answer.err
    yield answer.data
    animus("daemon", "stop")


@pytest.fixture
def spawn(authored, environment):
    """Starts a command that goes on; whatever is left of it is killed after the test."""
    started = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "animus_cli", *words],
            cwd=authored,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        guard = threading.Timer(PATIENCE_SECONDS, process.kill)
        guard.start()
        started.append((process, guard))
        return process

    yield start
    for process, guard in started:
        guard.cancel()
        process.kill()
        process.communicate()


def line_with(process, text):
    for line in process.stdout:
        if text in line:
            return line
    return pytest.fail(f"{text!r} was not printed; {process.stderr.read()}")


def test_a_daemon_is_started_asked_and_stopped(animus, daemon):
    assert daemon["running"] is True
    assert daemon["pool_size"] == 2
    assert animus("daemon", "status", "--json").data["pid"] == daemon["pid"]
    assert animus("daemon", "health", "--json").data["status"] == "healthy"
    assert "0 of 2 slots busy" in animus("status").out
    assert animus("daemon", "stop", "--json").data == {"stopped": True}
    assert animus("daemon", "stop", "--json").data == {"stopped": False}
    assert animus("daemon", "status", "--json").data["running"] is False


def test_a_run_beside_a_daemon_is_followed_to_its_gate_and_on(animus, daemon):
    answer = animus("workflow", "run", "gated", "--sync")
    assert answer.code == 0, answer.err
    for text in ("run started (run-", "test completed", "gate waits for a person", "run paused", "Look at it."):
        assert text in answer.out
    command = answer.out.splitlines()[-1]
    assert command.startswith("next: animus workflow phase approve run-")
    assert f"    {command.removeprefix('next: ')}" in animus("status").out.splitlines()
    assert animus(*command.removeprefix("next: animus ").split()).code == 0


def test_a_run_that_is_watched_goes_on_when_the_watcher_leaves(animus, daemon, spawn):
    watcher = spawn("workflow", "run", "endless", "--sync")
    run_id = line_with(watcher, "run started").rpartition("(")[2].strip().rstrip(")")
    line_with(watcher, "endless started")
    watcher.send_signal(signal.SIGINT)
    _, error = watcher.communicate(timeout=PATIENCE_SECONDS)
    assert watcher.returncode == 130
    assert f"The run goes on. animus workflow get {run_id}" in error
    assert animus("workflow", "get", run_id, "--json").data["status"] == "running"
    cancelled = spawn("workflow", "run", "endless", "--sync")
    other = line_with(cancelled, "run started").rpartition("(")[2].strip().rstrip(")")
    assert animus("workflow", "cancel", other).code == 0
    _, error = cancelled.communicate(timeout=PATIENCE_SECONDS)
    assert cancelled.returncode == 6
    assert f"{other!r} of 'endless' cancelled" in error


def test_events_are_followed_as_lines_of_json(animus, daemon, spawn):
    follower = spawn("daemon", "events", "--follow", "--json")
    animus("workflow", "run", "check", "--sync")
    event = json.loads(line_with(follower, '"run_completed"'))
    assert event["kind"] == "run_completed"
    assert event["payload"]["status"] == "completed"
    assert "run_completed" in animus("daemon", "events").out


def test_without_a_daemon_what_was_asked_for_waits_and_says_so(animus, authored):
    answer = animus("workflow", "run", "check")
    assert answer.code == 0
    assert "No daemon serves this project, so it waits. next: animus daemon start" in answer.out
    assert animus("daemon", "events", "--follow").code == 5


def test_a_run_in_this_process_needs_no_daemon(animus, authored):
    answer = animus("workflow", "run", "--sync", "--json")
    assert answer.data["status"] == "completed"
    assert [run["id"] for run in animus("workflow", "list", "--json").data["runs"]] == [answer.data["workflow_id"]]


def test_a_run_in_this_process_that_is_interrupted_goes_on_in_a_daemon(animus, spawn):
    host = spawn("workflow", "run", "endless", "--sync")
    run_id = line_with(host, "run started").rpartition("(")[2].strip().rstrip(")")
    line_with(host, "endless started")
    host.send_signal(signal.SIGINT)
    _, error = host.communicate(timeout=PATIENCE_SECONDS)
    assert host.returncode == 130
    assert "It goes on with: animus daemon start" in error
    assert "Traceback" not in error
    assert animus("workflow", "cancel", run_id).code == 0


def test_a_foreground_daemon_serves_until_it_is_terminated(animus, spawn):
    served = spawn("daemon", "run")
    line_with(served, "Serving")
    served.send_signal(signal.SIGTERM)
    served.communicate(timeout=PATIENCE_SECONDS)
    assert animus("daemon", "status", "--json").data["running"] is False


def test_doctor_finds_nothing_wrong_with_a_good_project(animus, authored):
    answer = animus("doctor", "--json")
    assert answer.code == 0, answer.err
    assert {"id", "severity", "message"} <= set(answer.data["findings"][0])
    assert "queue is served by queue-default" in animus("doctor").out


def test_doctor_ends_with_5_when_something_is_broken(animus, authored):
    (authored / "animus.toml").write_text('flavor = "nowhere"\n')
    answer = animus("doctor")
    assert answer.code == 5
    assert "error   flavor 'nowhere' is not installed" in answer.out
    assert "1 check fails" in answer.err
    error = animus("doctor", "--json").error
    assert error["details"]["findings"][-1]["severity"] == "error"
