"""Runs that wait and runs that failed: told once, kept over restarts, answered the same way by every process."""

import pytest

FLOW = """
tools_allowlist: [sh]
workflows:
  - {id: waits, worktree: skip, phases: [work, gate, after]}
  - {id: fails, worktree: skip, phases: [work, broken, after]}
phases:
  work: {mode: command, command: {program: sh, args: [-c, "echo work >> marker"]}}
  gate: {mode: manual, manual: {instructions: "Look at {{subject_title}}.", approval_note_required: true}}
  broken: {mode: command, command: {program: sh, args: [-c, "sleep 60"], timeout_secs: 1}}
  after: {mode: command, command: {program: sh, args: [-c, "echo after >> marker"]}}
"""


def kinds(host, run_id: str) -> list[tuple[str, str | None]]:
    events = host.call("journal/events", {"run_id": run_id})["events"]
    return [(event["kind"], event.get("phase")) for event in events]


def test_gate_is_told_once_and_waits_over_restarts(start_host, define, project):
    define(FLOW)
    first = start_host()
    number = first.begin_execute("waits", workflow_id="w1")
    parked = first.finish(number)
    assert (parked["workflow_status"], parked["phase_results"][-1]["status"]) == ("paused", "manual_pending")
    assert parked["waiting"]["reason"] == "Look at A title."
    told = [event for event in first.progress[number] if event["phase_id"] == "gate"]
    assert [event["kind"] for event in told] == ["started", "completed"]
    first.kill()
    second = start_host()
    again = second.call("workflow/execute", {"workflow_id": "w1"})
    assert (again["workflow_status"], again["waiting"]) == ("paused", parked["waiting"])
    assert kinds(second, "w1") == [
        ("run_started", None),
        ("phase_started", "work"),
        ("phase_completed", "work"),
        ("phase_started", "gate"),
        ("phase_completed", "gate"),
    ]
    assert (project / "marker").read_text().split() == ["work"]


def test_answer_to_a_gate_is_kept_before_it_is_acted_on(start_host, define, project, rpc_error):
    define(FLOW)
    first = start_host()
    first.execute("waits", workflow_id="w2")
    with pytest.raises(rpc_error, match="asks for a note"):
        first.signal("w2", "approve")
    assert first.signal("w2", "approve", note="seen")["runnable"] is True
    first.kill()
    second = start_host()
    assert second.call("workflow/execute", {"workflow_id": "w2"})["workflow_status"] == "completed"
    assert (project / "marker").read_text().split() == ["work", "after"]


def test_failure_is_told_with_its_reason_and_answered_the_same_way_again(start_host, define, project):
    define(FLOW)
    first = start_host()
    number = first.begin_execute("fails", workflow_id="f1")
    failed = first.finish(number)
    assert failed["workflow_status"] == "failed"
    assert "ran longer than its timeout of 1 s" in failed["reason"]
    ended = [event for event in first.progress[number] if event["phase_id"] == "broken"][-1]
    assert (ended["kind"], ended["status"]) == ("completed", "failed")
    events = first.call("journal/events", {"run_id": "f1"})["events"]
    assert events[-1]["kind"] == "run_failed"
    assert "ran longer" in events[-1]["detail"]["reason"]
    first.kill()
    again = start_host().call("workflow/execute", {"workflow_id": "f1"})
    assert (again["workflow_status"], again["reason"]) == ("failed", failed["reason"])
    assert again["phase_events"] == failed["phase_events"]
    assert (project / "marker").read_text().split() == ["work"]
