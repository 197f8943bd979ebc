"""Killed at the worst moment, nothing committed runs twice and nothing started survives: the rows of survival.toml."""

import itertools
import os
import signal
import tomllib
from pathlib import Path

import pytest

WORKFLOWS = """
default_workflow_ref: steps
tools_allowlist: [sh]
phases:
  first:
    mode: command
    idempotency: {idempotency}
    command: {{program: sh, args: [-c, 'cd "$ANIMUS_PROJECT_ROOT"; echo first >> marks; {first_waits}']}}
  second:
    mode: command
    idempotency: {idempotency}
    command: {{program: sh, args: [-c, 'cd "$ANIMUS_PROJECT_ROOT"; echo second >> marks; {second_waits}']}}
  third:
    mode: command
    idempotency: {idempotency}
    command: {{program: sh, args: [-c, 'echo third >> "$ANIMUS_PROJECT_ROOT/marks"']}}
  look:
    mode: manual
    manual: {{instructions: Look at it.}}
workflows:
  - id: steps
    worktree: skip
    phases: {phases}
"""
WAIT = "while [ ! -e go ]; do sleep 0.05; done"
VICTIMS = {"daemon": "animus_kernel", "runner": "animus_workflow_runner_default", "queue": "animus_queue_default"}
SURVIVAL = tomllib.loads((Path(__file__).parent / "survival.toml").read_text(encoding="utf-8"))
EVERY_DAY = {("daemon", "phase"), ("runner", "phase"), ("queue", "commit")}
"""The rows of the unit tier; the others take their time in CI."""


def _marks(project):
    path = project.root / "marks"
    return path.read_text().split() if path.exists() else []


def _workflows(moment, idempotency):
    return WORKFLOWS.format(
        idempotency=idempotency,
        first_waits=WAIT if moment == "commit" else "true",
        second_waits=WAIT if moment == "phase" else "true",
        phases="[first, look, second, third]" if moment == "gate" else "[first, second, third]",
    )


def _bring_to(project, wait_until, moment, idempotency):
    """Start a run and bring it to the moment; returns its id."""
    project.workflows(_workflows(moment, idempotency))
    assert project.animus("daemon", "start").code == 0
    run = project.json("workflow", "run")["workflow_id"]
    if moment == "phase":
        wait_until(lambda: "second" in _marks(project), what="the second phase under way")
    elif moment == "commit":
        wait_until(lambda: "first" in _marks(project), what="the first phase under way")
        assert project.animus("workflow", "pause", run).code == 0
        project.write("go", "")
        assert project.wait_for_status(run, "paused")["waiting"]["kind"] == "paused"
    else:
        assert project.wait_for_status(run, "paused")["waiting"]["kind"] == "gate"
    return run


def _start_time(pid):
    """When the process began, in ticks since the boot: with its pid that names it for good. None if it is gone."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return None if state == "Z" else rest[18]


def _below(pid):
    """A process and all its descendants, each with its start time."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(") ")[2].split()[1])
        except OSError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return {(one, _start_time(one)) for one in found}


def _kill(project, killed):
    """SIGKILL a process of the project; returns what must be gone then, by pid and start time."""
    pid = project.only_process(VICTIMS[killed])
    doomed = _below(pid)
    os.kill(pid, signal.SIGKILL)
    return doomed


def _survivors(doomed):
    return {(pid, began) for pid, began in doomed if began is not None and _start_time(pid) == began}


def _identity(row):
    return f"{row['killed']}-{row['moment']}-{row['idempotency']}"


def _tier(row):
    marks = [] if (row["killed"], row["moment"]) in EVERY_DAY else [pytest.mark.ci]
    return pytest.param(row, id=_identity(row), marks=marks)


@pytest.mark.parametrize("row", [_tier(row) for row in SURVIVAL["row"]])
def test_what_is_killed_ends_as_the_table_says(project, wait_until, row):
    run = _bring_to(project, wait_until, row["moment"], row["idempotency"])
    doomed = _kill(project, row["killed"])
    if row["killed"] == "daemon":
        assert project.animus("daemon", "start").code == 0
    wait_until(lambda: not _survivors(doomed), what=f"nothing left of {doomed}")
    if row["parks"]:
        parked = project.wait_for_status(run, "paused")
        assert parked["waiting"]["kind"] == "blocked"
        assert "second" in parked["waiting"]["reason"]
        assert parked["waiting"]["command"] == f"animus workflow resume {run} --force"
        assert _marks(project) == ["first", "second"]
        assert project.animus("workflow", "resume", run, "--force").code == 0
    elif row["moment"] == "commit":
        assert project.animus("workflow", "resume", run).code == 0
    elif row["moment"] == "gate":
        assert project.animus("workflow", "phase", "approve", run).code == 0
    if row["runs"][1] > 1:
        wait_until(lambda: _marks(project).count("second") == row["runs"][1], what="the second phase begun again")
    project.write("go", "")
    project.wait_for_status(run, "completed")
    assert [_marks(project).count(phase) for phase in ("first", "second", "third")] == row["runs"]


def test_the_table_has_every_combination_once():
    combinations = itertools.product(VICTIMS, SURVIVAL["moments"], ("idempotent", "unknown"))
    assert [(row["killed"], row["moment"], row["idempotency"]) for row in SURVIVAL["row"]] == list(combinations)


def test_stopped_daemon_leaves_the_run_to_the_next_one(project, wait_until):
    run = _bring_to(project, wait_until, "phase", "idempotent")
    assert project.animus("daemon", "stop").code == 0
    assert not project.processes()
    assert project.animus("daemon", "start").code == 0
    project.write("go", "")
    project.wait_for_status(run, "completed")
    assert _marks(project).count("first") == 1


AGENT = """
default_workflow_ref: agent
tools:
  steps:
    executable: sh
    base_args: [-c, 'cd "$ANIMUS_PROJECT_ROOT"; echo begun >> marks; {wait}']
agents:
  worker: {{tool: steps, model: none}}
phases:
  work:
    mode: agent
    agent: worker
    idempotency: {idempotency}
    directive: Do it.
workflows:
  - id: agent
    worktree: skip
    phases: [work]
"""


@pytest.mark.ci
@pytest.mark.parametrize("idempotency", ["idempotent", "unknown"])
def test_agent_whose_provider_was_killed_is_begun_again_only_where_that_is_said_to_do_no_harm(
    project, wait_until, idempotency
):
    project.workflows(AGENT.format(wait=WAIT, idempotency=idempotency))
    assert project.animus("daemon", "start").code == 0
    run = project.json("workflow", "run")["workflow_id"]
    wait_until(lambda: _marks(project), what="the agent under way")
    pid = project.only_process("animus_provider_command")
    doomed = _below(pid)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not _survivors(doomed), what=f"nothing left of {doomed}")
    if idempotency == "unknown":
        parked = project.wait_for_status(run, "paused")["waiting"]
        assert parked["kind"] == "blocked"
        assert "may have had effects" in parked["reason"]
        assert _marks(project) == ["begun"]
        assert project.animus("workflow", "resume", run, "--force").code == 0
    wait_until(lambda: len(_marks(project)) == 2, what="the agent begun again")
    project.write("go", "")
    project.wait_for_status(run, "completed")
    assert _marks(project) == ["begun", "begun"]
