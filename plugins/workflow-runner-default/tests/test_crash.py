"""The runner is killed in the middle of a phase; another one goes on from the journal."""

import time
from pathlib import Path

import pytest

TWO = """
tools_allowlist: [sh]
workflows:
  - id: w
    phases: [committed, broken, last]
phases:
  committed: {mode: command, command: {program: sh, args: [-c, "echo committed >> marker"]}}
  broken:
    mode: command
    idempotency: IDEMPOTENCY
    command:
      program: sh
      args:
        - -c
        - "echo broken >> marker; (setsid sleep 300 & echo $! > survivor); echo $$$$ > pid; [ -e go ] || sleep 300"
  last: {mode: command, command: {program: sh, args: [-c, "echo last >> marker"]}}
"""
WAIT_SECONDS = 60


def wait_for(path: Path) -> int:
    deadline = time.monotonic() + WAIT_SECONDS
    while not path.exists() or not path.read_text().strip():
        assert time.monotonic() < deadline, f"{path} did not appear"
    return int(path.read_text())


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("idempotency", ["idempotent", "unknown"])
def test_killed_runner_is_succeeded_by_the_crash_rule(start_host, define, project, idempotency):
    define(TWO.replace("IDEMPOTENCY", idempotency))
    first = start_host()
    first.begin_execute("w", workflow_id="k1")
    pids = [wait_for(project / name) for name in ("pid", "survivor")]
    first.kill()
    (project / "go").touch()
    second = start_host()
    result = second.call("workflow/execute", {"workflow_id": "k1"})
    assert not any(alive(pid) for pid in pids), "a process of the dead run survived"
    if idempotency == "idempotent":
        assert result["workflow_status"] == "completed", result
        assert (project / "marker").read_text().split() == ["committed", "broken", "broken", "last"]
        rows = second.call("workflow/inspect", {"what": "run", "workflow_id": "k1"})["value"]["phases"]
        assert [(row["phase_id"], row["attempt"]) for row in rows] == [("committed", 1), ("broken", 1), ("last", 1)]
        assert rows[1]["starts"] == 2
        return
    assert result["workflow_status"] == "paused"
    assert result["waiting"]["kind"] == "blocked"
    assert result["waiting"]["command"] == "animus workflow resume k1 --force"
    assert "may have had effects" in result["waiting"]["reason"]
    assert (project / "marker").read_text().split() == ["committed", "broken"]
    with pytest.raises(Exception, match="--force"):
        second.signal("k1", "resume")
    assert second.signal("k1", "resume", force=True)["runnable"] is True
    assert second.call("workflow/execute", {"workflow_id": "k1"})["workflow_status"] == "completed"
    assert (project / "marker").read_text().split() == ["committed", "broken", "broken", "last"]


def test_end_of_input_ends_the_runs_processes_and_keeps_the_journal(start_host, define, project):
    define(TWO.replace("IDEMPOTENCY", "idempotent"))
    first = start_host()
    first.begin_execute("w", workflow_id="e1")
    pids = [wait_for(project / name) for name in ("pid", "survivor")]
    began = time.monotonic()
    first.close()
    assert time.monotonic() - began < 120
    assert not any(alive(pid) for pid in pids)
    (project / "go").touch()
    result = start_host().call("workflow/execute", {"workflow_id": "e1"})
    assert result["workflow_status"] == "completed"
    assert (project / "marker").read_text().split() == ["committed", "broken", "broken", "last"]


def test_two_runners_never_execute_one_run(start_host, define, project, rpc_error):
    define(TWO.replace("IDEMPOTENCY", "idempotent"))
    first, second = start_host(), start_host()
    number = first.begin_execute("w", workflow_id="o1")
    wait_for(project / "pid")
    with pytest.raises(rpc_error, match="is executed by process"):
        second.call("workflow/execute", {"workflow_id": "o1"})
    with pytest.raises(rpc_error, match="is executed by process"):
        second.signal("o1", "cancel")
    assert first.signal("o1", "cancel")["status"] == "cancelled"
    assert first.finish(number)["workflow_status"] == "cancelled"


def test_execute_again_joins_the_run_that_goes_on(host, define, project):
    define(TWO.replace("IDEMPOTENCY", "idempotent"))
    first = host.begin_execute("w", workflow_id="j1")
    wait_for(project / "pid")
    second = host.begin("workflow/execute", {"workflow_id": "j1"})
    host.call("workflow/inspect", {"what": "runner"})
    host.signal("j1", "cancel")
    assert host.finish(first)["workflow_status"] == host.finish(second)["workflow_status"] == "cancelled"


def test_run_of_another_subject_is_not_taken_over(host, define, rpc_error):
    define(TWO.replace("IDEMPOTENCY", "idempotent").replace("[committed, broken, last]", "[committed]"))
    host.execute("w", workflow_id="s1")
    with pytest.raises(rpc_error, match="is about 'task:TASK-1'"):
        host.execute("w", workflow_id="s1", subject={"id": "TASK-2"})


def test_definitions_changed_meanwhile_do_not_change_a_run(start_host, define, project):
    define(TWO.replace("IDEMPOTENCY", "idempotent"))
    first = start_host()
    first.begin_execute("w", workflow_id="d1")
    wait_for(project / "pid")
    first.kill()
    (project / "go").touch()
    define(TWO.replace("IDEMPOTENCY", "idempotent").replace("echo last", "echo other"))
    result = start_host().call("workflow/execute", {"workflow_id": "d1"})
    assert result["workflow_status"] == "completed"
    assert (project / "marker").read_text().split()[-1] == "last"


def test_corrupt_journal_is_named_and_left_as_it_is(start_host, state_dir, rpc_error):
    state_dir.mkdir()
    (state_dir / "workflow.db").write_bytes(b"this is no database, and it is longer than a header" * 100)
    before = (state_dir / "workflow.db").read_bytes()
    host = start_host(initialize=False)
    with pytest.raises(rpc_error, match=r"workflow\.db"):
        host.initialize()
    assert (state_dir / "workflow.db").read_bytes() == before
