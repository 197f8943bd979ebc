"""Entries that are not begun, entries that left, and subjects nobody works on."""

import json

import pytest

pytestmark = pytest.mark.ci

LATER = """
phases:
  plain: {mode: command, command: {program: "true"}}
workflows:
  - {id: later, worktree: skip, VARIABLES phases: [PHASE]}
"""
SCHEDULED = """
schedules:
  - {id: nightly, cron: "0 3 1 1 *", workflow_ref: quick}
"""


def _later(stage, *, variables="", phase="plain"):
    return stage.define("later", LATER.replace("VARIABLES", variables).replace("PHASE", phase))


def test_held_entry_is_released(stage):
    subject = stage.task()
    stage.do("daemon", "pause")
    stage.ask("quick", task=subject)
    stage.do("queue", "hold", stage.entry(subject), "--reason", "wait for the release")
    stage.do("daemon", "resume")
    stage.frees("held", subject)
    stage.until(subject, "completed")


def test_entry_of_a_broken_definition_is_begun_once_that_is_mended(stage):
    _later(stage)
    stage.do("daemon", "pause")
    subject = stage.ask("later")
    _later(stage, phase="nothing")
    stage.frees("workflow-disabled", subject, mend=lambda: _later(stage))
    stage.do("daemon", "resume")
    stage.until(subject, "completed")


def test_entry_of_a_removed_workflow_is_begun_once_that_is_back(stage):
    path = _later(stage)
    stage.do("daemon", "pause")
    subject = stage.ask("later")
    path.unlink()
    stage.frees("workflow-gone", subject, mend=lambda: _later(stage))
    stage.do("daemon", "resume")
    stage.until(subject, "completed")


def test_run_without_its_variable_is_asked_for_with_it(stage):
    _later(stage)
    stage.do("daemon", "pause")
    subject = stage.ask("later")
    _later(stage, variables="variables: [{name: depth, required: true}],")
    stage.do("daemon", "resume")
    stage.until(subject, "failed")
    row = stage.cause("variable-missing", subject)
    assert row["command"].endswith(f"--subject {subject}")
    stage.do(*row["command"].split()[1:], "--var", "depth=1")
    stage.until(subject, "completed")


def test_entry_of_a_removed_subject_is_dropped(stage):
    stage.do("daemon", "pause")
    subject = stage.ask("quick")
    entry = stage.entry(subject)
    stage.do("plugin", "call", "subject-default", "task/delete", "--params", json.dumps({"id": subject}))
    stage.frees("subject-gone", entry)
    assert entry not in [row["id"] for row in stage.json("queue", "list")["entries"]]
    stage.do("daemon", "resume")


def test_entry_that_was_put_off_is_dropped(stage):
    subject = stage.ask("quick", "--run-at", "2100-01-01T00:00:00Z")
    stage.frees("not-due", subject)
    assert stage.json("queue", "stats")["deferred"] == 0
    stage.frees("dropped", subject)
    stage.again(subject, "quick")


def test_second_entry_of_a_subject_is_begun_after_the_first(stage):
    subject = stage.ask("wait")
    stage.begun(subject)
    wish = {"subject": {"kind": "task", "id": subject, "title": "Do it"}, "workflow_ref": "quick"}
    wish |= {"trigger_source": "another host", "requested_at": "2026-01-01T00:00:00Z"}
    params = json.dumps({"subject_dispatch": wish})
    second = stage.json("plugin", "call", "queue-default", "queue/enqueue", "--params", params)["entry_id"]
    stage.frees("subject-busy", second, mend=lambda: stage.let(subject))
    stage.wait_until(lambda: stage.json("queue", "stats")["total"] == 0, what="both")
    assert stage.run(subject)["definition"] == "quick"


def test_full_pool_is_made_larger(stage):
    busy = [stage.ask("wait") for _ in range(4)]
    for one in busy:
        stage.begun(one)
    subject = stage.ask("quick")
    row = stage.cause("no-capacity", subject)
    stage.do(*row["command"].replace(" N", " 5").split()[1:])
    stage.do("daemon", "restart")
    stage.until(subject, "completed")
    for one in busy:
        stage.let(one)
        stage.until(one, "completed")
    stage.do("daemon", "config", "--pool-size", "4")
    stage.do("daemon", "restart")


def test_entry_behind_others_is_put_first(stage):
    stage.do("daemon", "pause")
    first, second = stage.ask("quick"), stage.ask("quick")
    stage.frees("behind-others", second)
    rows = [row["subject_id"] for row in stage.json("queue", "list")["entries"]]
    assert rows.index(second) < rows.index(first)
    stage.do("daemon", "resume")
    stage.until(second, "completed")
    stage.until(first, "completed")


def test_entry_whose_time_passed_is_asked_for_again(stage):
    stage.do("daemon", "pause")
    subject = stage.ask("quick", "--run-at", "2020-01-01T00:00:00Z", "--expire-after-secs", "1")
    entry = stage.entry(subject)
    stage.do("daemon", "resume")
    stage.frees("expired", entry)
    stage.again(subject, "quick")


def test_blocked_subject_is_made_ready(stage):
    subject = stage.task()
    stage.do("subject", "status", subject, "blocked")
    stage.frees("blocked", subject)
    assert stage.json("subject", "get", subject)["status"] == "ready"


def test_work_that_nobody_asked_for_is_asked_for(stage):
    subject = stage.task()
    stage.frees("not-asked-for", subject)
    stage.until(subject, "completed")


def test_settled_subject_is_told_as_such(stage):
    subject = stage.task()
    stage.do("subject", "status", subject, "done")
    assert stage.frees("settled", subject)["command"] is None


def test_schedule_waits_is_switched_off_and_on(stage):
    stage.define("scheduled", SCHEDULED)
    stage.frees("schedule-waits", "schedule:nightly")
    stage.wait_until(lambda: _scheduled(stage), what="the schedule's run")
    stage.do("schedule", "disable", "nightly")
    stage.frees("schedule-disabled", "schedule:nightly")
    stage.cause("schedule-waits", "schedule:nightly")
    stage.do("daemon", "stop")
    stage.frees("schedule-unheard", "schedule:nightly")
    stage.cause("schedule-waits", "schedule:nightly")


def _scheduled(stage):
    runs = stage.json("workflow", "list", "--subject", "schedule:nightly", "--limit", "1")["runs"]
    return runs and runs[0]["status"] == "completed"
