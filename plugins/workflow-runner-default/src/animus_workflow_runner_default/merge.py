"""Bringing a run's branch into its target branch without touching anybody's work.

The merge is made in a detached worktree of its own. Then the target branch is moved: by ``merge --ff-only`` where it is
checked out and clean, by a compare-and-set of the ref where it is checked out nowhere. Anything else (a dirty checkout,
a conflict, a rebase in progress) parks the run with the reason; nothing has changed then but the run's own branch.
"""

from pathlib import Path
from typing import NamedTuple

from animus_workflow_runner_default.authoring.model import Merge
from animus_workflow_runner_default.git import Git, GitError
from animus_workflow_runner_default.record import Checkout
from animus_workflow_runner_default.worktree import repository_of

__all__ = ["MergeBlockedError", "MergeResult", "merge_branch", "merge_problem"]

MAX_FILES_LISTED = 50


class MergeBlockedError(Exception):
    """The merge has to wait for a person; `files` are those in conflict."""

    def __init__(self, reason: str, files: list[str] | None = None) -> None:
        super().__init__(reason)
        self.files = files or []


class MergeResult(NamedTuple):
    """What the merge did: ``merged``, ``fast_forwarded`` or ``nothing_to_merge``; `commit` is the target's tip."""

    status: str
    target_branch: str
    commit: str


def merge_problem(merge: Merge, checkout: Checkout) -> str | None:
    """Why this run could never be merged as asked, known before its first phase; None if it can."""
    if merge.strategy != "merge":
        return f"post_success.merge.strategy {merge.strategy!r} is not supported by this runner; use 'merge'"
    if merge.create_pr:
        return "post_success.merge.create_pr is not supported by this runner; leave it out and push in a command phase"
    if checkout.worktree is None:
        return f"post_success.merge needs a worktree, and the run has none: {checkout.reason}"
    if target_of(merge, checkout) is None:
        return "HEAD is detached, so there is no branch to merge into; set post_success.merge.target_branch"
    return None


def target_of(merge: Merge, checkout: Checkout) -> str | None:
    """The branch to merge into: the author's, else the one checked out when the run started."""
    return merge.target_branch or checkout.target_branch


async def merge_branch(
    git: Git, project_root: Path, scratch: Path, checkout: Checkout, target: str, message: str
) -> MergeResult:
    """Merge the run's branch into `target`. Doing it again after it was done changes nothing.

    Args:
        git: see there.
        project_root: the project.
        scratch: a directory name that is free for the detached worktree; one left by a crash is removed.
        checkout: the run's.
        target: the branch to merge into.
        message: of the merge commit.

    Raises:
        MergeBlockedError: it has to wait for a person.
        GitError: git failed.
    """
    repository = await repository_of(git, project_root)
    if repository is None or checkout.branch is None:
        raise MergeBlockedError(f"the repository of {str(project_root)!r} was not found")
    async with git.lock(repository.common):
        old = await git.commit_of(project_root, f"refs/heads/{target}")
        tip = await git.commit_of(project_root, f"refs/heads/{checkout.branch}")
        if old is None or tip is None:
            missing = target if old is None else checkout.branch
            raise MergeBlockedError(f"branch {missing!r} does not exist; create it, then resume")
        if (await git.ask(project_root, "merge-base", "--is-ancestor", tip, old)).exit_code == 0:
            return MergeResult("nothing_to_merge", target, old)
        homes = await _homes(git, project_root, target)
        for home in homes:
            await _require_clean(git, home, target)
        new = await _merged_commit(git, project_root, scratch, old, checkout.branch, message)
        await _move(git, project_root, target, old, new, homes)
        return MergeResult("merged", target, new)


async def _homes(git: Git, project_root: Path, target: str) -> list[Path]:
    """The worktrees that have the target checked out.

    Raises:
        MergeBlockedError: one of them is in the middle of a rebase or a bisection of it.
    """
    listing = await git.do(project_root, "worktree", "list", "--porcelain")
    homes: list[Path] = []
    for block in listing.split("\n\n"):
        lines = block.splitlines()
        path = next((line.removeprefix("worktree ") for line in lines if line.startswith("worktree ")), None)
        if path is None or "bare" in lines:
            continue
        if f"branch refs/heads/{target}" in lines:
            homes.append(Path(path))
        elif "detached" in lines:
            await _require_idle(git, Path(path), target)
    return homes


async def _require_idle(git: Git, home: Path, target: str) -> None:
    try:
        directory = Path(await git.do(home, "rev-parse", "--path-format=absolute", "--git-dir"))
    except GitError:
        return  # the directory of that worktree is gone
    if _is_busy_with(directory, target):
        raise MergeBlockedError(
            f"branch {target!r} is being rebased or bisected in {str(home)!r}; finish that, then resume"
        )


def _is_busy_with(git_directory: Path, target: str) -> bool:
    """Whether a rebase or a bisection of the branch was begun there and not finished."""
    markers = (git_directory / name for name in ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"))
    names = {target, f"refs/heads/{target}"}
    return any(marker.is_file() and marker.read_text("utf-8", "replace").strip() in names for marker in markers)


async def _require_clean(git: Git, home: Path, target: str) -> None:
    status = await git.ask(home, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=none")
    if status.exit_code != 0:
        raise MergeBlockedError(f"the state of {str(home)!r} cannot be read: {status.message}")
    if status.text:
        files = [line[3:] for line in status.text.splitlines()]
        raise MergeBlockedError(
            f"branch {target!r} is checked out in {str(home)!r} with uncommitted changes "
            f"({', '.join(files[:5])}{', ...' if len(files) > 5 else ''}); commit or stash them, then resume",  # noqa: PLR2004
            files[:MAX_FILES_LISTED],
        )


async def _merged_commit(git: Git, project_root: Path, scratch: Path, old: str, branch: str, message: str) -> str:
    await _drop(git, project_root, scratch)
    await git.do(project_root, "worktree", "add", "--quiet", "--detach", str(scratch), old)
    try:
        identity = await git.identity(scratch)
        answer = await git.ask(scratch, *identity, "merge", "--no-ff", "--quiet", "-m", message, branch)
        if answer.exit_code == 0:
            return await git.do(scratch, "rev-parse", "HEAD")
        unmerged = await git.ask(scratch, "diff", "--name-only", "--diff-filter=U", "-z")
        files = [name for name in unmerged.out.split("\0") if name][:MAX_FILES_LISTED]
        if not files:
            raise MergeBlockedError(f"git refused to merge {branch!r}: {answer.message}")
        raise MergeBlockedError(
            f"merging {branch!r} conflicts in {', '.join(files)}; merge the target into that branch "
            "(its worktree is kept), commit, then resume",
            files,
        )
    finally:
        await _drop(git, project_root, scratch)


async def _drop(git: Git, project_root: Path, scratch: Path) -> None:
    """Remove our own detached worktree; what it holds is nobody's work."""
    await git.ask(project_root, "worktree", "remove", "--force", str(scratch))
    await git.ask(project_root, "worktree", "prune")


async def _move(git: Git, project_root: Path, target: str, old: str, new: str, homes: list[Path]) -> None:
    if not homes:
        try:
            await git.do(project_root, "update-ref", "-m", "animus: merge", f"refs/heads/{target}", new, old)
        except GitError as error:
            raise MergeBlockedError(f"branch {target!r} moved meanwhile: {error}; resume to try again") from error
        return
    answer = await git.ask(homes[0], "merge", "--ff-only", "--quiet", new)
    if answer.exit_code != 0:
        raise MergeBlockedError(
            f"branch {target!r} in {str(homes[0])!r} cannot be moved forward: {answer.message}; "
            "settle that, then resume"
        )
