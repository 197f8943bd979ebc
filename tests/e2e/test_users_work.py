"""Whatever becomes of a run, what the user had lying about is afterwards what it was, byte for byte."""

import hashlib
import os
import signal
import stat
from pathlib import Path
from typing import NamedTuple

import pytest

WORKFLOWS = """
default_workflow_ref: change
tools_allowlist: [sh]
agents:
  changer: {tool: agent, system_prompt: Change it.}
tools:
  agent: {executable: sh, base_args: [.animus/agent.sh]}
phases:
  implementation:
    mode: agent
    agent: changer
    directive: Change it.
    capabilities: {writes_files: true}
  test:
    mode: command
    retry: {max_attempts: 0}
    command: {program: sh, args: [-c, '! grep -q wrong shared.txt']}
  gone:
    mode: command
    retry: {max_attempts: 0}
    command: {program: ./gone}
  approval:
    mode: manual
    manual: {instructions: Look at it.}
workflows:
  - id: change
    worktree: required
    phases: [implementation, test]
    post_success: &merge
      merge: {strategy: merge, target_branch: main}
  - id: broken
    worktree: required
    phases: [implementation, gone]
    post_success: *merge
  - id: asked
    worktree: required
    phases: [implementation, approval]
    post_success: *merge
  - id: reworked
    worktree: required
    phases:
      - implementation
      - test: {max_rework_attempts: 2, on_verdict: {rework: {target: implementation}}}
    post_success: *merge
"""
AGENT = """
cat > /dev/null
note="$ANIMUS_CONFIG_DIR/$ANIMUS_SUBJECT_TITLE"
touch "$note.began"
case $ANIMUS_SUBJECT_TITLE in
  success) echo right > shared.txt; echo new > new.txt ;;
  failure|exhausted) echo wrong > shared.txt; echo new > failure.txt ;;
  rejected) echo rejected > shared.txt; echo new > rejected.txt ;;
  broken)  echo broken > shared.txt; echo new > broken.txt ;;
  cancel|killed) echo half > shared.txt; echo new > cancel.txt; while :; do sleep 0.05; done ;;
  in-the-way) mkdir -p build notes; echo theirs > build/mine.bin; echo theirs > notes/mine.txt; git add -f build ;;
  conflict) while [ ! -e "$note.go" ]; do sleep 0.05; done; echo other > shared.txt ;;
esac
"""
BEHIND_THE_SCENES = {"objects", "worktrees", "animus.lock", "ORIG_HEAD"}
"""What runs are made of in ``.git``, and what git writes even when it refuses a merge; none of it is the user's."""


def _print_of(path: Path) -> tuple[str, ...]:
    status = path.lstat()
    content = str(path.readlink()) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()
    return (content, stat.filemode(status.st_mode), str(status.st_mtime_ns))


def _files(root: Path) -> dict[str, tuple[str, ...]]:
    return {
        str(path.relative_to(root)): _print_of(path)
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


class Everything(NamedTuple):
    """All a checkout is: its files with modes and times, and the repository without the runs' own branches."""

    files: dict[str, tuple[str, ...]]
    repository: dict[str, tuple[str, ...]]
    refs: list[str]
    head: str
    stashes: str
    status: str


def everything(project) -> Everything:
    git = project.root / ".git"
    found = _files(project.root)
    inside = {name.removeprefix(".git/"): what for name, what in found.items() if name.startswith(".git/")}
    refs = project.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return Everything(
        {name: what for name, what in found.items() if not name.startswith(".git/")},
        {
            name: what
            for name, what in inside.items()
            if name.split("/")[0] not in BEHIND_THE_SCENES and "refs/heads" not in name
        },
        [ref for ref in refs if not ref.startswith(("refs/heads/animus/", "refs/heads/main "))],
        (git / "HEAD").read_text(),
        project.git("stash", "list", "--format=%gd %H"),
        # Asked without locks: the question must not refresh the index that is being compared.
        project.git("--no-optional-locks", "status", "--porcelain=v2", "--ignored", "--ignore-submodules=none"),
    )


def staged_and_unstaged(project):
    project.write("tracked.txt", "staged\n")
    project.git("add", "tracked.txt")
    project.write("tracked.txt", "staged\nand more, not staged\n")
    project.write("added.txt", "only in the index\n")
    project.git("add", "added.txt")
    (project.root / "added.txt").unlink()
    project.git("update-index", "--chmod=+x", "README.md")


def untracked(project):
    project.write("notes/mine.txt", "nobody else has this\n").chmod(0o600)
    (project.root / "link").symlink_to("notes/mine.txt")


def ignored(project):
    project.write("build/mine.bin", "took an hour to build\n")
    project.write(".env", "PASSWORD=mine\n").chmod(0o400)


def stashed(project):
    project.write("tracked.txt", "put aside\n")
    project.write("aside.txt", "put aside, untracked\n")
    project.git("stash", "push", "--quiet", "--include-untracked", "-m", "mine")
    project.write("tracked.txt", "put aside too\n")
    project.git("stash", "push", "--quiet")


def submodule(project):
    inside = project.root / "library"
    (inside / "code.txt").write_text("changed in the submodule\n")
    (inside / "untracked.txt").write_text("untracked in the submodule\n")


def detached(project):
    project.git("checkout", "--quiet", "--detach", "main~1")


STATES = {
    "dirty index": [staged_and_unstaged],
    "untracked": [untracked],
    "ignored": [ignored],
    "stash": [stashed],
    "submodule": [submodule],
    "detached HEAD": [detached],
}
EVERYTHING = [detached, stashed, untracked, ignored, submodule, staged_and_unstaged]
IS_DIRTY = {"dirty index", "submodule"}
"""A checkout of the target branch in this state is not moved: the merge waits for the user."""


@pytest.fixture
def repository(project, tmp_path):
    """A repository with a submodule and the definitions, and a commit after those."""
    library = tmp_path / "library"
    library.mkdir()
    project.git("init", "-q", "-b", "main", str(library))
    (library / "code.txt").write_text("code\n")
    for words in (("add", "-A"), ("-c", "user.name=L", "-c", "user.email=l@localhost", "commit", "-qm", "library")):
        project.git("-C", str(library), *words)
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
    project.write(".gitignore", "build/\n.env\n")
    project.write("tracked.txt", "tracked\n")
    project.git("add", "-A")
    project.git("commit", "-qm", "a library")
    project.write("shared.txt", "shared\n")
    project.write(".animus/agent.sh", AGENT)
    project.workflows(WORKFLOWS)
    project.git("add", "-A")
    project.git("commit", "-qm", "definitions")
    project.write("later.txt", "later\n")
    project.git("add", "-A")
    project.git("commit", "-qm", "later")
    return project


def deliver(project, title):
    return project.json("workflow", "run", "change", "--title", title, "--sync")


class Runs:
    """The runs of a test, one for each way in which a run can end; every method brings about one of them."""

    def __init__(self, project, wait_until):
        self._project = project
        self._wait_until = wait_until
        assert project.animus("daemon", "start", "--pool-size", "8").code == 0
        self._ids = {name: self._start(name) for name in ("conflict", "cancel", "killed", "failure")}
        for name in ("conflict", "cancel", "killed"):
            began = project.config / f"{name}.began"
            wait_until(began.exists, what=f"the agent of {name!r} at work")

    def _start(self, title, workflow="change"):
        return self._project.json("workflow", "run", workflow, "--title", title)["workflow_id"]

    def _ended(self, run, status):
        found = self._project.wait_for_status(run, status)
        assert found["status"] == status
        return found

    def succeed(self):
        return self._project.wait_for_status(self._start("success"), "completed", "paused")

    def fail_a_test(self):
        return self._ended(self._ids["failure"], "escalated")

    def break_down(self):
        return self._ended(self._start("broken", "broken"), "failed")

    def rework_to_exhaustion(self):
        return self._ended(self._start("exhausted", "reworked"), "escalated")

    def be_rejected(self):
        run = self._start("rejected", "asked")
        self._ended(run, "paused")
        assert self._project.animus("workflow", "phase", "reject", run, "--note", "no").code == 0
        return self._ended(run, "failed")

    def be_killed(self):
        """The daemon and its runner at once; the run waits afterwards, because its agent may have had effects."""
        for pid, line in self._project.processes().items():
            if "animus_kernel" in line or "animus_workflow_runner_default" in line:
                os.kill(pid, signal.SIGKILL)
        assert self._project.animus("daemon", "start", "--pool-size", "8").code == 0
        assert self._ended(self._ids["killed"], "paused")["waiting"]["kind"] == "blocked"
        assert self._project.animus("workflow", "cancel", self._ids["killed"]).code == 0
        return self._ended(self._ids["killed"], "cancelled")

    def cancel(self):
        assert self._project.animus("workflow", "cancel", self._ids["cancel"]).code == 0
        return self._ended(self._ids["cancel"], "cancelled")

    def collide(self):
        (self._project.config / "conflict.go").touch()
        return self._ended(self._ids["conflict"], "paused")


WITHOUT_A_MERGE = (
    Runs.fail_a_test,
    Runs.break_down,
    Runs.rework_to_exhaustion,
    Runs.be_rejected,
    Runs.cancel,
)
"""None of these may touch anything of the user's. The collision and the kill come last: see the tests."""


def test_nothing_of_the_users_changes_while_another_branch_is_delivered_to(repository, wait_until):
    for make in EVERYTHING:
        make(repository)
    before = everything(repository)
    runs = Runs(repository, wait_until)
    assert everything(repository) == before
    for happen in WITHOUT_A_MERGE:
        happen(runs)
        assert everything(repository) == before, happen.__name__
    assert runs.succeed()["status"] == "completed"
    assert repository.git("show", "main:new.txt") == "new\n"
    assert everything(repository) == before
    assert "shared.txt" in runs.collide()["waiting"]["reason"]
    assert everything(repository) == before


@pytest.mark.ci
@pytest.mark.parametrize("state", STATES)
def test_only_the_delivered_files_change_in_the_branch_that_is_delivered_to(repository, wait_until, state):
    for make in STATES[state]:
        make(repository)
    before = everything(repository)
    runs = Runs(repository, wait_until)
    for happen in WITHOUT_A_MERGE:
        happen(runs)
        assert everything(repository) == before, happen.__name__
    done = runs.succeed()
    after = everything(repository)
    if state in IS_DIRTY:
        assert (done["status"], done["waiting"]["kind"]) == ("paused", "merge")
        assert after == before
    elif state == "detached HEAD":
        assert done["status"] == "completed"
        assert after == before
    else:
        assert done["status"] == "completed"
        delivered = {"shared.txt", "new.txt"}
        assert {name for name in after.files if after.files[name] != before.files.get(name)} == delivered
        assert before.files.keys() <= after.files.keys()
        assert (after.refs, after.head, after.stashes, after.status) == before[2:]
    runs.collide()
    assert everything(repository) == after


@pytest.mark.ci
@pytest.mark.parametrize("state", STATES)
def test_a_killed_run_changes_nothing_of_the_users(repository, wait_until, state):
    for make in STATES[state]:
        make(repository)
    before = everything(repository)
    runs = Runs(repository, wait_until)
    runs.be_killed()
    assert everything(repository) == before


@pytest.mark.ci
@pytest.mark.parametrize("make", [ignored, untracked])
def test_file_in_the_way_of_a_delivery_is_not_overwritten(repository, make):
    make(repository)
    before = everything(repository)
    parked = deliver(repository, "in-the-way")
    assert everything(repository) == before
    assert (parked["status"], parked["waiting"]["kind"]) == ("paused", "merge")
    assert "mine." in parked["waiting"]["reason"]


@pytest.mark.ci
def test_linked_worktree_whose_folder_is_away_survives_a_delivery(repository, tmp_path):
    place, away = tmp_path / "disk", tmp_path / "disk-in-the-drawer"
    repository.git("worktree", "add", "--quiet", "-b", "mine", str(place))
    (place / "tracked.txt").write_text("staged there\n")
    repository.git("-C", str(place), "add", "-A")
    place.rename(away)
    assert deliver(repository, "success")["status"] == "completed"
    away.rename(place)
    assert repository.git("-C", str(place), "status", "--porcelain") == "M  tracked.txt\n"


@pytest.mark.ci
def test_nothing_of_a_delivered_run_is_left_in_the_repository(repository):
    assert deliver(repository, "success")["status"] == "completed"
    assert repository.git("branch", "--list", "animus/*") == ""
    assert repository.git("worktree", "list").count("\n") == 1
    assert not list((repository.root / ".git/worktrees").glob("*"))
