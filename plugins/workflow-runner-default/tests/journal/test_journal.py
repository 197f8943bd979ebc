"""The journal: durable before it answers, owned by one process, readable by others, never overwritten when broken."""

import asyncio
import datetime
import os
import sqlite3
import subprocess
import sys

import msgspec
import pytest

from animus_workflow_runner_default.authoring.model import CompiledConfig, digest
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.machine import RunStatus
from animus_workflow_runner_default.journal import store
from animus_workflow_runner_default.journal.journal import Journal, JournalError, OwnershipError
from animus_workflow_runner_default.journal.record import Attempt, Dispatch, Run, Subject
from animus_workflow_runner_default.journal.thread import JournalThread


def a_run(clock, workflow_id="w1", status=RunStatus.RUNNING) -> Run:
    now = timestamp(clock.now())
    return Run(
        workflow_id=workflow_id,
        workflow_ref="w",
        status=status,
        subject=Subject(kind="task", id="task:T", native_id="T"),
        dispatch=Dispatch(),
        config_hash="h",
        runner_version="0",
        created_at=now,
        updated_at=now,
    )


def an_attempt(number=1, status="running") -> Attempt:
    return Attempt(path="p", phase_id="p", attempt=number, mode="command", status=status, started_at="2026")


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "workflow.db")
    yield opened
    opened.close()


def test_file_is_private_and_in_wal_mode_with_full_sync(journal, tmp_path):
    assert (tmp_path / "workflow.db").stat().st_mode & 0o777 == 0o600
    assert journal.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal.connection.execute("PRAGMA busy_timeout").fetchone() == (5000,)


def test_savepoints_are_kept_in_memory(journal):
    assert journal.connection.execute("PRAGMA temp_store").fetchone() == (2,)


def test_run_and_attempts_come_back_as_they_were_written(journal, clock):
    run, attempt = a_run(clock), an_attempt()
    journal.write(run, [attempt])
    ended = msgspec.structs.replace(attempt, status="completed", finished_at="2027")
    journal.write(run, [ended, an_attempt(2)])
    assert journal.run("w1") == run
    assert journal.attempts("w1") == [ended, an_attempt(2)]
    assert journal.run("other") is None


def test_equal_configurations_are_kept_once(journal):
    config = CompiledConfig(tools_allowlist=["sh"])
    for _ in range(2):
        journal.pin_config(digest(config), config)
    assert journal.config(digest(config)) == config
    assert journal.connection.execute("SELECT COUNT(*) FROM runner_config").fetchone() == (1,)
    with pytest.raises(JournalError, match="no configuration 'x'"):
        journal.config("x")


def test_each_grant_raises_the_epoch_and_the_older_one_cannot_write(journal, clock):
    first = journal.claim("w1")
    second = journal.claim("w1")
    assert (first.epoch, second.epoch) == (1, 2)
    journal.write(a_run(clock), owner=second)
    with pytest.raises(OwnershipError, match="taken over"):
        journal.write(a_run(clock), owner=first)
    journal.release(second)
    with pytest.raises(OwnershipError):
        journal.write(a_run(clock), owner=second)
    assert journal.claim("w1").epoch == 3


def test_run_of_a_living_process_is_not_taken(journal, tmp_path):
    script = (
        "import sys, pathlib; from animus_workflow_runner_default.journal.journal import Journal;"
        "j = Journal(pathlib.Path(sys.argv[1])); j.claim('w1'); print('claimed', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "workflow.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"claimed\n"
        with pytest.raises(OwnershipError, match=f"process {other.pid}"):
            journal.claim("w1")
        other.kill()
    assert journal.claim("w1").epoch == 2


def test_pid_that_was_used_again_is_not_the_owner(journal):
    journal.connection.execute("INSERT INTO runner_owner VALUES ('w1', ?, 'another start', 7, 0)", (os.getppid(),))
    assert journal.claim("w1").epoch == 8


def test_other_components_share_the_file(journal, tmp_path):
    other = sqlite3.connect(tmp_path / "workflow.db")
    other.execute("INSERT INTO component_schema VALUES ('subject', 3)")
    other.commit()
    other.close()
    Journal(tmp_path / "workflow.db").close()


def test_schema_of_a_newer_release_is_refused(journal, tmp_path):
    journal.connection.execute("UPDATE component_schema SET version = 99")
    with pytest.raises(JournalError, match="has schema 99"):
        Journal(tmp_path / "workflow.db")


def test_calls_that_arrive_together_are_committed_together_and_fail_alone(tmp_path, clock):
    async def together() -> list[object]:
        thread = JournalThread(tmp_path / "workflow.db")

        def failing(journal: Journal) -> None:
            journal.write(a_run(clock, "broken"))
            raise OwnershipError("no")

        calls = [thread.call(lambda journal, n=n: journal.write(a_run(clock, f"w{n}"))) for n in range(20)]
        results = await asyncio.gather(*calls, thread.call(failing), return_exceptions=True)
        found = await thread.call(lambda journal: store.list_ids(journal, store.RunFilter()))
        thread.close()
        return [*results, found[0]]

    *results, ids = asyncio.run(together())
    assert results[:20] == [None] * 20
    assert isinstance(results[20], OwnershipError)
    assert sorted(ids) == sorted(f"w{n}" for n in range(20))


def test_page_says_when_there_is_more(journal, clock):
    for number in range(3):
        journal.write(a_run(clock, f"w{number}", RunStatus.PAUSED if number else RunStatus.RUNNING))
        clock.advance(1)
    ids, more = store.list_ids(journal, store.RunFilter(limit=2))
    assert (ids, more) == (["w2", "w1"], True)
    assert store.list_ids(journal, store.RunFilter(status=["running"])) == (["w0"], False)
    assert store.list_ids(journal, store.RunFilter(workflow_ref="x")) == ([], False)


def test_run_of_another_runner_is_kept_but_ours_is_not_overwritten(journal, clock):
    journal.write(a_run(clock))
    foreign = store.StoredRun("f1", "x", "running", None, {"any": 1}, "2026", "2026")
    store.save_run(journal, foreign)
    assert store.load_run(journal, "f1") == foreign
    assert journal.run("f1") is None
    with pytest.raises(store.JournalRefusedError, match="belongs to this runner"):
        store.save_run(journal, foreign._replace(workflow_id="w1"))


def test_run_that_is_executed_is_not_deleted(journal, clock):
    journal.write(a_run(clock), [an_attempt()])
    owner = journal.claim("w1")
    with pytest.raises(store.JournalRefusedError, match="cancel it first"):
        store.delete_run(journal, "w1")
    journal.release(owner)
    store.delete_run(journal, "w1")
    assert journal.run("w1") is None
    assert journal.attempts("w1") == []


def test_methods_of_the_kind_answer_over_the_wire(host, define):
    define(
        "tools_allowlist: [sh]\nworkflows:\n  - {id: w, phases: [p]}\n"
        "phases:\n  p: {mode: command, command: {program: sh, args: [-c, 'true']}}\n"
    )
    host.execute("w", workflow_id="j1")
    run = host.call("journal/load", {"workflow_id": "j1"})["run"]
    assert run["status"] == run["blob"]["status"] == "completed"
    assert run["blob"]["phases"][0]["verdict"] == "advance"
    assert host.call("journal/load", {"workflow_id": "nobody"}) == {"run": None}
    assert host.call("journal/query_ids", {"status": ["completed"]})["ids"] == ["j1"]
    kinds = [event["kind"] for event in host.call("journal/events", {"run_id": "j1"})["events"]]
    assert kinds == ["run_started", "phase_started", "phase_completed", "run_completed"]
    now = datetime.datetime.now(datetime.UTC).isoformat()  # what is old is swept when the plugin rests
    host.call("journal/record", {"event": {"run_id": "x", "kind": "run_started", "ts": now}})
    assert len(host.call("journal/events", {"run_id": "x"})["events"]) == 1
    saved = {"workflow_id": "f", "status": "running", "blob": {"a": [1]}}
    host.call("journal/save", {"run": saved})
    assert host.call("journal/load", {"workflow_id": "f"})["run"]["blob"] == {"a": [1]}
    host.call("journal/checkpoint_save", {"workflow_id": "f", "checkpoint_num": 1, "blob": 1})
    assert host.call("journal/checkpoint_list", {"workflow_id": "f"}) == {"checkpoint_nums": [1]}
    assert host.call("journal/checkpoint_load", {"workflow_id": "f", "checkpoint_num": 2}) == {"blob": None}
    host.call("journal/checkpoint_prune", {"workflow_id": "f", "keep": 0})
    host.call("journal/delete", {"workflow_id": "f"})
    assert host.call("journal/schema")["supports_events"] is True
    runner = host.call("workflow/inspect", {"what": "runner"})["value"]
    assert runner["executing"] == []
    assert runner["runs_by_status"] == {"completed": 1}
    definitions = host.call("workflow/inspect", {"what": "definitions"})["value"]
    assert definitions["workflows"][0]["id"] == "w"
