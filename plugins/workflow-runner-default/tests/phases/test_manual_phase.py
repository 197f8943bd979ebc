"""Gates: park, approve, reject, time-out, and the signals a run takes."""

import time

import pytest

GATED = """
tools_allowlist: [sh]
workflows:
  - id: w
    phases: [gate, after]
phases:
  gate:
    mode: manual
    manual: {instructions: "Look at {{subject_title}}", approval_note_required: NOTE}
  after: {mode: command, command: {program: sh, args: [-c, "echo ran >> marker"]}}
"""


def test_gate_parks_the_run_and_approval_lets_the_next_phase_run(host, define, project):
    define(GATED.replace("NOTE", "false"))
    parked = host.execute("w", workflow_id="g1")
    assert parked["workflow_status"] == "paused"
    assert parked["phase_results"][-1]["status"] == "manual_pending"
    assert parked["waiting"]["kind"] == "gate"
    assert parked["waiting"]["command"] == "animus workflow phase approve g1"
    assert parked["waiting"]["reason"] == "Look at A title"
    assert host.call("workflow/execute", {"workflow_id": "g1"})["workflow_status"] == "paused"
    answer = host.signal("g1", "approve")
    assert (answer["status"], answer["runnable"]) == ("pending", True)
    done = host.call("workflow/execute", {"workflow_id": "g1"})
    assert done["workflow_status"] == "completed"
    assert (project / "marker").read_text() == "ran\n"
    again = host.call("workflow/execute", {"workflow_id": "g1"})
    assert again["workflow_status"] == "completed"
    assert (project / "marker").read_text() == "ran\n"


def test_approval_without_a_required_note_is_refused(host, define, rpc_error):
    define(GATED.replace("NOTE", "true"))
    host.execute("w", workflow_id="g2")
    with pytest.raises(rpc_error, match="--note") as refusal:
        host.signal("g2", "approve", note="  ")
    assert refusal.value.code == -32602
    assert host.signal("g2", "approve", note="looked at it", phase_id="gate")["runnable"] is True


def test_rejection_fails_the_run_with_its_note(host, define, project):
    define(GATED.replace("NOTE", "false"))
    host.execute("w", workflow_id="g3")
    answer = host.signal("g3", "reject", note="not good enough")
    assert (answer["status"], answer["runnable"]) == ("failed", False)
    result = host.call("workflow/execute", {"workflow_id": "g3"})
    assert result["workflow_status"] == "failed"
    assert result["reason"] == "not good enough"
    assert not (project / "marker").exists()


SENT_BACK = """
tools_allowlist: [sh]
workflows:
  - {id: w, phases: [made, gate: {on_verdict: {ROUTE: {target: made}}}, after]}
phases:
  made:
    mode: command
    retry: {max_attempts: 1}
    command: {program: sh, args: [-c, "cat $ANIMUS_CONTEXT_FILE >> contexts"]}
  gate: {mode: manual, manual: {instructions: Look at it.}}
  after: {mode: command, command: {program: "true"}}
"""


@pytest.mark.parametrize("route", ["fail", "rework"])
def test_rejection_takes_the_route_of_its_place(host, define, project, route):
    define(SENT_BACK.replace("ROUTE", route))
    host.execute("w", workflow_id="g9")
    answer = host.signal("g9", "reject", note="do it again")
    assert (answer["status"], answer["runnable"]) == ("pending", True)
    parked = host.call("workflow/execute", {"workflow_id": "g9"})
    assert [item["phase_id"] for item in parked["phase_results"]] == ["made", "gate", "made", "gate"]
    assert "do it again" in (project / "contexts").read_text()
    answer = host.signal("g9", "reject", note="and again")
    assert (answer["status"], answer["runnable"]) == ("escalated", False)
    assert host.call("workflow/execute", {"workflow_id": "g9"})["reason"].endswith("and again")


def test_rejection_passes_by_a_route_whose_guard_does_not_hold(host, define):
    guarded = SENT_BACK.replace("ROUTE: {target: made}", "fail: {target: made, guard: \"priority == 'high'\"}")
    define(guarded)
    host.execute("w", workflow_id="g10")
    answer = host.signal("g10", "reject", note="no")
    assert (answer["status"], answer["runnable"]) == ("failed", False)


def test_gate_survives_a_restart_of_the_runner(start_host, define, project):
    define(GATED.replace("NOTE", "false"))
    first = start_host()
    first.execute("w", workflow_id="g4")
    first.kill()
    second = start_host()
    assert second.signal("g4", "approve")["runnable"] is True
    assert second.call("workflow/execute", {"workflow_id": "g4"})["workflow_status"] == "completed"
    assert (project / "marker").read_text() == "ran\n"


def test_gate_fails_the_run_once_its_time_is_over(host, define, rpc_error):
    define(GATED.replace("approval_note_required: NOTE", "timeout_secs: 1"))
    parked = host.execute("w", workflow_id="g5")
    assert parked["waiting"]["expires_at"] > parked["waiting"]["since"]
    deadline = time.monotonic() + 60
    while (status := host.call("workflow/execute", {"workflow_id": "g5"})["workflow_status"]) == "paused":
        assert time.monotonic() < deadline
    assert status == "failed"
    with pytest.raises(rpc_error) as refusal:
        host.signal("g5", "approve")
    assert refusal.value.code == -32103


def test_resume_at_a_gate_says_that_approval_is_needed(host, define, rpc_error):
    define(GATED.replace("NOTE", "false"))
    host.execute("w", workflow_id="g6")
    with pytest.raises(rpc_error, match="phase approve g6") as refusal:
        host.signal("g6", "resume")
    assert refusal.value.code == -32105


SLOW = """
tools_allowlist: [sh]
workflows:
  - id: w
    phases: [one, two]
phases:
  one: {mode: command, command: {program: sh, args: [-c, "echo $$$$ > pid; while [ ! -e go ]; do sleep 0.02; done"]}}
  two: {mode: command, command: {program: sh, args: [-c, "echo two >> marker"]}}
"""


def test_pause_takes_effect_after_the_running_phase(host, define, project):
    define(SLOW)
    number = host.begin_execute("w", workflow_id="p1")
    host.wait_progress(number, kind="started", phase_id="one")
    assert host.signal("p1", "pause")["runnable"] is False
    (project / "go").touch()
    result = host.finish(number)
    assert result["workflow_status"] == "paused"
    assert result["waiting"]["command"] == "animus workflow resume p1"
    assert not (project / "marker").exists()
    assert host.signal("p1", "resume")["runnable"] is True
    assert host.call("workflow/execute", {"workflow_id": "p1"})["workflow_status"] == "completed"


def test_cancel_ends_the_processes_of_a_running_phase(host, define, project):
    define(SLOW)
    number = host.begin_execute("w", workflow_id="c1")
    host.wait_progress(number, kind="started", phase_id="one")
    deadline = time.monotonic() + 60
    while not (project / "pid").exists() or not (project / "pid").read_text().strip():
        assert time.monotonic() < deadline
    assert host.signal("c1", "cancel", note="no longer needed")["status"] == "cancelled"
    result = host.finish(number)
    assert result["workflow_status"] == "cancelled"
    assert result["reason"] == "no longer needed"
    assert not list((host.state_dir / "processes").glob("*.json"))


def test_request_that_the_host_cancels_ends_the_execution_but_not_the_run(host, define, project):
    define(SLOW.replace("one: {mode: command,", "one: {mode: command, idempotency: idempotent,"))
    number = host.begin_execute("w", workflow_id="c2")
    host.wait_progress(number, kind="started", phase_id="one")
    host._send({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": number}})
    with pytest.raises(Exception, match="-32002"):
        host.finish(number)
    assert not list((host.state_dir / "processes").glob("*.json"))
    (project / "go").touch()
    assert host.call("workflow/execute", {"workflow_id": "c2"})["workflow_status"] == "completed"


def test_signal_to_an_unknown_run_is_refused(host, define, rpc_error):
    define(SLOW)
    with pytest.raises(rpc_error) as refusal:
        host.signal("nobody", "cancel")
    assert refusal.value.code == -32101


def test_approval_whose_route_leads_back_to_a_phase_without_budget_escalates(host, define):
    define(
        "tools_allowlist: [sh]\n"
        "workflows: [{id: w, worktree: skip, phases: [{gate: {on_verdict: {advance: {target: gate}}}}]}]\n"
        "phases: {gate: {mode: manual, retry: {max_attempts: 0}, manual: {instructions: look}}}\n"
    )
    host.execute("w", workflow_id="e1")
    answer = host.signal("e1", "approve")
    assert (answer["status"], answer["runnable"]) == ("escalated", False)
