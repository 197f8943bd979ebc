"""Each state of the table, injected as the facts that make it."""

import datetime

import pytest

from animus_cli.causes.picture import Picture, take_picture
from animus_cli.causes.states import STATES, UNKNOWN, explain
from animus_cli.commands.why import why
from animus_cli.entry import command_tree
from animus_cli.failure import CommandError
from animus_control.errors import ControlError
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.queue import QueueStats
from animus_plugin_protocol.wire.queue_care import QueueHistoryEntry, QueueHistoryResult
from animus_plugin_protocol.wire.subject import Subject, SubjectStatus
from animus_plugin_protocol.wire.workflow_runner import WaitingFor

LOOK = "animus workflow get run-1"
NOW = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)
UP = control.DaemonStatusResult(running=True, active_runs=0, pool_size=2)
DOWN = control.DaemonStatusResult(running=False)


def entry(**changes):
    values = {
        "id": "entry-1",
        "subject_id": "task:TASK-001",
        "workflow_ref": "Check",
        "status": "pending",
        "control_status": "ready",
        "enqueued_at": "2026-03-01T11:00:00Z",
    }
    return control.QueueEntryRow(**values | changes)


def run(status, **changes):
    values = {"id": "run-1", "definition": "check", "status": status, "started_at": NOW, "subject_id": "task:TASK-001"}
    return control.WorkflowRunSummary(**values | changes)


def parked(kind):
    waiting = WaitingFor(kind=kind, reason="Look.", command="animus free run-1", phase_id="gate")
    return run("paused", waiting=waiting)


def subject(status):
    word = SubjectStatus(status)
    return Subject(id="task:TASK-001", kind="task", title="Do it", status=word, created_at=NOW, updated_at=NOW)


def picture(**facts):
    row = facts.get("entry")
    values = {"target": "task:TASK-001", "now": NOW, "daemon": UP, "workflows": frozenset({"check"})}
    values |= {"entries": () if row is None else (row,)}
    values |= {"subject": subject("in-progress")} if row is not None else {}
    values |= facts
    return Picture(**values)


def health(status):
    row = control.PluginHealth(name="queue-default", kinds=["queue"], status=status, last_error="it died")
    return control.DaemonHealthResult(status="degraded", plugins=[row])


def asking(kind):
    waiting = WaitingFor(
        kind="interaction", reason="May I?", command="animus free run-1", phase_id="code", interaction_kind=kind
    )
    return run("running", current_phase="code", waiting=waiting)


def merging(reason):
    return run("paused", waiting=WaitingFor(kind="merge", reason=reason, command="animus free run-1"))


def because(reason, status="failed"):
    return picture(run=run(status, reason=reason))


def called(status, **changes):
    return {"calls": [{"target": "claude", "try": 1, "status": status} | changes]}


def gone(outcome, by="queue/drop"):
    return QueueHistoryEntry(
        entry_id="entry-1", subject_id="task:TASK-001", workflow_ref="check", outcome=outcome,
        enqueued_at="2026-03-01T10:00:00Z", finished_at="2026-03-01T11:00:00Z", finished_by=by,
    )  # fmt: skip


def schedule(**changes):
    values = {"id": "nightly", "workflow_ref": "check", "when": "@daily", "timezone": "UTC", "enabled": True}
    return control.ScheduleRow(**values | {"catch_up": "skip"} | changes)


TOMORROW = NOW + datetime.timedelta(days=1)
EXPIRED = WaitingFor(kind="gate", reason="Look.", command="x", phase_id="gate", expires_at="2026-03-01T11:00:00Z")
MISSING = "role 'queue' has no plugin; install it with: pip install animus-queue-default"
HELD = entry(status="held", hold_reason="wait for the release")
LATER = entry(run_at="2026-03-02T00:00:00Z")
LEASED = entry(status="assigned", workflow_id="run-1", lease_owner="animus:p", lease_expires_at="2026-03-01T11:00:00Z")
BUSY = entry(id="entry-0", status="assigned", workflow_id="run-0")
OTHER = entry(id="entry-0", subject_id="task:TASK-002")

CASES = {
    "gate-expired": (picture(run=run("paused", waiting=EXPIRED)), LOOK),
    "gate": (picture(run=parked("gate")), "animus free run-1"),
    "approval-asked": (picture(run=asking("approval")), "animus free run-1"),
    "question-asked": (picture(run=asking("question")), "animus free run-1"),
    "may-have-had-effects": (picture(run=parked("blocked")), "animus free run-1"),
    "merge-conflict": (picture(run=merging("merging 'x' conflicts in a.py")), "animus free run-1"),
    "merge-over-your-work": (
        picture(run=merging("'main' is checked out with uncommitted changes")),
        "animus free run-1",
    ),
    "merge-stopped": (picture(run=parked("merge")), "animus free run-1"),
    "budget-exhausted": (picture(run=parked("budget")), "animus free run-1"),
    "evaluation-failed": (picture(run=parked("eval")), "animus free run-1"),
    "paused-by-request": (picture(run=parked("paused")), "animus free run-1"),
    "held": (picture(entry=HELD), "animus queue release entry-1"),
    "workflow-disabled": (
        picture(entry=entry(), workflows=frozenset(), disabled={"check": "no phase"}),
        "animus workflow config validate",
    ),
    "workflow-gone": (picture(entry=entry(), workflows=frozenset({"other"})), "animus workflow config validate"),
    "subject-gone": (picture(entry=entry(), subject=None), "animus queue drop entry-1"),
    "not-due": (picture(entry=LATER), "animus queue drop entry-1"),
    "subject-busy": (picture(entry=entry(), entries=(BUSY, entry())), "animus why run-0"),
    "schedule-disabled": (picture(schedule=schedule(enabled=False)), "animus schedule enable nightly"),
    "schedule-unheard": (picture(schedule=schedule(), daemon=DOWN), "animus daemon start"),
    "schedule-late": (picture(schedule=schedule(waiting=2)), "animus schedule history nightly"),
    "schedule-waits": (picture(schedule=schedule(next_at=TOMORROW)), "animus schedule run nightly"),
    "daemon-not-running": (picture(entry=entry(), daemon=DOWN), "animus daemon start"),
    "daemon-not-answering": (
        picture(entry=entry(), daemon=control.DaemonStatusResult(running=True, pid=7)),
        "animus daemon restart",
    ),
    "daemon-paused": (
        picture(entry=entry(), daemon=control.DaemonStatusResult(running=True, pool_size=2, paused=True)),
        "animus daemon resume",
    ),
    "daemon-draining": (
        picture(entry=entry(), daemon=control.DaemonStatusResult(running=True, pool_size=2, draining=True)),
        "animus daemon restart",
    ),
    "plugin-untrusted": (
        picture(entry=entry(), problems=("no queue",), untrusted=(".animus/plugins/q",)),
        "animus plugin trust .animus/plugins/q",
    ),
    "plugin-missing": (picture(entry=entry(), problems=(MISSING,)), "animus doctor"),
    "plugin-cooling-down": (picture(entry=entry(), health=health("cooling_down")), "animus daemon health"),
    "plugin-restarting": (picture(entry=entry(), health=health("backoff")), "animus daemon health"),
    "no-room-for-plugin": (
        picture(run=run("running", current_phase="test"), health=health("out_of_room")),
        "animus daemon config --plugin-processes N",
    ),
    "lease-lapsed": (picture(entry=LEASED, run=run("running", current_phase="test")), "animus daemon restart"),
    "run-without-entry": (
        picture(run=run("running", current_phase="test"), entries=(OTHER,)),
        "animus workflow cancel run-1",
    ),
    "no-capacity": (
        picture(entry=entry(), daemon=control.DaemonStatusResult(running=True, active_runs=2, pool_size=2)),
        "animus daemon config --pool-size N",
    ),
    "behind-others": (picture(entry=entry(), entries=(OTHER, entry())), "animus queue reorder entry-1"),
    "next": (picture(entry=entry()), "animus daemon events --follow"),
    "quota-exhausted": (
        picture(run=run("failed"), phase=called("failed", failure="provider_exhaustion")),
        LOOK,
    ),
    "agent-not-signed-in": (picture(run=run("failed"), phase=called("failed", failure="auth")), "animus doctor"),
    "agent-target-unavailable": (
        picture(run=run("failed"), phase=called("failed", failure="target_unavailable")),
        "animus doctor",
    ),
    "agent-tries-again": (
        picture(run=run("running"), phase=called("running", **{"try": 2})),
        "animus output read run-1",
    ),
    "running": (picture(run=run("running", current_phase="test", attempt=2)), "animus workflow get run-1"),
    "rework-exhausted": (
        because("rework budget exceeded for phase test (2 reworks, max 2): no", "escalated"),
        "animus workflow decisions run-1",
    ),
    "decision-invalid": (because("phase 'x' returned an invalid decision: no verdict"), "animus output read run-1"),
    "timed-out": (because("command 'x' ran longer than its timeout of 3 s"), "animus output read run-1"),
    "program-not-allowed": (because("program 'x' is not in tools_allowlist"), "animus workflow config validate"),
    "program-missing": (because("program 'x' was not found on PATH; install it"), "animus doctor"),
    "provider-missing": (because("no provider answers to 'x'; providers here: y"), "animus plugin list"),
    "environment-missing": (because("the environment variable 'X' is not set for it"), "animus daemon restart"),
    "variable-missing": (
        because("workflow 'check' needs the variable 'who'"),
        "animus workflow run check --subject task:TASK-001",
    ),
    "disk-full": (because("OSError: No space left on device"), "animus workflow prune --older-than 30"),
    "failed": (picture(run=run("failed", reason="exit code 1")), "animus workflow get run-1"),
    "escalated": (picture(run=run("escalated", reason="no budget")), "animus workflow get run-1"),
    "cancelled": (picture(run=run("cancelled")), "animus workflow run check --subject task:TASK-001"),
    "blocked": (picture(subject=subject("blocked")), "animus subject status task:TASK-001 ready"),
    "expired": (picture(past=gone("dropped", by="expiry-sweep")), "animus queue history"),
    "dropped": (picture(past=gone("dropped")), "animus queue history"),
    "completed": (picture(run=run("completed")), None),
    "settled": (picture(subject=subject("done")), None),
    "not-asked-for": (picture(subject=subject("ready")), "animus queue enqueue --subject task:TASK-001"),
    "daemon-outdated": (
        picture(entry=entry(), daemon=control.DaemonStatusResult(running=True, pool_size=2, version="0"), version="1"),
        "animus daemon restart",
    ),
}


def test_every_state_of_the_table_is_injected():
    assert list(CASES) == [state.name for state in STATES]
    assert len(STATES) >= 40


@pytest.mark.parametrize("name", CASES)
def test_a_state_is_named_with_its_cause_owner_and_command(name):
    facts, command = CASES[name]
    cause = next(cause for cause in explain(facts) if cause.state == name)
    assert cause.cause
    assert cause.owner
    assert cause.command == command


@pytest.mark.parametrize("name", [name for name in CASES if name != "daemon-outdated"])
def test_the_state_that_was_injected_comes_first(name):
    assert explain(CASES[name][0])[0].state == name


def test_an_entry_can_have_several_causes():
    facts = picture(entry=entry(), entries=(OTHER, entry()), daemon=DOWN)
    assert [cause.state for cause in explain(facts)] == ["daemon-not-running", "behind-others"]


def test_a_run_at_a_gate_does_not_need_a_daemon():
    assert [cause.state for cause in explain(picture(run=parked("gate"), daemon=DOWN))] == ["gate"]


@pytest.mark.parametrize(("status", "reason"), [("completed", None), ("failed", "exit code 1"), ("cancelled", None)])
def test_run_that_has_just_ended_is_explained_though_its_entry_has_not_heard(status, reason):
    own = entry(status="assigned", workflow_id="run-1", lease_owner="animus:p")
    assert explain(picture(entry=own, run=run(status, reason=reason)))[0].state == status
    other = entry(status="assigned", workflow_id="run-2", lease_owner="animus:p")
    assert explain(picture(entry=other, run=run(status, reason=reason)))[0].state == UNKNOWN


def test_subject_is_not_called_gone_when_its_backend_cannot_be_asked():
    def ask(name, params):
        if name == "subject/get":
            raise ControlError("unavailable", "it is out of room")
        return Answers(entries=[entry()])(name, params)

    taken = take_picture(ask, "task:TASK-001", NOW)
    assert taken.is_backend_mute
    assert [cause.state for cause in explain(taken)] == ["daemon-not-running"]


class Changing:
    """An invocation whose facts change while it asks: the first time nothing explains them."""

    def __init__(self):
        self.looks = 0
        self.shown = None

    def call(self, operation, params):
        if operation.name == "daemon/status":
            self.looks += 1
        found = run("strange" if self.looks == 1 else "completed")
        whole = control.WorkflowGetResult(**{name: getattr(found, name) for name in found.__struct_fields__})
        return Answers(workflow__get=whole)(operation.name, params)

    def show(self, data, lines):
        self.shown = data


def test_why_looks_once_more_at_what_changed_between_its_questions():
    changing = Changing()
    look = next(cell.cell_contents for cell in why.callback.__closure__ if callable(cell.cell_contents))
    look(changing, target="run-1")
    assert changing.looks == 2
    assert [row["state"] for row in changing.shown["causes"]] == ["completed"]


def test_what_nothing_explains_is_said_to_be_unknown():
    causes = explain(picture(run=run("strange")))
    assert [cause.state for cause in causes] == ["unknown"]
    assert causes[0].command == "animus daemon events"


class Answers:
    """Operations with prepared answers; everything else is not found."""

    def __init__(self, **answers):
        stats = QueueStats(total=0, pending=0, assigned=0, held=0)
        rows = answers.pop("entries", [])
        self.answers = {
            "daemon/status": DOWN,
            "queue/list": control.QueueListResult(entries=rows, total=len(rows), stats=stats),
            "workflow/list": control.WorkflowListResult(runs=[]),
            "workflow/config/get": control.WorkflowConfigResult(
                config={"workflows": {"check": {}}, "disabled": {"x": "y"}}
            ),
        } | {name.replace("__", "/"): answer for name, answer in answers.items()}

    def __call__(self, name, params):
        if name not in self.answers:
            raise ControlError("not_found", name)
        return self.answers[name]


def test_a_picture_of_a_subject_has_its_entry_and_the_workflows():
    taken = take_picture(Answers(entries=[entry()], subject__get=subject("ready")), "task:TASK-001", NOW)
    assert taken.entry is not None
    assert taken.subject is not None
    assert taken.workflows == {"check"}
    assert taken.disabled == {"x": "y"}


def test_a_picture_of_a_run_has_its_subject():
    found = control.WorkflowGetResult(
        id="run-1", definition="check", status="failed", started_at=NOW, subject_id="task:TASK-001"
    )
    taken = take_picture(Answers(workflow__get=found, subject__get=subject("blocked")), "run-1", NOW)
    assert [cause.state for cause in explain(taken)] == ["failed", "blocked"]


def test_a_schedule_is_asked_about_by_its_name():
    taken = take_picture(Answers(schedule__get=schedule(enabled=False, disabled_reason="no")), "schedule:nightly", NOW)
    assert [cause.cause for cause in explain(taken)] == ["schedule 'nightly' is disabled: no"]


def test_an_entry_that_left_the_queue_is_still_known():
    history = QueueHistoryResult(entries=[gone("dropped")])
    taken = take_picture(Answers(queue__history=history), "entry-1", NOW)
    assert explain(taken)[0].state == "dropped"


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_a_state_says_what_it_means_and_its_command_is_one(state):
    assert state.about.endswith(".")
    if state.command is not None and state.command != "{freeing}":
        words = state.command.split()
        assert words[0] == "animus"
        assert any(tuple(words[1 : 1 + depth]) in command_tree() for depth in (1, 2, 3))


def test_what_is_called_nothing_is_refused():
    with pytest.raises(CommandError, match="'nope'"):
        take_picture(Answers(), "nope", NOW)
