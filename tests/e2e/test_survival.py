"""Killed at the worst moment, nothing committed runs twice and nothing started survives."""

import pytest

WORKFLOWS = """
default_workflow_ref: steps
tools_allowlist: [sh]
phases:
  first:
    mode: command
    command: {{program: sh, args: [-c, 'echo first >> "$ANIMUS_PROJECT_ROOT/marks"']}}
  second:
    mode: command
    idempotency: {idempotency}
    command:
      program: sh
      args:
        - -c
        - 'echo second >> "$ANIMUS_PROJECT_ROOT/marks"; while [ ! -e "$ANIMUS_PROJECT_ROOT/go" ]; do sleep 0.05; done'
  third:
    mode: command
    command: {{program: sh, args: [-c, 'echo third >> "$ANIMUS_PROJECT_ROOT/marks"']}}
workflows:
  - id: steps
    worktree: skip
    phases: [first, second, third]
"""

VICTIMS = {"daemon": "animus_kernel", "runner": "animus_workflow_runner_default", "queue": "animus_queue_default"}


def _marks(project):
    path = project.root / "marks"
    return path.read_text().split() if path.exists() else []


def _start(project, wait_until, idempotency):
    project.workflows(WORKFLOWS.format(idempotency=idempotency))
    assert project.animus("daemon", "start").code == 0
    run = project.json("workflow", "run")["workflow_id"]
    wait_until(lambda: "second" in _marks(project), what="the second phase under way")
    return run


def _commands(project):
    return {pid for pid, line in project.processes().items() if "sleep" in line or "marks" in line}


@pytest.mark.parametrize("victim", VICTIMS)
def test_run_with_idempotent_phase_completes_after_kill(project, wait_until, victim):
    run = _start(project, wait_until, "idempotent")
    before = _commands(project)
    project.kill(VICTIMS[victim])
    if victim == "daemon":
        assert project.animus("daemon", "start").code == 0
    if victim != "queue":
        wait_until(lambda: not before & set(project.processes()), what="the dead run's processes gone")
        wait_until(lambda: _marks(project).count("second") == 2, what="the interrupted phase run again")
    project.write("go", "")
    project.wait_for_status(run, "completed")
    marks = _marks(project)
    assert (marks.count("first"), marks.count("third")) == (1, 1)
    assert marks.count("second") == (1 if victim == "queue" else 2)


@pytest.mark.parametrize("victim", ["daemon", "runner"])
def test_run_with_undeclared_phase_parks_with_reason_and_command_after_kill(project, wait_until, victim):
    run = _start(project, wait_until, "unknown")
    before = _commands(project)
    project.kill(VICTIMS[victim])
    if victim == "daemon":
        assert project.animus("daemon", "start").code == 0
    parked = project.wait_for_status(run, "paused")
    assert parked["waiting"]["kind"] == "blocked"
    assert "second" in parked["waiting"]["reason"]
    assert parked["waiting"]["command"] == f"animus workflow resume {run} --force"
    wait_until(lambda: not before & set(project.processes()), what="the dead run's processes gone")
    assert _marks(project) == ["first", "second"]
    project.write("go", "")
    assert project.animus("workflow", "resume", run, "--force").code == 0
    project.wait_for_status(run, "completed")
    assert _marks(project) == ["first", "second", "second", "third"]


def test_stopped_daemon_leaves_the_run_to_the_next_one(project, wait_until):
    run = _start(project, wait_until, "idempotent")
    assert project.animus("daemon", "stop").code == 0
    assert not project.processes()
    assert project.animus("daemon", "start").code == 0
    project.write("go", "")
    project.wait_for_status(run, "completed")
    assert _marks(project).count("first") == 1
