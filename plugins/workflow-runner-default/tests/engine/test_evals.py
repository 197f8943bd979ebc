"""Evals on real runs: what passes, what sends a run back, what blocks it, and what a restart may not forget."""

import pytest

FLOW = """
tools_allowlist: [sh, test, grep]
workflows:
  - {id: w, phases: [work, after]}
phases:
  work:
    mode: command
    idempotency: idempotent
    command: {program: sh, args: [-c, "echo x >> marker; echo printed"]}
    retry: {max_attempts: 9}
    evals: EVALS
  after: {mode: command, command: {program: sh, args: [-c, "echo after >> marker"]}}
"""
THREE = "{id: three, kind: command, command: sh, args: [-c, 'test $(grep -c x marker) -ge 3'], working_dir: $REPO_ROOT}"


def rows(host, run_id: str):
    return host.call("workflow/inspect", {"what": "run", "workflow_id": run_id})["value"]


def test_failed_check_sends_the_run_back_until_it_passes(host, define, project):
    define(FLOW.replace("EVALS", f"{{on_fail: rework, max_reworks: 3, checks: [{THREE}]}}"))
    result = host.execute("w", workflow_id="e1")
    assert result["workflow_status"] == "completed", result
    assert (project / "marker").read_text().split() == ["x", "x", "x", "after"]
    blob = rows(host, "e1")
    assert blob["eval_counts"] == {"work": 2}
    assert blob["rework_counts"] == {}, "re-entries by evals are counted apart"
    first, *_, last = [row for row in blob["phases"] if row["phase_id"] == "work"]
    assert (first["status"], first["checks"][0]["passed"], last["checks"][0]["passed"]) == ("rework", False, True)
    assert "evals of phase 'work' failed: 0 of 1 checks passed" in first["reason"]
    assert "expected exit code 0" in first["reason"]


def test_failed_evals_block_and_a_note_lets_the_run_go_on(host, define, project, rpc_error):
    define(FLOW.replace("EVALS", f"{{checks: [{THREE}]}}"))
    parked = host.execute("w", workflow_id="b1")
    assert (parked["workflow_status"], parked["waiting"]["kind"]) == ("paused", "eval")
    assert parked["waiting"]["command"] == "animus workflow phase approve b1 --note TEXT"
    assert parked["waiting"]["phase_id"] == "work"
    with pytest.raises(rpc_error, match="asks for a note"):
        host.signal("b1", "approve")
    assert host.signal("b1", "approve", note="good enough")["runnable"] is True
    done = host.call("workflow/execute", {"workflow_id": "b1"})
    assert done["workflow_status"] == "completed"
    assert (project / "marker").read_text().split() == ["x", "after"]
    first = done["phase_results"][0]
    assert "approved: good enough" in first["outcome"]["decision"]["reason"]
    assert first["outcome"]["result"]["exit_code"] == 0, "what the phase made of itself is kept"


def test_blocked_phase_may_be_rejected_or_run_again(host, define, project):
    define(FLOW.replace("EVALS", f"{{checks: [{THREE}]}}"))
    host.execute("w", workflow_id="r1")
    assert host.signal("r1", "resume")["runnable"] is True
    again = host.call("workflow/execute", {"workflow_id": "r1"})
    assert (again["workflow_status"], again["waiting"]["kind"]) == ("paused", "eval")
    assert (project / "marker").read_text().split() == ["x", "x"]
    assert "evals of phase" in rows(host, "r1")["attempts"][1]["rework_context"]
    rejected = host.signal("r1", "reject", note="no")
    assert (rejected["status"], rejected["runnable"]) == ("failed", False)


def test_reworks_that_are_used_up_block(host, define, project):
    define(FLOW.replace("EVALS", f"{{on_fail: rework, max_reworks: 1, checks: [{THREE}]}}"))
    parked = host.execute("w", workflow_id="u1")
    assert parked["waiting"]["kind"] == "eval"
    assert "sent back 1 times, the most its evals allow" in parked["waiting"]["reason"]
    assert (project / "marker").read_text().split() == ["x", "x"]


def test_counter_survives_the_death_of_the_runner(start_host, define, project):
    hang = "[ -e go ] || [ $(grep -c x marker) -lt 2 ] || sleep 300; test $(grep -c x marker) -ge 9"
    check = f"{{id: c, kind: command, command: sh, args: [-c, '{hang}']}}"
    define(FLOW.replace("EVALS", f"{{on_fail: rework, max_reworks: 2, checks: [{check}]}}"))
    first = start_host()
    number = first.begin_execute("w", workflow_id="k1")
    first.wait_progress(number, kind="started", phase_id="work", attempt=2)
    first.kill()
    (project / "go").touch()
    result = start_host().call("workflow/execute", {"workflow_id": "k1"})
    assert result["waiting"]["kind"] == "eval"
    assert "sent back 2 times" in result["waiting"]["reason"]


@pytest.mark.parametrize(
    ("check", "passes"),
    [
        ("{id: c, kind: regex, pattern: '^printed$'}", True),
        ("{id: c, kind: regex, pattern: nothing}", False),
        ("{id: c, kind: regex, pattern: nothing, must_match: false}", True),
        ("{id: c, kind: regex, pattern: x, file: marker}", True),
        ("{id: c, kind: regex, pattern: x, file: absent}", False),
        ("{id: c, kind: regex, pattern: root, file: link}", False),
        ("{id: c, kind: command, command: 'false'}", False),
        ("{id: c, kind: command, command: test, args: [a, '=', b], expected_exit: 1}", True),
        ("{id: c, kind: command, command: sh, args: [-c, 'sleep 60'], timeout_secs: 1}", False),
    ],
)
def test_check_passes_as_it_says(host, define, project, check, passes):
    (project / "link").symlink_to("/etc/passwd")
    define(FLOW.replace("EVALS", f"{{checks: [{check}]}}"))
    result = host.execute("w", workflow_id="c1")
    assert (result["workflow_status"] == "completed") is passes, result.get("waiting")


def test_share_of_the_checks_may_be_enough(host, define):
    checks = "{id: a, kind: regex, pattern: printed}, {id: b, kind: regex, pattern: nothing}"
    define(FLOW.replace("EVALS", f"{{pass_threshold: 0.5, checks: [{checks}]}}"))
    assert host.execute("w", workflow_id="s1")["workflow_status"] == "completed"
    row = rows(host, "s1")["phases"][0]
    assert [(check["id"], check["passed"]) for check in row["checks"]] == [("a", True), ("b", False)]


def test_phase_that_does_not_advance_is_not_checked(host, define, project):
    flow = FLOW.replace('"echo x >> marker; echo printed"', '"exit 3"').replace("max_attempts: 9", "max_attempts: 0")
    define(flow.replace("EVALS", "{checks: [{id: c, kind: command, command: sh, args: [-c, ': > checked']}]}"))
    assert host.execute("w", workflow_id="n1")["workflow_status"] == "escalated"
    assert not (project / "checked").exists()


def test_event_of_the_phase_tells_every_check(host, define):
    define(FLOW.replace("EVALS", "{checks: [{id: c, kind: regex, pattern: printed}]}"))
    host.execute("w", workflow_id="v1")
    events = host.call("journal/events", {"run_id": "v1"})["events"]
    (found,) = [event for event in events if "evals" in event.get("detail", {})]
    evals = found["detail"]["evals"]
    assert (found["kind"], evals["schema"]) == ("phase_completed", "animus.eval.v1")
    assert [(check["id"], check["passed"]) for check in evals["checks"]] == [("c", True)]
