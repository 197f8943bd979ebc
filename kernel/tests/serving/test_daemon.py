"""A real daemon with the default plugins: started, asked, killed in the middle of work, started again."""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import sys
import time
import zoneinfo
from pathlib import Path

import pytest

from animus_composition.settings import DaemonSettings
from animus_control.client import ControlClient
from animus_control.endpoint import MAX_SOCKET_PATH_BYTES, socket_path
from animus_control.errors import ControlError
from animus_control.event_file import read_events
from animus_control.project import find_project
from animus_kernel.serving.instance import instance_holder
from animus_kernel.serving.launch import start_daemon, stop_daemon
from animus_kernel.serving.session import run_operation
from animus_plugin_protocol.wire import control

WAIT_SECONDS = 60.0
PLUGINS = ("animus_queue_default", "animus_workflow_runner_default", "animus_subject_default", "animus_flavor_default")

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in PLUGINS), reason="needs the default plugins installed"
)

WORKFLOWS = """
workflows:
  - id: quick
    phases: [before]
  - id: slow
    phases: [before, middle, after]
  - id: careless
    phases: [before, undeclared, after]
  - id: gated
    phases: [before, gate, after]
phases:
  before: {mode: command, idempotency: idempotent, command: {program: sh, args: [-c, "echo before >> MARKS"]}}
  after: {mode: command, idempotency: idempotent, command: {program: sh, args: [-c, "echo after >> MARKS"]}}
  middle:
    mode: command
    idempotency: idempotent
    command: {program: sh, args: [-c, "echo middle >> MARKS; while ! test -e GO; do sleep 0.05; done"]}
  undeclared:
    mode: command
    command: {program: sh, args: [-c, "echo undeclared >> MARKS; while ! test -e GO; do sleep 0.05; done"]}
  gate: {mode: manual, manual: {instructions: "look"}}
"""


class Daemon:
    """A project and its daemon, as a person would use them."""

    def __init__(self, root: Path) -> None:
        (root / ".animus").mkdir(parents=True)
        (root / ".animus" / "workflows.yaml").write_text(
            WORKFLOWS.replace("MARKS", str(root / "marks")).replace("GO", str(root / "go"))
        )
        self.root = root
        self.project = find_project(root, os.environ)

    def start(self, **settings):
        return start_daemon(self.project, DaemonSettings(**settings))

    def call(self, name, params=None, **options):
        client = ControlClient.connect(self.project)
        assert client is not None
        with client:
            return client.call(name, params, **options)

    def run(self, definition, **fields):
        params = control.WorkflowRunParams(definition=definition, **fields)
        return self.call("workflow/run", params, timeout_seconds=WAIT_SECONDS)

    def get(self, run_id):
        return self.call("workflow/get", control.WorkflowGetParams(id=run_id))

    def wait(self, run_id, *statuses):
        return until(lambda: (run := self.get(run_id)).status in statuses and run)

    def marks(self):
        path = self.root / "marks"
        return path.read_text().split() if path.exists() else []

    def pid_of(self, name):
        rows = self.call("daemon/health").plugins
        return next(row.pid for row in rows if row.name == name)

    def events(self, kind):
        return [event for event in read_events(self.project.events_path) if event.kind == kind]


def until(condition):
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("nothing happened in time")


def survivors(run_id):
    """Processes whose environment says that they work for the run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"ANIMUS_RUN_ID={run_id}".encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
    return found


@pytest.fixture
def daemon(tmp_path, know_plugins):
    made = Daemon(tmp_path / "project")
    know_plugins(made.project.config_dir)
    yield made
    (made.root / "go").touch()
    stop_daemon(made.project, timeout_seconds=WAIT_SECONDS)


def test_enqueued_workflow_ends_completed(daemon):
    daemon.start()
    result = daemon.run("quick", sync=True)
    assert result.status == "completed"
    assert daemon.marks() == ["before"]
    assert daemon.get(result.entry_id).status == "completed"


def test_run_says_its_id_without_waiting_for_its_end(daemon):
    daemon.start()
    result = daemon.run("slow")
    assert result.workflow_id is not None
    assert result.status == "running"


def test_synchronous_run_needs_no_daemon_and_tells_what_happens(daemon):
    kinds = []
    params = control.WorkflowRunParams(definition="quick", sync=True)
    result = run_operation(daemon.project, "workflow/run", params, on_event=lambda event: kinds.append(event.kind))
    assert result.status == "completed"
    assert kinds == ["run_started", "phase_started", "phase_decision", "phase_completed", "run_completed"]
    assert instance_holder(daemon.project) is None


def test_entry_made_without_a_daemon_is_run_by_the_next_one(daemon):
    made = run_operation(daemon.project, "workflow/run", control.WorkflowRunParams(definition="quick"))
    assert made.status == "pending"
    daemon.start()
    daemon.wait(made.entry_id, "completed")


def test_entry_made_beside_a_daemon_is_started_by_a_nudge(daemon):
    daemon.start(heartbeat_seconds=1000)
    made = run_operation(daemon.project, "workflow/run", control.WorkflowRunParams(definition="quick"))
    daemon.wait(made.entry_id, "completed")


def test_second_daemon_is_refused_with_the_pid_of_the_first(daemon):
    status = daemon.start()
    with pytest.raises(ControlError, match=f"process {status.pid} .*animus daemon stop") as caught:
        daemon.start()
    assert caught.value.category == "conflict"
    with pytest.raises(ControlError) as caught:
        run_operation(daemon.project, "workflow/run", control.WorkflowRunParams(definition="quick", sync=True))
    assert caught.value.category == "conflict"


def test_stale_socket_is_no_daemon_and_is_replaced(daemon):
    daemon.project.ensure_state()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path(daemon.project)))
    assert ControlClient.connect(daemon.project) is None
    assert daemon.start().running


def test_state_and_socket_are_closed_to_others(daemon):
    daemon.start()
    assert daemon.project.state_dir.stat().st_mode & 0o777 == 0o700
    assert socket_path(daemon.project).stat().st_mode & 0o777 == 0o600
    assert daemon.project.events_path.stat().st_mode & 0o777 == 0o600


def test_socket_of_a_project_with_a_long_path_works(tmp_path, monkeypatch):
    monkeypatch.setenv("ANIMUS_CONFIG_DIR", str(tmp_path / ("long-" * 30)))
    daemon = Daemon(tmp_path / "project")
    path = socket_path(daemon.project)
    assert len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES
    try:
        daemon.start()
        assert daemon.run("quick", sync=True).status == "completed"
        assert (path.parent / "origin-path.txt").read_text().strip() == str(daemon.project.state_dir / "control.sock")
        assert path.parent.stat().st_mode & 0o777 == 0o700
    finally:
        stop_daemon(daemon.project)
    (path.parent / "origin-path.txt").unlink()
    path.parent.rmdir()


def test_unknown_subject_and_workflow_are_named_with_what_exists(daemon):
    daemon.start()
    with pytest.raises(ControlError, match="there are: quick, slow, careless, gated") as caught:
        daemon.run("quik")
    assert caught.value.category == "not_found"
    with pytest.raises(ControlError) as caught:
        daemon.call("queue/enqueue", control.QueueEnqueueParams(subject="task:TASK-404", workflow_ref="quick"))
    assert caught.value.category == "not_found"


def test_subject_goes_from_ready_to_done(daemon):
    daemon.start()
    made = daemon.call("subject/create", control.SubjectCreateParams(title="Do it", priority=1))
    asked = daemon.call("queue/enqueue", control.QueueEnqueueParams(subject=made.id, workflow_ref="quick"))
    daemon.wait(asked.entry_id, "completed")
    until(lambda: daemon.call("subject/get", control.SubjectGetParams(id=made.id)).status == "done")
    assert [event.payload["status"] for event in daemon.events("subject_projected")] == ["in-progress", "done"]


def test_legacy_field_names_its_kind(daemon):
    daemon.start()
    daemon.call("subject/create", control.SubjectCreateParams(title="Do it"))
    asked = daemon.call("queue/enqueue", control.QueueEnqueueParams(task_id="TASK-001", workflow_ref="quick"))
    assert asked.subject_id == "task:TASK-001"


def test_gate_parks_the_run_and_approval_by_entry_id_lets_it_go_on(daemon):
    daemon.start(pool_size=1)
    parked = daemon.run("gated", sync=True)
    assert parked.status == "paused"
    assert parked.waiting.kind == "gate"
    assert daemon.run("quick", sync=True).status == "completed"
    daemon.call("workflow/phase/approve", control.PhaseGateParams(id=parked.entry_id, note="fine"))
    daemon.wait(parked.workflow_id, "completed")
    assert daemon.marks() == ["before", "before", "after"]


def test_rejected_run_fails_and_leaves_the_queue(daemon):
    daemon.start()
    parked = daemon.run("gated", sync=True)
    daemon.call("workflow/phase/reject", control.PhaseGateParams(id=parked.workflow_id, note="no"))
    daemon.wait(parked.workflow_id, "failed")
    until(lambda: daemon.call("queue/stats").total == 0)


def test_run_that_has_ended_takes_no_more_signals(daemon):
    daemon.start()
    parked = daemon.run("gated", sync=True)
    daemon.call("workflow/phase/reject", control.PhaseGateParams(id=parked.workflow_id, note="no"))
    daemon.wait(parked.workflow_id, "failed")
    with pytest.raises(ControlError, match="has ended") as caught:
        daemon.call("workflow/resume", control.WorkflowResumeParams(id=parked.workflow_id))
    assert caught.value.category == "conflict"
    assert daemon.get(parked.workflow_id).status == "failed"


def test_parked_run_comes_back_parked_after_a_restart(daemon):
    daemon.start()
    parked = daemon.run("gated", sync=True)
    stop_daemon(daemon.project)
    daemon.start()
    until(lambda: daemon.call("daemon/status").parked_runs == 1)
    daemon.call("workflow/phase/approve", control.PhaseGateParams(id=parked.workflow_id))
    daemon.wait(parked.workflow_id, "completed")
    assert daemon.marks() == ["before", "after"]


def test_cancel_ends_the_run_and_its_processes(daemon):
    daemon.start()
    run = daemon.run("slow")
    until(lambda: "middle" in daemon.marks())
    daemon.call("workflow/cancel", control.WorkflowSteerParams(id=run.workflow_id, reason="enough"))
    daemon.wait(run.workflow_id, "cancelled")
    until(lambda: not survivors(run.workflow_id))
    until(lambda: daemon.call("queue/stats").total == 0)


def test_stopped_daemon_gives_its_runs_back_and_leaves_no_process(daemon):
    daemon.start()
    run = daemon.run("slow")
    until(lambda: "middle" in daemon.marks())
    stop_daemon(daemon.project)
    assert survivors(run.workflow_id) == []
    (daemon.root / "go").touch()
    daemon.start()
    daemon.wait(run.workflow_id, "completed")
    assert daemon.marks().count("before") == 1
    assert daemon.marks().count("after") == 1


@pytest.mark.parametrize("victim", ["queue-default", "workflow-runner-default", "daemon"])
def test_killed_process_does_not_stop_an_idempotent_run(daemon, victim):
    status = daemon.start()
    run = daemon.run("slow")
    until(lambda: "middle" in daemon.marks())
    os.kill(status.pid if victim == "daemon" else daemon.pid_of(victim), signal.SIGKILL)
    if victim == "daemon":
        until(lambda: instance_holder(daemon.project) is None)
        daemon.start()
    (daemon.root / "go").touch()
    daemon.wait(run.workflow_id, "completed")
    assert daemon.marks().count("before") == 1
    assert daemon.marks().count("after") == 1
    until(lambda: not survivors(run.workflow_id))
    until(lambda: daemon.call("queue/stats").total == 0)


def test_killed_run_of_an_undeclared_phase_parks_with_reason_and_command(daemon):
    status = daemon.start()
    run = daemon.run("careless")
    until(lambda: "undeclared" in daemon.marks())
    os.kill(status.pid, signal.SIGKILL)
    until(lambda: instance_holder(daemon.project) is None)
    daemon.start()
    parked = daemon.wait(run.workflow_id, "paused")
    assert parked.waiting.kind == "blocked"
    assert "animus workflow resume" in parked.waiting.command
    assert daemon.marks().count("undeclared") == 1
    (daemon.root / "go").touch()
    daemon.call("workflow/resume", control.WorkflowResumeParams(id=run.workflow_id, force=True))
    daemon.wait(run.workflow_id, "completed")


def test_paused_daemon_stays_paused_after_a_restart(daemon):
    daemon.start()
    assert daemon.call("daemon/pause").paused
    stop_daemon(daemon.project)
    from animus_composition.settings import load_settings

    start_daemon(daemon.project, load_settings(daemon.project))
    assert daemon.run("quick").status == "pending"
    daemon.call("daemon/resume")
    until(lambda: daemon.marks() == ["before"])


def test_drained_daemon_ends_when_its_runs_have(daemon):
    daemon.start()
    run = daemon.run("slow")
    until(lambda: "middle" in daemon.marks())
    assert daemon.call("daemon/drain").draining
    assert daemon.run("quick").status == "pending"
    (daemon.root / "go").touch()
    until(lambda: instance_holder(daemon.project) is None)
    found = run_operation(daemon.project, "workflow/get", control.WorkflowGetParams(id=run.workflow_id))
    assert found.status == "completed"


def test_follower_of_events_misses_nothing_after_its_subscription(daemon):
    daemon.start()
    client = ControlClient.connect(daemon.project)
    stream = client.stream("workflow/events", control.WorkflowEventsParams())
    run = daemon.run("quick", sync=True)
    kinds = []
    for event in stream:
        kinds.append(event.kind)
        assert event.workflow_id == run.workflow_id
        if event.kind == "run_completed":
            break
    client.close()
    assert kinds[0] == "run_started"


def test_start_that_fails_says_why(daemon):
    (daemon.root / "animus.toml").write_text('flavour = "default"\n')
    with pytest.raises(ControlError, match=r"animus.toml: unknown key 'flavour'; did you mean 'flavor'"):
        daemon.start()
    (daemon.root / "animus.toml").write_text('flavor = "nowhere"\n')
    with pytest.raises(ControlError, match="pip install animus-flavor-nowhere"):
        daemon.start()


def test_hostile_module_in_the_project_is_not_imported(daemon):
    for name in ("msgspec.py", "queue.py", "animus_kernel.py"):
        (daemon.root / name).write_text("import pathlib; pathlib.Path('OWNED').touch()\n")
    daemon.start()
    assert daemon.run("quick", sync=True).status == "completed"
    assert not (daemon.root / "OWNED").exists()


def test_socket_answers_what_is_no_request(daemon):
    daemon.start()
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(WAIT_SECONDS)
        raw.connect(str(socket_path(daemon.project)))
        raw.sendall(b'not json\n{"jsonrpc":"2.0","id":1,"method":"no/such"}\n')
        raw.sendall(b'{"jsonrpc":"2.0","id":"2","method":"queue/hold","params":{"id":7}}\n')
        stream = raw.makefile("rb")
        answers = [json.loads(stream.readline()) for _ in range(3)]
    assert [answer["error"]["code"] for answer in answers] == [-32700, -32601, -32602]
    assert answers[2]["error"]["data"]["category"] == "invalid_request"


SCHEDULES = """
schedules:
  - {id: tick, every: 1s, workflow_ref: quick, catch_up: fire_once}
  - {id: yearly, cron: "0 0 1 1 *", timezone: Europe/Berlin, workflow_ref: quick}
"""


def test_schedule_fires_each_moment_once_whatever_dies(daemon):
    path = daemon.root / ".animus" / "workflows.yaml"
    path.write_text(path.read_text() + SCHEDULES)
    started = daemon.start()
    for _ in range(2):
        have = len(daemon.events("schedule_enqueued"))
        until(lambda have=have: len(daemon.events("schedule_enqueued")) > have)
        os.kill(started.pid, signal.SIGKILL)
        until(lambda: instance_holder(daemon.project) is None)
        started = daemon.start()
    until(daemon.marks)
    row = daemon.call("schedule/disable", control.ScheduleIdParams(id="tick"))
    assert (row.enabled, row.next_at) == (False, None)
    until(lambda: not daemon.call("queue/list").entries)
    fires = daemon.call("schedule/history", control.ScheduleHistoryParams(id="tick", limit=500)).fires
    moments = [fire.at for fire in fires]
    assert len(set(moments)) == len(moments)
    entries = [fire.entry_id for fire in fires if fire.outcome == "enqueued"]
    assert len(set(entries)) == len(entries)
    runs = daemon.call("workflow/list", control.WorkflowListParams(limit=500)).runs
    assert {run.status for run in runs} == {"completed"}
    assert len(runs) == len(entries)
    yearly = daemon.call("schedule/get", control.ScheduleIdParams(id="yearly"))
    assert yearly.next_at.astimezone(zoneinfo.ZoneInfo("Europe/Berlin")).strftime("%m-%d %H:%M") == "01-01 00:00"


def test_work_of_a_schedule_can_be_asked_for_without_a_daemon(daemon):
    path = daemon.root / ".animus" / "workflows.yaml"
    path.write_text(path.read_text() + SCHEDULES)
    receipt = run_operation(daemon.project, "schedule/run", control.ScheduleIdParams(id="yearly"))
    assert (receipt.enqueued, receipt.subject_id) == (True, "schedule:yearly")
    daemon.start()
    until(lambda: daemon.marks() == ["before"])


def test_trigger_without_a_plugin_says_so_and_can_be_fired_by_hand(daemon):
    path = daemon.root / ".animus" / "workflows.yaml"
    path.write_text(
        path.read_text() + "\ntriggers:\n  - {id: hook, type: plugin, workflow_ref: quick, config: {plugin: absent}}\n"
    )
    daemon.start()
    row = until(lambda: next((row for row in daemon.call("trigger/list").triggers if row.problem), None))
    assert "absent" in row.problem
    params = control.TriggerFireParams(id="hook", payload={"n": 1}, event_id="e")
    first, again = daemon.call("trigger/fire", params), daemon.call("trigger/fire", params)
    assert (first.enqueued, again.enqueued, again.entry_id) == (True, False, first.entry_id)
    until(lambda: daemon.marks() == ["before"])


def test_metrics_tell_of_the_daemon_and_its_plugins(daemon):
    daemon.start()
    daemon.run("quick", sync=True)
    lines = daemon.call("daemon/metrics").splitlines()
    assert 'animus_events_total{kind="run_completed"} 1' in lines
    assert 'animus_plugin_up{plugin="queue-default"} 1' in lines
    [lag] = [line.split()[1] for line in lines if line.startswith("animus_loop_lag_max_seconds ")]
    assert float(lag) >= 0


def test_who_changed_what_is_on_record_as_an_unbroken_chain(daemon):
    daemon.start()
    daemon.run("quick", sync=True)
    daemon.call("queue/list")
    daemon.call("daemon/pause")
    rows = [json.loads(line) for line in daemon.project.audit_path.read_bytes().splitlines()]
    assert [(row["operation"], row["outcome"]) for row in rows] == [("workflow/run", "done"), ("daemon/pause", "done")]
    assert run_operation(daemon.project, "audit/verify").is_whole
    daemon.project.audit_path.write_bytes(daemon.project.audit_path.read_bytes().replace(b"quick", b"slowy"))
    verdict = run_operation(daemon.project, "audit/verify")
    assert (verdict.is_whole, verdict.line) == (False, 2)


def test_crash_of_a_plugin_leaves_a_report(daemon):
    daemon.start()
    os.kill(daemon.pid_of("queue-default"), signal.SIGKILL)
    daemon.call("queue/list")
    [report] = (daemon.project.state_dir / "crashes").iterdir()
    found = json.loads(report.read_bytes())
    assert (found["plugin"], found["detail"][:18]) == ("queue-default", "killed by signal 9")
    assert found["frames"]
    [death] = [event for event in read_events(daemon.project.events_path) if event.kind == "plugin_died"]
    assert death.payload["report"] == str(report)


def test_changed_file_becomes_a_run(daemon):
    if importlib.util.find_spec("animus_trigger_file") is None:
        pytest.skip("needs the file trigger installed")
    daemon.project.config_dir.mkdir(parents=True, exist_ok=True)
    command = json.dumps([sys.executable, "-P", "-m", "animus_trigger_file"])
    (daemon.project.config_dir / "plugins.toml").write_text(f"[plugins.watcher]\ncommand = {command}\n")
    path = daemon.root / ".animus" / "workflows.yaml"
    config = "{paths: ['*.md'], debounce_secs: 0}"
    path.write_text(
        f"{path.read_text()}\ntriggers:\n  - {{id: docs, type: file_watcher, workflow_ref: quick, config: {config}}}\n"
    )
    daemon.start()
    baseline = daemon.project.state_dir / "trigger-file" / "docs.json"
    until(baseline.exists)
    (daemon.root / "a.md").write_text("x")
    until(lambda: daemon.marks() == ["before"])
    [row] = daemon.call("trigger/list").triggers
    assert (row.problem, row.fired) == (None, 1)
    until(lambda: "a.md" in baseline.read_text())  # acknowledged, so it is not told again
