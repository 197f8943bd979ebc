"""What is forgotten and what never is, on a real journal; then the whole pass of a runner over files and worktrees."""

import asyncio
import datetime
import sqlite3
from pathlib import Path

import msgspec
import pytest

from animus_workflow_runner_default.authoring.loading import load
from animus_workflow_runner_default.authoring.model import CompiledConfig, Retention
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.machine import RunStatus
from animus_workflow_runner_default.engine.runner import Runner
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.journal.checkpoint import list_checkpoints, take_checkpoint
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.record import Checkout, Dispatch, Run, Subject
from animus_workflow_runner_default.journal.retention import (
    HEARD_DAYS,
    expired_artifacts,
    expired_worktrees,
    forget_records,
    forget_runs,
    give_back,
)
from animus_workflow_runner_default.journal.store import record_event

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
KEEP_ALL = Retention(
    runs_keep_last=None, artifacts_max_age_days=None, events_max_age_days=None, worktrees_max_age_days=None
)


def run_of(name: str, days: float, status: RunStatus = RunStatus.COMPLETED, **more) -> Run:
    moment = timestamp(NOW - datetime.timedelta(days=days))
    base = {
        "workflow_id": name,
        "workflow_ref": "w",
        "status": status,
        "subject": Subject(kind="task", id="task:1", native_id="1"),
        "dispatch": Dispatch(),
        "config_hash": "h",
        "runner_version": "0.1.0",
        "created_at": moment,
        "updated_at": moment,
        "finished_at": None if status in {RunStatus.PAUSED, RunStatus.RUNNING} else moment,
    }
    return Run(**(base | more))


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "workflow.db")
    opened.pin_config("h", CompiledConfig())
    for name, days in (("old", 90), ("older", 100), ("new", 1)):
        opened.write(run_of(name, days))
    opened.write(run_of("waits", 300, RunStatus.PAUSED))
    yield opened
    opened.close()


def ids(journal) -> set[str]:
    return {row[0] for row in journal.connection.execute("SELECT workflow_id FROM runner_run")}


def test_newest_finished_runs_stay_and_unfinished_ones_are_never_counted(journal):
    assert set(forget_runs(journal, Retention(runs_keep_last=1), NOW).run_ids) == {"old", "older"}
    assert ids(journal) == {"new", "waits"}


@pytest.mark.parametrize(
    "retention", [Retention(runs_keep_last=0), Retention(runs_keep_last=None, runs_max_age_days=0)]
)
def test_run_that_has_just_ended_stays_for_a_host_that_has_not_heard_of_it(journal, retention):
    journal.write(run_of("just now", HEARD_DAYS / 2))
    journal.write(run_of("long heard", HEARD_DAYS * 2))
    forget_runs(journal, retention, NOW)
    assert ids(journal) == {"just now", "waits"}


def test_age_alone_and_age_with_a_number_that_stays(journal):
    both = Retention(runs_keep_last=2, runs_max_age_days=30)
    assert forget_runs(journal, both, NOW).run_ids == ["older"]
    only_age = Retention(runs_keep_last=None, runs_max_age_days=30)
    assert forget_runs(journal, only_age, NOW).run_ids == ["old"]
    assert ids(journal) == {"new", "waits"}


def test_nothing_goes_where_nothing_is_said(journal):
    assert forget_runs(journal, KEEP_ALL, NOW).run_ids == []
    assert expired_artifacts(journal, KEEP_ALL, NOW).run_ids == []
    assert expired_worktrees(journal, KEEP_ALL, NOW) == []


def test_run_that_a_process_has_is_not_touched(journal):
    journal.claim("older")
    assert forget_runs(journal, Retention(runs_keep_last=1), NOW).run_ids == ["old"]


def test_run_of_another_runner_is_not_touched(journal):
    journal.connection.execute("UPDATE runner_run SET is_foreign = 1 WHERE workflow_id = 'older'")
    assert forget_runs(journal, Retention(runs_keep_last=None, runs_max_age_days=1.5), NOW).run_ids == ["old"]


def test_files_of_a_run_are_named_once(journal):
    wanted = Retention(artifacts_max_age_days=30)
    assert set(expired_artifacts(journal, wanted, NOW).run_ids) == {"old", "older"}
    assert expired_artifacts(journal, wanted, NOW).run_ids == []


def test_worktrees_of_runs_that_failed_are_due_and_those_of_completed_runs_are_not(journal):
    place = Checkout(cwd="/x", worktree="/x", branch="b")
    journal.write(run_of("failed", 20, RunStatus.FAILED, checkout=place))
    journal.write(run_of("kept", 20, RunStatus.COMPLETED, checkout=place))
    gone = msgspec.structs.replace(place, is_removed=True)
    journal.write(run_of("gone", 20, RunStatus.CANCELLED, checkout=gone))
    assert [run.workflow_id for run in expired_worktrees(journal, Retention(), NOW)] == ["failed"]


def test_old_events_and_definitions_without_a_run_go(journal):
    record_event(journal, "old", NOW - datetime.timedelta(days=40), {"a": 1})
    record_event(journal, "old", NOW, {"a": 2})
    journal.pin_config("unused", CompiledConfig())
    assert forget_records(journal, Retention(), NOW) is True
    assert journal.connection.execute("SELECT COUNT(*) FROM runner_event").fetchone() == (1,)
    assert journal.connection.execute("SELECT hash FROM runner_config").fetchall() == [("h",)]


def test_old_checkpoints_go_but_the_last_of_a_run_stays(journal):
    for number, hours in ((1, 50), (2, 40), (3, 30)):
        moment = NOW - datetime.timedelta(hours=hours)
        take_checkpoint(journal, run_of("old", 1), "statuschange", ended=number, attempt=None, now=moment, keep=9)
    forget_records(journal, Retention(checkpoints_max_age_hours=35), NOW)
    assert [item.number for item in list_checkpoints(journal, "old")] == [3]
    forget_records(journal, Retention(checkpoints_max_age_hours=1), NOW)
    assert [item.number for item in list_checkpoints(journal, "old")] == [3]


def test_settings_of_a_project_are_the_retention_of_its_runs(tmp_path):
    (tmp_path / ".animus").mkdir()
    (tmp_path / ".animus/workflows.yaml").write_text(
        "retention: {runs: {keep_last: 5, max_age_days: 2}, artifacts: {max_age_days: 3}, events: {max_age_days: 4},"
        " checkpoints: {keep_last_per_phase: 6, max_age_hours: 7, auto_prune_on_completion: true},"
        " worktrees: {max_age_days: 8}}\n"
    )
    assert load(tmp_path, [], {}).config.retention == Retention(
        runs_keep_last=5,
        runs_max_age_days=2,
        artifacts_max_age_days=3,
        events_max_age_days=4,
        checkpoints_keep_last_per_phase=6,
        checkpoints_max_age_hours=7,
        checkpoints_auto_prune_on_completion=True,
        worktrees_max_age_days=8,
    )


def test_file_shrinks_once_its_runs_are_forgotten(journal):
    filler = Dispatch(input="x" * 4_000)
    for number in range(1_000):
        journal.write(run_of(f"r{number}", 50, dispatch=filler))
    journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = journal.path.stat().st_size
    while not forget_runs(journal, Retention(runs_keep_last=1), NOW).is_done:
        pass
    while not give_back(journal):
        pass
    journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert journal.path.stat().st_size < before / 5


def test_file_that_another_component_began_may_shrink_too(tmp_path):
    path = tmp_path / "workflow.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE subject_x (a)")
    connection.close()
    opened = Journal(path)
    assert opened.connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    opened.close()


FLOW = """
tools_allowlist: [sh]
retention: {runs: {keep_last: 2}, artifacts: {max_age_days: 1}, worktrees: {max_age_days: 1}}
workflows: [{id: w, phases: [impl, broken]}]
phases:
  impl: {mode: command, capabilities: {writes_files: true}, command: {program: sh, args: [-c, "echo kept > kept.txt"]}}
  broken: {mode: command, command: {program: sh, args: [-c, "echo left > left.txt; [ -e left.txt ] && exit 1"]},
           retry: {max_attempts: 0}}
"""


def test_worktree_of_a_failed_run_goes_after_its_time_and_what_it_held_is_on_its_branch(
    start_host, define, repository, git, state_dir, clock
):
    define(FLOW)
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "definitions")
    first = start_host()
    failed = first.execute("w", workflow_id="f1")
    assert failed["workflow_status"] == "escalated"
    place = failed["execution_cwd"]
    first.close()
    clock.advance(400 * 86_400)

    async def sweep() -> None:
        services = Services(repository, state_dir, clock=clock)
        config = load(repository, [], {}).config
        runner = Runner(services, lambda: config)
        await runner.housekeeping.sweep()
        await runner.close()

    asyncio.run(sweep())
    assert not (state_dir / "runs" / "f1").exists() or not list((state_dir / "runs" / "f1").glob("*.log"))
    assert not Path(place).exists()
    branch = git(repository, "branch", "--list", "animus/*", "--format=%(refname:short)")
    assert git(repository, "show", f"{branch}:left.txt") == "left"
    assert git(repository, "show", f"{branch}:kept.txt") == "kept"
    assert git(repository, "status", "--porcelain") == ""

    second = start_host()
    assert second.signal("f1", "resume")["runnable"] is True
    again = second.call("workflow/execute", {"workflow_id": "f1"})
    assert again["execution_cwd"] == place
    assert again["workflow_status"] == "escalated"
    rows = second.call("workflow/inspect", {"what": "run", "workflow_id": "f1"})["value"]["phases"]
    assert [row["phase_id"] for row in rows] == ["impl", "broken", "broken"], "it went on where it had stopped"
