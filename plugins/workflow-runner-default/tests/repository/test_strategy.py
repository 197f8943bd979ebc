"""Bringing a run's branch in by each strategy, on real repositories: what the target has afterwards, and recovery."""

import json
import sqlite3
from pathlib import Path

import pytest

WORK = """
tools_allowlist: [sh]
workflows:
  - id: w
    phases: [one, two]
    post_success: {merge: MERGE}
phases:
  one: {mode: command, capabilities: {writes_files: true}, command: {program: sh, args: [-c, "ONE"]}}
  two: {mode: command, capabilities: {writes_files: true}, command: {program: sh, args: [-c, "echo two > two.txt"]}}
"""


@pytest.fixture
def prepared(define, repository, git):
    def prepare(strategy: str, one: str = "echo one > one.txt", more: str = "") -> Path:
        define(WORK.replace("MERGE", f"{{strategy: {strategy}{more}}}").replace("ONE", one))
        git(repository, "add", "-A")
        git(repository, "commit", "--quiet", "-m", "definitions")
        return repository

    return prepare


def subjects(git, repository: Path, *more: str) -> list[str]:
    return git(repository, "log", "--format=%s", "main", *more).splitlines()


def test_squash_puts_one_commit_with_everything_on_the_target(host, prepared, git):
    repository = prepared("squash")
    result = host.execute("w", workflow_id="s1")
    assert (result["workflow_status"], result["post_success"]["status"]) == ("completed", "merged")
    assert subjects(git, repository) == ["task:TASK-1: A title", "definitions", "first"]
    assert git(repository, "log", "-1", "--format=%b").count("* task:TASK-1") == 2
    assert git(repository, "rev-list", "--parents", "-1", "main").count(" ") == 1
    assert (repository / "one.txt").exists()
    assert (repository / "two.txt").exists()
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "branch", "--list", "animus/*") == ""
    assert git(repository, "worktree", "list").count("\n") == 0


def test_rebase_puts_every_commit_on_top_of_what_came_meanwhile(host, prepared, git):
    repository = prepared(
        "rebase",
        one="echo one > one.txt; git -C $ANIMUS_PROJECT_ROOT -c user.name=a -c user.email=a"
        " commit -q --allow-empty -m meanwhile",
    )
    result = host.execute("w", workflow_id="r1")
    assert (result["workflow_status"], result["post_success"]["status"]) == ("completed", "merged"), result
    assert subjects(git, repository) == ["task:TASK-1: A title"] * 2 + ["meanwhile", "definitions", "first"]
    assert git(repository, "rev-list", "--merges", "main") == ""
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "branch", "--list", "animus/*") == ""


@pytest.mark.parametrize("strategy", ["merge", "squash", "rebase"])
def test_target_that_is_checked_out_nowhere_is_moved_by_reference(host, prepared, git, strategy):
    repository = prepared(strategy, more=", target_branch: release")
    git(repository, "branch", "release")
    before = git(repository, "rev-parse", "main")
    result = host.execute("w", workflow_id=f"n-{strategy}")
    assert result["post_success"]["status"] == "merged", result
    assert git(repository, "show", "release:one.txt") == "one"
    assert git(repository, "rev-parse", "main") == before
    assert not (repository / "one.txt").exists()


@pytest.mark.parametrize("strategy", ["merge", "squash", "rebase"])
def test_conflict_parks_the_run_and_is_settled_in_its_worktree(host, prepared, git, strategy):
    change = "git -C $ANIMUS_PROJECT_ROOT -c user.name=a -c user.email=a commit -q -am theirs"
    repository = prepared(strategy, one=f"echo ours > file.txt; echo theirs > $ANIMUS_PROJECT_ROOT/file.txt; {change}")
    parked = host.execute("w", workflow_id=f"c-{strategy}")
    assert (parked["workflow_status"], parked["waiting"]["kind"]) == ("paused", "merge"), parked
    assert parked["post_success"] == {
        "status": "conflict",
        "strategy": strategy,
        "target_branch": "main",
        "branch": parked["post_success"]["branch"],
        "worktree": parked["execution_cwd"],
        "reason": parked["waiting"]["reason"],
        "files": ["file.txt"],
    }
    tip = git(repository, "rev-parse", "main")
    assert (repository / "file.txt").read_text() == "theirs\n"
    place = Path(parked["execution_cwd"])

    with pytest.raises(AssertionError):
        git(place, "merge", "--quiet", "main")
    again = _again(host, f"c-{strategy}")
    assert "a merge was begun" in again["waiting"]["reason"]
    assert git(repository, "rev-parse", "main") == tip

    (place / "file.txt").write_text("both\n")
    git(place, "commit", "--quiet", "-am", "settled")
    done = _again(host, f"c-{strategy}")
    assert (done["workflow_status"], done["post_success"]["status"]) == ("completed", "merged"), done
    assert (repository / "file.txt").read_text() == "both\n"
    assert (repository / "two.txt").exists()
    assert git(repository, "status", "--porcelain") == ""


def test_conflict_that_a_person_settled_on_the_target_itself_completes_the_run(host, prepared, git):
    change = "git -C $ANIMUS_PROJECT_ROOT -c user.name=a -c user.email=a commit -q -am theirs"
    repository = prepared("squash", one=f"echo ours > file.txt; echo theirs > $ANIMUS_PROJECT_ROOT/file.txt; {change}")
    parked = host.execute("w", workflow_id="p1")
    git(repository, "merge", "--quiet", "-X", "theirs", "-m", "by hand", parked["post_success"]["branch"])
    tip = git(repository, "rev-parse", "main")
    done = _again(host, "p1")
    assert (done["workflow_status"], done["post_success"]["status"]) == ("completed", "nothing_to_merge")
    assert git(repository, "rev-parse", "main") == tip


def _again(host, run_id: str):
    assert host.signal(run_id, "resume")["runnable"] is True
    return host.call("workflow/execute", {"workflow_id": run_id})


@pytest.mark.parametrize("strategy", ["merge", "squash", "rebase"])
def test_commit_that_a_crash_kept_from_the_journal_is_found_by_what_was_intended(
    start_host, prepared, git, state_dir, strategy
):
    repository = prepared(strategy)
    first = start_host()
    merged = first.execute("w", workflow_id="k1")["post_success"]
    first.close()
    git(repository, "commit", "--quiet", "--allow-empty", "-m", "later")
    tip = git(repository, "rev-parse", "main")
    intent = {"status": "landing", "target_branch": "main", "commit": merged["commit"]}
    _rewind(state_dir, "k1", merge=intent)
    result = start_host().call("workflow/execute", {"workflow_id": "k1"})
    assert (result["workflow_status"], result["post_success"]["status"]) == ("completed", "merged")
    assert result["post_success"]["commit"] == merged["commit"]
    assert git(repository, "rev-parse", "main") == tip


def _rewind(state_dir: Path, run_id: str, **fields: object) -> None:
    """Put a run back to what the journal said before it was completed."""
    with sqlite3.connect(state_dir / "workflow.db") as connection:
        (body,) = connection.execute("SELECT body FROM runner_run WHERE workflow_id = ?", (run_id,)).fetchone()
        run = json.loads(body) | {"status": "running", "stage": "landing"} | fields
        values = (json.dumps(run).encode(), "running", run_id)
        connection.execute("UPDATE runner_run SET body = ?, status = ? WHERE workflow_id = ?", values)
    connection.close()


@pytest.mark.parametrize("strategy", ["squash", "rebase"])
def test_work_that_is_on_the_target_already_is_nothing_to_merge(host, prepared, git, strategy):
    repository = prepared(
        strategy,
        one="echo one > one.txt; cp one.txt $ANIMUS_PROJECT_ROOT; cd $ANIMUS_PROJECT_ROOT;"
        " echo two > two.txt; git add -A; git -c user.name=a -c user.email=a commit -q -m same",
    )
    tip_before = git(repository, "rev-parse", "main")
    result = host.execute("w", workflow_id="same")
    assert (result["workflow_status"], result["post_success"]["status"]) == ("completed", "nothing_to_merge"), result
    assert subjects(git, repository)[0] == "same"
    assert git(repository, "rev-parse", "main^") == tip_before


def test_worktree_and_branch_stay_where_the_author_says_so(host, prepared, git):
    repository = prepared("squash", more=", cleanup_worktree: false")
    result = host.execute("w", workflow_id="keep")
    assert Path(result["execution_cwd"]).is_dir()
    assert git(repository, "branch", "--list", "animus/*") != ""


def test_other_branches_that_point_into_what_is_rebased_stay(host, prepared, git):
    repository = prepared(
        "rebase",
        one="echo one > one.txt; git -C $ANIMUS_PROJECT_ROOT -c user.name=a -c user.email=a"
        " commit -q --allow-empty -m meanwhile",
    )
    git(repository, "config", "rebase.updateRefs", "true")
    git(repository, "branch", "mine", "main")
    before = git(repository, "rev-parse", "mine")
    assert host.execute("w", workflow_id="refs")["post_success"]["status"] == "merged"
    assert git(repository, "rev-parse", "mine") == before
