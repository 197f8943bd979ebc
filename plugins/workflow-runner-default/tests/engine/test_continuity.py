"""Runs of other versions: continued, or refused with the reason, never guessed at."""

import json
import sqlite3

import pytest

from animus_workflow_runner_default.engine.continuity import continuity
from animus_workflow_runner_default.engine.machine import RunStatus
from animus_workflow_runner_default.journal.record import Dispatch, Run, Subject

FLOW = """
tools_allowlist: [sh]
workflows: [{id: w, phases: [gate, after]}]
phases:
  gate: {mode: manual, manual: {instructions: look}}
  after: {mode: command, command: {program: sh, args: [-c, ":"]}}
"""


def run_of(version: str) -> Run:
    return Run(
        workflow_id="r",
        workflow_ref="w",
        status=RunStatus.PAUSED,
        subject=Subject(kind="task", id="task:1", native_id="1"),
        dispatch=Dispatch(),
        config_hash="h" * 64,
        runner_version=version,
        created_at="t",
        updated_at="t",
    )


@pytest.mark.parametrize(
    ("theirs", "ours", "can_continue", "because"),
    [
        ("0.1.0", "0.1.0", True, "the same version works on it"),
        ("0.1.0", "0.3.2", True, "0.3.2 reads its journal"),
        ("0.1.0-rc1", "0.1.0", True, "the same version"),
        ("0.4.0", "0.3.2", False, "newer than this one"),
        ("0.3.0", "1.0.0", False, "keeps runs in another way"),
        ("1.0.0", "0.9.0", False, "keeps runs in another way"),
        ("dev", "0.1.0", False, "is no version"),
    ],
)
def test_older_runs_of_the_same_major_version_go_on(theirs, ours, can_continue, because):
    answer = continuity(run_of(theirs), version=ours)
    assert answer.can_continue is can_continue
    assert because in answer.because


def test_run_without_its_definitions_cannot_go_on():
    assert continuity(run_of("0.1.0"), has_definitions=False).can_continue is False


def rewrite(state_dir, version: str) -> None:
    with sqlite3.connect(state_dir / "workflow.db") as connection:
        (body,) = connection.execute("SELECT body FROM runner_run WHERE workflow_id = 'v1'").fetchone()
        run = json.dumps(json.loads(body) | {"runner_version": version})
        connection.execute("UPDATE runner_run SET body = ? WHERE workflow_id = 'v1'", (run.encode(),))
    connection.close()


@pytest.mark.parametrize(("version", "goes_on"), [("0.0.9", True), ("0.2.0", False), ("2.0.0", False)])
def test_runner_says_whether_it_goes_on_with_the_run_of_another_version(
    start_host, define, state_dir, rpc_error, version, goes_on
):
    define(FLOW)
    first = start_host()
    first.execute("w", workflow_id="v1")
    first.signal("v1", "approve")
    first.close()
    rewrite(state_dir, version)
    second = start_host()
    (told,) = second.call("workflow/inspect", {"what": "continuity"})["value"]["runs"]
    assert (told["workflow_id"], told["runner_version"], told["can_continue"]) == ("v1", version, goes_on)
    if goes_on:
        assert second.call("workflow/execute", {"workflow_id": "v1"})["workflow_status"] == "completed"
        blob = second.call("journal/load", {"workflow_id": "v1"})["run"]["blob"]
        assert blob["runner_version"] == "0.1.0"
        return
    with pytest.raises(rpc_error, match="cannot go on with run 'v1'"):
        second.call("workflow/execute", {"workflow_id": "v1"})
    blob = second.call("journal/load", {"workflow_id": "v1"})["run"]["blob"]
    assert (blob["status"], blob["runner_version"]) == ("pending", version), "nothing was changed"
