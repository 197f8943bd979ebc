"""What a crash, a cancel or a person may do while a run is brought in: nothing is done twice, nothing is half done."""

import json
import sqlite3
import time
from pathlib import Path

import pytest

WORK = """
tools_allowlist: [sh]
workflows:
  - id: w
    phases: [impl, last]
    post_success: {merge: {strategy: merge, target_branch: main, auto_merge: true}}
phases:
  impl: {mode: command, capabilities: {writes_files: true}, command: {program: sh, args: [-c, "SCRIPT"]}}
  last: LAST
"""
TRUE = "{mode: command, command: {program: 'sh', args: [-c, ':']}}"
GATE = "{mode: manual, manual: {instructions: look}}"
WAIT_SECONDS = 60


@pytest.fixture
def prepared(define, repository, git):
    def prepare(script: str = "echo new > new.txt", last: str = TRUE) -> Path:
        define(WORK.replace("SCRIPT", script).replace("LAST", last))
        git(repository, "add", "-A")
        git(repository, "commit", "--quiet", "-m", "definitions")
        return repository

    return prepare


def rewind(state_dir: Path, run_id: str, **fields: object) -> None:
    """Put a run back to what the journal said at an earlier moment, as a crash would have left it."""
    with sqlite3.connect(state_dir / "workflow.db") as connection:
        (body,) = connection.execute("SELECT body FROM runner_run WHERE workflow_id = ?", (run_id,)).fetchone()
        run = json.loads(body) | {"status": "running", "stage": "landing"} | fields
        values = (json.dumps(run).encode(), "running", run_id)
        connection.execute("UPDATE runner_run SET body = ?, status = ? WHERE workflow_id = ?", values)
    connection.close()


def test_run_whose_branch_was_cleared_up_before_a_crash_is_not_merged_again(start_host, prepared, git, state_dir):
    repository = prepared()
    first = start_host()
    merged = first.execute("w", workflow_id="c1")["post_success"]
    first.close()
    tip = git(repository, "rev-parse", "main")
    rewind(state_dir, "c1")
    result = start_host().call("workflow/execute", {"workflow_id": "c1"})
    assert (result["workflow_status"], result["post_success"]) == ("completed", merged)
    assert git(repository, "rev-parse", "main") == tip


def test_merge_that_a_crash_kept_from_the_journal_is_not_made_twice(start_host, prepared, git, state_dir):
    repository = prepared(script="echo new > new.txt; : > keep.log")
    first = start_host()
    first.execute("w", workflow_id="c2")
    first.close()
    tip = git(repository, "rev-parse", "main")
    git(repository, "branch", "--force", "animus/" + _name(git, repository, state_dir), "main^2")
    rewind(state_dir, "c2", merge=None)
    result = start_host().call("workflow/execute", {"workflow_id": "c2"})
    assert (result["workflow_status"], result["post_success"]["status"]) == ("completed", "nothing_to_merge")
    assert git(repository, "rev-parse", "main") == tip


def _name(git, repository, state_dir) -> str:
    subject = git(repository, "log", "-1", "--format=%s", "main")
    return subject.removeprefix("Merge animus/").partition(":")[0]


def test_cancel_during_the_merge_leaves_no_half_updated_checkout(host, prepared, git):
    repository = prepared()
    hook = repository / ".git/hooks/post-merge"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f"#!/bin/sh\n[ $(pwd -P) = {repository.resolve()} ] || exit 0\n"
        f": > {repository}/../moving\nwhile [ ! -e {repository}/../go ]; do sleep 0.02; done\n"
        f": > {repository}/../moved\n"
    )
    hook.chmod(0o755)
    number = host.begin_execute("w", workflow_id="m1")
    deadline = time.monotonic() + WAIT_SECONDS
    while not (repository.parent / "moving").exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    cancel = host.begin("workflow/signal", {"workflow_id": "m1", "signal": "cancel"})
    host.call("workflow/inspect", {"what": "runner"})  # answered behind the cancel: that waits for the merge now
    (repository.parent / "go").touch()
    with pytest.raises(Exception, match="merged already"):
        host.finish(cancel)
    assert (repository.parent / "moved").exists()
    assert host.finish(number)["workflow_status"] == "completed"
    assert git(repository, "status", "--porcelain") == ""


def test_worktree_that_git_was_killed_over_is_made_anew(start_host, prepared, git, state_dir):
    repository = prepared(script="echo new > new.txt; test -e file.txt", last=GATE)
    first = start_host()
    place = Path(first.execute("w", workflow_id="h1")["execution_cwd"])
    first.close()
    (place / "file.txt").unlink()
    (Path((place / ".git").read_text().split()[1]) / "locked").write_text("initializing\n")
    rewind(state_dir, "h1", stage="phases", checkout=None, waiting=None)
    result = start_host().call("workflow/execute", {"workflow_id": "h1"})
    assert result["phase_results"][-1]["status"] == "manual_pending", result
    assert (place / "file.txt").exists()
    assert git(repository, "worktree", "list").count("\n") == 1


@pytest.mark.parametrize("leaves", ["nothing", "a file"])
def test_parked_run_that_is_cancelled_leaves_a_worktree_only_with_changes_in_it(host, prepared, git, leaves):
    repository = prepared(script="echo new > new.txt", last=GATE)
    place = Path(host.execute("w", workflow_id="p1")["execution_cwd"])
    if leaves != "nothing":
        (place / "mine.txt").write_text("mine\n")
    answer = host.signal("p1", "cancel")
    assert answer["status"] == "cancelled"
    assert place.exists() is (leaves != "nothing")
    if leaves != "nothing":
        assert str(place) in answer["message"]
        assert "mine.txt" in answer["message"]
    assert git(repository, "branch", "--list", "animus/*"), "its commits stay on its branch"


def test_cancelled_run_that_was_executing_clears_up(host, prepared, repository, git):
    prepared(script="sleep 600")
    number = host.begin_execute("w", workflow_id="e1")
    host.wait_progress(number, kind="started")
    assert host.signal("e1", "cancel")["status"] == "cancelled"
    host.finish(number)
    assert git(repository, "worktree", "list").count("\n") == 0


def test_pause_is_kept_before_the_merge(host, prepared, repository):
    waits = 'until [ -e "$$ANIMUS_PROJECT_ROOT/../go" ]; do sleep 0.02; done'
    prepared(last=f"{{mode: command, command: {{program: sh, args: [-c, '{waits}']}}}}")
    number = host.begin_execute("w", workflow_id="q1")
    host.wait_progress(number, kind="started", phase_id="last")
    host.signal("q1", "pause")
    (repository.parent / "go").touch()
    assert host.finish(number)["workflow_status"] == "paused"
    assert not (repository / "new.txt").exists()
    assert host.signal("q1", "resume")["runnable"] is True
    assert host.call("workflow/execute", {"workflow_id": "q1"})["workflow_status"] == "completed"
    assert (repository / "new.txt").exists()


def test_ignored_file_in_the_way_is_not_overwritten(host, prepared, repository):
    prepared(script="echo theirs > mine.log; git add --force mine.log")
    (repository / "mine.log").write_text("mine\n")
    parked = host.execute("w", workflow_id="i1")
    assert (parked["workflow_status"], parked["waiting"]["kind"]) == ("paused", "merge")
    assert (repository / "mine.log").read_text() == "mine\n"


@pytest.mark.parametrize("end", ["success", "failure"])
def test_stash_and_submodule_of_the_user_stay_as_they_are(host, prepared, git, tmp_path, end):
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    git(other, "commit", "--quiet", "--allow-empty", "-m", "o")
    repository = prepared(script="echo new > new.txt" if end == "success" else "echo new > new.txt; kill $$$$")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    git(repository, "commit", "--quiet", "-m", "sub")
    (repository / "file.txt").write_text("stashed\n")
    git(repository, "stash", "--quiet")
    git(repository / "sub", "checkout", "--quiet", "-b", "mine")
    (repository / "debug.log").write_text("ignored\n")
    (repository / "untracked").write_text("untracked\n")
    looks = (("stash", "list"), ("rev-parse", "stash@{0}"), ("submodule", "status"), ("status", "--porcelain"))
    before = [git(repository, *look) for look in looks]
    result = host.execute("w")
    assert (result["workflow_status"] == "completed") is (end == "success"), result
    assert [git(repository, *look) for look in looks] == before
    assert git(repository / "sub", "symbolic-ref", "--short", "HEAD") == "mine"
    assert (repository / "debug.log").read_text() == "ignored\n"
    assert (repository / "new.txt").exists() is (end == "success")


def test_linked_worktree_whose_directory_is_away_keeps_its_place_in_the_repository(host, prepared, git, tmp_path):
    repository = prepared()
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "disk"), "-b", "mine")
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    assert host.execute("w", workflow_id="away")["workflow_status"] == "completed"
    (tmp_path / "unmounted").rename(tmp_path / "disk")
    assert git(tmp_path / "disk", "status", "--porcelain") == ""


def test_branch_of_a_repository_with_a_separate_git_directory_is_moved(host, prepared, git, tmp_path):
    repository = prepared()
    git(repository, "init", "--quiet", "--separate-git-dir", str(tmp_path / "elsewhere.git"))
    result = host.execute("w", workflow_id="separate")
    assert (result["workflow_status"], result.get("waiting")) == ("completed", None)
    assert (repository / "new.txt").read_text() == "new\n"
