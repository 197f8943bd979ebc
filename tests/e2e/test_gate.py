"""A run that waits for a person keeps its place, frees its slot, and says what to do."""

import pytest

WORKFLOWS = """
default_workflow_ref: gated
tools_allowlist: [sh]
phases:
  approval:
    mode: manual
    manual: {instructions: Look at it., approval_note_required: true}
  mark:
    mode: command
    command: {program: sh, args: [-c, 'echo "$ANIMUS_SUBJECT_ID" >> "$ANIMUS_PROJECT_ROOT/marks"']}
workflows:
  - id: gated
    worktree: skip
    phases: [approval, mark]
  - id: free
    worktree: skip
    phases: [mark]
"""


def test_parked_run_frees_its_slot_and_survives_a_restart(project):
    project.workflows(WORKFLOWS)
    assert project.animus("daemon", "start", "--pool-size", "1").code == 0
    parked = project.json("workflow", "run", "--sync")
    assert (parked["status"], parked["waiting"]["kind"]) == ("paused", "gate")
    run = parked["workflow_id"]
    assert project.json("workflow", "run", "free", "--sync")["status"] == "completed"
    assert project.json("queue", "stats")["assigned"] == 1
    assert project.animus("daemon", "stop").code == 0
    assert project.animus("daemon", "start", "--pool-size", "1").code == 0
    refused = project.animus("workflow", "phase", "approve", run, "--json")
    assert refused.code == 2
    assert "note" in refused.error["message"]
    assert project.animus("workflow", "phase", "approve", run, "--note", "seen").code == 0
    assert project.wait_for_status(run, "completed")["id"] == run


def test_rejected_run_fails_with_the_note(project):
    project.workflows(WORKFLOWS)
    assert project.animus("daemon", "start").code == 0
    run = project.json("workflow", "run", "--sync")["workflow_id"]
    assert project.animus("workflow", "phase", "reject", run, "--note", "not like this").code == 0
    assert "not like this" in project.wait_for_status(run, "failed")["reason"]


@pytest.mark.parametrize("victim", ["animus_kernel", "animus_workflow_runner_default", "animus_queue_default"])
def test_parked_run_goes_on_after_a_kill(project, victim):
    project.workflows(WORKFLOWS)
    assert project.animus("daemon", "start").code == 0
    run = project.json("workflow", "run", "--sync")["workflow_id"]
    project.kill(victim)
    if victim == "animus_kernel":
        assert project.animus("daemon", "start").code == 0
    assert project.animus("workflow", "phase", "approve", run, "--note", "seen").code == 0
    assert project.wait_for_status(run, "completed")["id"] == run
    assert (project.root / "marks").read_text().count("\n") == 1
