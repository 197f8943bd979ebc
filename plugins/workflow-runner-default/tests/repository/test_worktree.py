"""Worktrees, commits and the merge, on real repositories; the user's own work is never touched."""

import hashlib
from pathlib import Path

import pytest

WORK = """
tools_allowlist: [sh]
workflows:
  - id: w
    phases: [impl, check]
    EXTRA
phases:
  impl:
    mode: command
    capabilities: {writes_files: true}
    command: {program: sh, args: [-c, "SCRIPT"]}
  check: {mode: command, command: {program: sh, args: [-c, "test -e new.txt"]}}
"""
MERGE = "post_success: {merge: {strategy: merge, target_branch: main, auto_merge: true}}"


def definitions(extra: str = MERGE, script: str = "echo new > new.txt") -> str:
    return WORK.replace("EXTRA", extra).replace("SCRIPT", script)


def snapshot(directory: Path) -> dict[str, str]:
    """Every file of a checkout with its content, and the index."""
    files = {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.is_symlink() and ".git" not in path.relative_to(directory).parts
    }
    return files | {".git/index": hashlib.sha256((directory / ".git/index").read_bytes()).hexdigest()}


def commit_all(git, repository: Path) -> None:
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "definitions")


def test_run_works_in_a_worktree_and_its_commit_is_merged(host, define, repository, git):
    define(definitions())
    commit_all(git, repository)
    result = host.execute("w", workflow_id="0123456789")
    assert result["workflow_status"] == "completed", result
    assert result["execution_cwd"] != str(repository)
    assert result["post_success"]["status"] == "merged"
    assert (repository / "new.txt").read_text() == "new\n"
    log = git(repository, "log", "--format=%s", "--first-parent")
    assert log.splitlines()[0].startswith("Merge animus/task-TASK-1-")
    assert "task:TASK-1: A title" in git(repository, "log", "--format=%s")
    assert git(repository, "log", "-1", "--format=%an <%ae>") == "Animus <animus@localhost>"
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "worktree", "list").count("\n") == 0
    assert "animus/" not in git(repository, "branch", "--list")
    assert not list((host.state_dir / "worktrees").iterdir())


def test_branch_that_was_checked_out_is_the_default_target(host, define, repository, git):
    define(definitions("post_success: {merge: {strategy: merge}}"))
    commit_all(git, repository)
    git(repository, "branch", "--move", "trunk")
    result = host.execute("w")
    assert result["workflow_status"] == "completed", result
    assert result["post_success"]["target_branch"] == "trunk"
    assert (repository / "new.txt").exists()


def test_configured_identity_is_used(host, define, repository, git):
    define(definitions())
    git(repository, "config", "user.name", "Me")
    git(repository, "config", "user.email", "me@home")
    commit_all(git, repository)
    host.execute("w")
    assert git(repository, "log", "-1", "--format=%an <%ae>") == "Me <me@home>"


def test_target_that_is_checked_out_nowhere_is_moved_by_its_ref(host, define, repository, git):
    define(definitions())
    commit_all(git, repository)
    git(repository, "checkout", "--quiet", "-b", "mine")
    before = snapshot(repository)
    result = host.execute("w")
    assert result["workflow_status"] == "completed", result
    assert git(repository, "show", "main:new.txt") == "new"
    assert snapshot(repository) == before
    assert git(repository, "symbolic-ref", "--short", "HEAD") == "mine"


def test_detached_head_is_left_where_it_is(host, define, repository, git):
    define(definitions())
    commit_all(git, repository)
    git(repository, "checkout", "--quiet", "--detach")
    before = git(repository, "rev-parse", "HEAD")
    assert host.execute("w")["workflow_status"] == "completed"
    assert git(repository, "rev-parse", "HEAD") == before
    assert git(repository, "show", "main:new.txt") == "new"


def test_dirty_checkout_parks_the_run_until_it_is_clean(host, define, repository, git):
    define(definitions())
    commit_all(git, repository)
    (repository / "file.txt").write_text("mine, not committed\n")
    (repository / "untracked.txt").write_text("mine\n")
    (repository / "debug.log").write_text("ignored\n")
    before, head = snapshot(repository), git(repository, "rev-parse", "main")
    parked = host.execute("w", workflow_id="m1")
    assert parked["workflow_status"] == "paused"
    assert parked["waiting"]["kind"] == "merge"
    assert parked["waiting"]["command"] == "animus workflow resume m1"
    assert "file.txt" in parked["waiting"]["reason"]
    assert snapshot(repository) == before
    assert git(repository, "rev-parse", "main") == head
    git(repository, "stash")
    assert host.signal("m1", "resume")["runnable"] is True
    assert host.call("workflow/execute", {"workflow_id": "m1"})["workflow_status"] == "completed"
    assert (repository / "new.txt").exists()
    git(repository, "stash", "pop")
    assert (repository / "file.txt").read_text() == "mine, not committed\n"
    assert (repository / "untracked.txt").read_text() == "mine\n"
    assert (repository / "debug.log").read_text() == "ignored\n"


def test_staged_change_counts_as_dirty(host, define, repository, git):
    define(definitions())
    commit_all(git, repository)
    (repository / "staged.txt").write_text("staged\n")
    git(repository, "add", "staged.txt")
    before = snapshot(repository)
    assert host.execute("w")["waiting"]["kind"] == "merge"
    assert snapshot(repository) == before


def test_untracked_file_in_the_way_is_not_overwritten(host, define, repository, git):
    define(definitions())
    commit_all(git, repository)
    (repository / "new.txt").write_text("mine\n")
    parked = host.execute("w", workflow_id="u1")
    assert parked["waiting"]["kind"] == "merge"
    assert (repository / "new.txt").read_text() == "mine\n"


def test_conflict_parks_with_the_files_and_keeps_the_branch(host, define, repository, git):
    define(definitions(script="echo theirs > file.txt; echo new > new.txt; cat go > /dev/null 2>&1 || true"))
    commit_all(git, repository)
    script = f"cd {repository} && echo mine > file.txt && git -c user.name=U -c user.email=u@x commit -qam mine"
    define(definitions(script=f"echo theirs > file.txt; echo new > new.txt; {script}"))
    commit_all(git, repository)
    parked = host.execute("w", workflow_id="k1")
    assert parked["workflow_status"] == "paused", parked
    assert parked["waiting"]["kind"] == "merge"
    assert "file.txt" in parked["waiting"]["reason"]
    assert parked["post_success"]["files"] == ["file.txt"]
    assert (repository / "file.txt").read_text() == "mine\n"
    assert git(repository, "status", "--porcelain") == ""
    worktree = Path(parked["execution_cwd"])
    git(worktree, "merge", "--quiet", "-X", "ours", "main")
    host.signal("k1", "resume")
    assert host.call("workflow/execute", {"workflow_id": "k1"})["workflow_status"] == "completed"
    assert (repository / "file.txt").read_text() == "theirs\n"


def test_hook_that_refuses_the_commit_is_a_reason_for_rework(host, define, repository, git):
    define(definitions(script="echo x >> new.txt"))
    commit_all(git, repository)
    hook = repository / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n[ $(wc -l < new.txt) -ge 2 ] || { echo 'too short' >&2; exit 1; }\n")
    hook.chmod(0o755)
    result = host.execute("w")
    assert result["workflow_status"] == "completed", result
    assert [row["status"] for row in result["phase_results"]] == ["rework", "completed", "completed"]
    assert "too short" in result["phase_results"][0]["outcome"]["reason"]


def test_failed_run_keeps_its_worktree_and_merges_nothing(host, define, repository, git):
    define(
        definitions(script="echo x > new.txt; exit 1").replace("{program: sh", "{on_failure_verdict: fail, program: sh")
    )
    commit_all(git, repository)
    head = git(repository, "rev-parse", "main")
    result = host.execute("w")
    assert result["workflow_status"] == "escalated"
    assert (Path(result["execution_cwd"]) / "new.txt").exists()
    assert git(repository, "rev-parse", "main") == head


def test_worktree_with_uncommitted_files_is_kept_and_says_why(host, define, repository, git):
    define(definitions().replace("test -e new.txt", "touch left-over"))
    commit_all(git, repository)
    result = host.execute("w")
    assert result["workflow_status"] == "completed"
    assert "left-over" in result["post_success"]["worktree_kept"]
    assert result["post_success"]["uncommitted"] == ["left-over"]
    assert (Path(result["execution_cwd"]) / "left-over").exists()


def test_runs_at_the_same_time_have_their_own_worktrees(host, define, repository, git):
    define(definitions(script="echo $ANIMUS_RUN_ID > $ANIMUS_RUN_ID.txt; touch new.txt; git add new.txt"))
    commit_all(git, repository)
    ids = [f"{index}-parallel" for index in range(6)]
    numbers = [host.begin_execute("w", workflow_id=run_id) for run_id in ids]
    results = [host.finish(number, timeout=60) for number in numbers]
    assert {result["workflow_status"] for result in results} == {"completed"}, results
    assert all((repository / f"{run_id}.txt").read_text() == f"{run_id}\n" for run_id in ids)
    assert git(repository, "fsck", "--no-dangling") == ""


def test_project_without_git_is_worked_in_itself(host, define, project):
    define(definitions(extra=""))
    result = host.execute("w")
    assert result["workflow_status"] == "completed"
    assert result["execution_cwd"] == str(project)
    assert (project / "new.txt").exists()


def test_merge_without_a_worktree_is_refused_before_the_first_phase(host, define, project):
    define(definitions())
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert "needs a worktree" in result["reason"]
    assert not (project / "new.txt").exists()


def test_project_inside_a_repository_is_worked_on_at_its_place(
    tmp_path, start_host, define, project, git, state_dir, environ
):
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    define(definitions())
    (tmp_path / ".gitignore").write_text("state/\nhome/\nconfig/\n")
    commit_all(git, tmp_path)
    result = start_host().execute("w")
    assert result["workflow_status"] == "completed", result
    assert result["execution_cwd"].endswith("/project")
    assert git(tmp_path, "show", "main:project/new.txt") == "new"


@pytest.mark.parametrize("subject", ["T\N{LATIN SMALL LETTER A WITH DIAERESIS}sk", "a/../b", "x" * 200])
def test_subject_ids_of_any_text_give_a_branch(host, define, repository, git, subject):
    define(definitions())
    commit_all(git, repository)
    result = host.execute("w", subject={"id": subject})
    assert result["workflow_status"] == "completed", result
