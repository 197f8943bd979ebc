import datetime

from animus_cli.render import flavor, lines_for
from animus_cli.terminal import Screen
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.config_source import ConfigDiagnostic
from animus_plugin_protocol.wire.queue import QueueStats
from animus_plugin_protocol.wire.subject import Subject, SubjectStatus
from animus_plugin_protocol.wire.workflow_runner import WaitingFor

NOW = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)
PIPE = Screen(width=None, colour=False, now=NOW)
TERMINAL = Screen(width=80, colour=False, now=NOW)
APPROVE = "animus workflow phase approve run-1"
GATE = WaitingFor(
    kind="gate",
    reason="Read the diff, then decide.",
    command=APPROVE,
    phase_id="approval",
    since="2026-03-01T11:57:00Z",
)


def minutes_ago(minutes):
    return NOW - datetime.timedelta(minutes=minutes)


def run(**changes):
    values = {"id": "run-1", "definition": "animus.task/standard", "status": "running", "started_at": minutes_ago(9)}
    return control.WorkflowRunSummary(**values | {"subject_id": "task:TASK-001"} | changes)


STATUS = control.ProjectStatusResult(
    project_root="/home/me/project",
    repo_scope="project-0123456789ab",
    flavor="default",
    daemon=control.DaemonStatusResult(
        running=True, pid=7, uptime_seconds=125.0, active_runs=1, pool_size=4, parked_runs=1
    ),
    queue=QueueStats(total=3, pending=1, assigned=2, held=0),
    active=[run(id="run-2", current_phase="test", attempt=2)],
    waiting=[run(status="paused", waiting=GATE)],
    recent=[run(id="run-0", status="completed", finished_at=minutes_ago(4))],
    subjects={"task": {"ready": 2, "in-progress": 1}},
    problems=["The queue plugin was restarted 3 times."],
)


def test_status_is_one_screen_that_says_what_waits_and_the_command():
    lines = lines_for("project/status", STATUS, TERMINAL)
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    assert "daemon   running, pid 7, up 2 min, 1 of 4 slots busy, 1 parked" in text
    assert "queue    1 pending, 2 assigned" in text
    assert "task     1 in-progress, 2 ready" in text
    assert "test (attempt 2)" in text
    assert "4 min ago" in text
    assert f"    {APPROVE}" in lines
    assert "The queue plugin was restarted 3 times." in text


def test_status_of_an_idle_project_names_the_next_step():
    idle = control.ProjectStatusResult(
        project_root="/p",
        repo_scope="p-0",
        flavor="default",
        daemon=control.DaemonStatusResult(running=False),
        queue=QueueStats(total=1, pending=1, assigned=0, held=0),
    )
    assert lines_for("project/status", idle, PIPE)[-1] == "Work waits and no daemon runs. next: animus daemon start"


def test_a_run_shows_every_attempt_with_its_reason_and_what_it_waits_for():
    detail = {
        "subject": {"kind": "animus.task", "id": "TASK-001", "title": "Round up"},
        "branch": "animus/run-1",
        "phases": [
            {"path": "implementation", "mode": "agent", "attempt": 1, "status": "completed", "duration_secs": 1.25},
            {
                "path": "test",
                "mode": "command",
                "attempt": 1,
                "status": "rework",
                "verdict": "rework",
                "reason": "unittest exited with 1\nAssertionError: 1 != 2",
                "duration_secs": 0.4,
            },
        ],
    }
    result = control.WorkflowGetResult(
        id="run-1",
        definition="animus.task/standard",
        status="paused",
        started_at=minutes_ago(9),
        subject_id="task:TASK-001",
        waiting=GATE,
        detail=detail,
    )
    lines = lines_for("workflow/get", result, TERMINAL)
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    assert "subject   task:TASK-001 Round up" in text
    assert "implementation  agent          1  completed" in text
    assert "test, attempt 1:\n  unittest exited with 1\n  AssertionError: 1 != 2" in text
    assert "It waits at 'approval' for 3 min (gate): Read the diff, then decide." in text
    assert lines[-1] == f"next: {APPROVE}"


def test_a_run_without_a_record_is_shown_too():
    result = control.WorkflowGetResult(id="run-1", definition="check", status="pending", started_at=NOW)
    assert lines_for("workflow/get", result, PIPE)[0] == "run       run-1"


def test_findings_are_in_the_form_editors_know():
    result = control.ConfigValidateResult(
        diagnostics=[
            ConfigDiagnostic(severity="error", message="unknown key 'phase'", file="w.yaml", line=3, column=5),
            ConfigDiagnostic(severity="warning", message="nothing runs this"),
        ],
        workflows=["check"],
    )
    assert lines_for("workflow/config/validate", result, PIPE) == [
        "w.yaml:3:5: error: unknown key 'phase'",
        "warning: nothing runs this",
        "1 error, 1 warning",
        "Workflows: check",
    ]


def test_queue_entries_say_why_they_wait():
    row = control.QueueEntryRow(
        id="e-1",
        subject_id="task:TASK-001",
        workflow_ref="check",
        status="held",
        control_status="held",
        enqueued_at="2026-03-01T11:00:00Z",
        hold_reason="after the release",
    )
    stats = QueueStats(total=1, pending=0, assigned=0, held=1)
    lines = lines_for("queue/list", control.QueueListResult(entries=[row], total=5, stats=stats), PIPE)
    assert "after the release" in lines[1]
    assert "1 h ago" in lines[1]
    assert lines[2] == "1 of 5; more with --offset"


def test_subjects_are_listed_and_shown():
    subject = Subject(
        id="task:TASK-001",
        kind="task",
        title="Round up",
        status=SubjectStatus.READY,
        created_at=minutes_ago(5),
        updated_at=minutes_ago(5),
        priority=1,
        description="Half cents\nround up.",
    )
    page = lines_for("subject/list", control.SubjectListResult(subjects=[subject], next_cursor="c2"), PIPE)
    assert page[1].startswith("task:TASK-001  ready")
    assert page[-1] == "There are more: --cursor c2"
    one = lines_for("subject/get", subject, PIPE)
    assert one[-2:] == ["Half cents", "round up."]
    assert lines_for("subject/next", control.SubjectNextResult(), PIPE) == ["Nothing is ready."]


def test_plugins_that_are_not_trusted_come_with_the_command():
    row = control.PluginRow(name="mine", source="project", location=".animus/plugins/mine", trusted=False)
    result = control.PluginListResult(plugins=[row], total=1, searched=["/venv/lib"])
    text = "\n".join(lines_for("plugin/list", result, PIPE))
    assert "next: animus plugin trust .animus/plugins/mine" in text
    assert "-m pip install NAME" in text


def test_flavors_show_what_they_lack():
    row = control.FlavorRow(
        id="default", version="0.1.0", title="Default", active=True, missing=["animus-queue-default"]
    )
    assert "animus-queue-default" in flavor.installed(control.FlavorListResult(flavors=[row], total=1), PIPE)[1]
    used = control.FlavorUseResult(id="default", manifest="animus.toml", missing=["x"], install_command="pip install x")
    assert flavor.used(used, PIPE)[-1] == "next: pip install x"


def test_an_event_is_one_line_with_the_facts_that_matter_first():
    event = control.DaemonEvent(
        id="1",
        seq=1,
        occurred_at=NOW,
        kind="run_failed",
        payload={"pid": 3, "reason": "tests\nfail", "status": "failed"},
    )
    (line,) = lines_for("daemon/events", event, PIPE)
    assert line.endswith("run_failed            status=failed  reason=tests fail  pid=3")
