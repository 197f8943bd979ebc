"""The runner is killed at a write of its journal, once before and once after the write is durable.

Whatever the moment: the run goes on to the same end over the same attempts, what had ended never runs again, and only
the attempt that was open may have been begun twice. Every write of every kind of run: `crash/matrix.py`.
"""

import os
from pathlib import Path

import pytest

FLOW = """
tools_allowlist: [sh]
workflows:
  - id: w
    worktree: skip
    phases: [one, {two: {on_verdict: {rework: {target: one}}}}, gate, three]
phases:
  one: {mode: command, idempotency: idempotent, command: {program: sh, args: [-c, 'MARK']}}
  two:
    mode: command
    idempotency: idempotent
    command: {program: sh, args: [-c, 'MARK; test $ANIMUS_PHASE_ATTEMPT = 2']}
  gate: {mode: manual, manual: {instructions: look}}
  three: {mode: command, idempotency: idempotent, command: {program: sh, args: [-c, 'MARK']}}
""".replace("MARK", "echo $ANIMUS_PHASE_ID-$ANIMUS_PHASE_ATTEMPT >> $ANIMUS_PROJECT_ROOT/marker")
EXPECTED = ["one-1", "two-1", "one-2", "two-2", "gate-1", "three-1"]
FAILPOINT = """
import os, signal
when, _, number = os.environ.get("FAILPOINT", "").partition(":")
if when:
    from animus_workflow_runner_default.journal.thread import JournalThread
    commit, count = JournalThread._commit, 0
    def failing(self, batch):
        global count
        count += 1
        if count == int(number) and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        commit(self, batch)
        if count == int(number) and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
    JournalThread._commit = failing
"""


@pytest.fixture
def start_failing(start_host, tmp_path, define, environ):
    folder = tmp_path / "failpoint"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(FAILPOINT)
    define(FLOW)
    searched = os.pathsep.join(filter(None, [str(folder), environ.get("PYTHONPATH", "")]))

    def start(failpoint: str):
        return start_host(extra={"PYTHONPATH": searched, "FAILPOINT": failpoint})

    return start


def drive(host, run_id: str = "k1"):
    """Take the run as far as it goes: execute, approve, execute."""
    result = host.execute("w", workflow_id=run_id)
    if result["workflow_status"] == "paused":
        host.signal(run_id, "approve")
        result = host.call("workflow/execute", {"workflow_id": run_id})
    return result


def attempts_of(host, run_id: str = "k1") -> list[str]:
    rows = host.call("workflow/inspect", {"what": "run", "workflow_id": run_id})["value"]["phases"]
    return [f"{row['phase_id']}-{row['attempt']}" for row in rows]


def check(start_failing, start_host, project: Path, failpoint: str) -> bool:
    """Whether the failpoint was reached at all."""
    first = start_failing(failpoint)
    was_reached = False
    try:
        drive(first)
    except ConnectionError:
        was_reached = True
    before = (project / "marker").read_text().split() if (project / "marker").exists() else []
    second = start_host()
    result = drive(second)
    assert result["workflow_status"] == "completed", (failpoint, result)
    assert attempts_of(second) == EXPECTED, failpoint
    marks = (project / "marker").read_text().split()
    commands = [mark for mark in EXPECTED if not mark.startswith("gate")]
    assert list(dict.fromkeys(marks)) == commands, failpoint
    twice = {mark for mark in marks if marks.count(mark) > 1}
    assert twice <= set(before[-1:]), f"{failpoint}: {twice} ran again, {before} had run"
    return was_reached


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [2, 4, 9])
def test_run_killed_at_a_write_goes_on_to_the_same_end(start_failing, start_host, project, when, number):
    assert check(start_failing, start_host, project, f"{when}:{number}")


def test_finished_run_is_answered_from_the_journal_again(start_host, define, project):
    define(FLOW)
    first = start_host()
    done = drive(first)
    first.close()
    again = start_host().call("workflow/execute", {"workflow_id": "k1"})
    for result in (done, again):
        assert [item["phase_id"] for item in result["phase_results"]] == [mark[:-2] for mark in EXPECTED]
    assert (again["workflow_status"], again["success"]) == ("completed", True)
    assert len((project / "marker").read_text().split()) == 5


def test_route_taken_after_a_restart_is_the_one_that_was_decided(start_host, define, project):
    """The decision is kept with its target: a replay goes where the phase wanted, not to what follows."""
    define(
        "tools_allowlist: [sh]\nworkflows:\n"
        "  - {id: w, worktree: skip, phases: [a, {b: {on_verdict: {advance: {target: d}}}}, c, d]}\n"
        "phases:\n"
        + "".join(
            f"  {name}: {{mode: command, idempotency: idempotent, command: {{program: sh, args: [-c, '{script}']}}}}\n"
            for name, script in {
                "a": "echo a >> marker",
                "b": "echo b >> marker",
                "c": "echo c >> marker",
                "d": "echo d >> marker; [ -e go ] || sleep 300",
            }.items()
        )
    )
    first = start_host()
    number = first.begin_execute("w", workflow_id="t1")
    first.wait_progress(number, kind="started", phase_id="d")
    first.kill()
    (project / "go").touch()
    assert start_host().call("workflow/execute", {"workflow_id": "t1"})["workflow_status"] == "completed"
    assert "c" not in (project / "marker").read_text().split()
