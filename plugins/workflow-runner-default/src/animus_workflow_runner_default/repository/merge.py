"""Bringing a run's branch into its target branch without touching anybody's work.

The merge is made in a detached worktree of its own. Then the target branch is moved: by ``merge --ff-only`` where it is
checked out and clean, by a compare-and-set of the ref where it is checked out nowhere. Anything else (a dirty checkout,
a conflict, a rebase in progress) parks the run with the reason; nothing has changed then but the run's own branch.
"""

import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import NamedTuple

from animus_workflow_runner_default.authoring.model import Merge, MergeStrategy
from animus_workflow_runner_default.journal.record import Checkout
from animus_workflow_runner_default.repository.git import Git, GitError
from animus_workflow_runner_default.repository.strategy import MAX_FILES_LISTED, MergeBlockedError, Sides, combined
from animus_workflow_runner_default.repository.worktree import Repository, repository_of

__all__ = [
    "MergeOrder",
    "MergeResult",
    "PreparedMerge",
    "merge_problem",
    "prepared_merge",
    "target_of",
]


class MergeResult(NamedTuple):
    """What the merge did: ``merged`` or ``nothing_to_merge``; `commit` is the target's tip."""

    status: str
    target_branch: str
    commit: str


def merge_problem(merge: Merge, checkout: Checkout) -> str | None:
    """Why this run could never be merged as asked, known before its first phase; None if it can."""
    if not merge.is_wanted:
        return None  # a person merges, in whatever way
    if checkout.worktree is None:
        return f"post_success.merge needs a worktree, and the run has none: {checkout.reason}"
    if target_of(merge, checkout) is None:
        return "HEAD is detached, so there is no branch to merge into; set post_success.merge.target_branch"
    return None


def target_of(merge: Merge, checkout: Checkout) -> str | None:
    """The branch to merge into: the author's, else the one checked out when the run started."""
    return merge.target_branch or checkout.target_branch


class MergeOrder(NamedTuple):
    """What is asked of a merge; `intended` is the commit that an earlier try was about to bring in."""

    strategy: MergeStrategy
    target: str
    message: str
    intended: str | None = None


class PreparedMerge(NamedTuple):
    """A merge that is made and only has to be brought in.

    `new` is None where there is nothing to merge, `landed` the commit of a merge that was brought in already.
    """

    git: Git
    project_root: Path
    target: str
    old: str
    new: str | None
    homes: list[Path]
    landed: str | None = None

    async def move(self) -> MergeResult:
        """Move the target branch to the merge; must not be interrupted.

        Raises:
            MergeBlockedError: it has to wait for a person; nothing was moved.
        """
        if self.landed is not None:
            return MergeResult("merged", self.target, self.landed)
        if self.new is None:
            return MergeResult("nothing_to_merge", self.target, self.old)
        if self.homes:
            await self._forward(self.homes[0], self.new)
        else:
            try:
                reference = f"refs/heads/{self.target}"
                await self.git.do(self.project_root, "update-ref", "-m", "animus: merge", reference, self.new, self.old)
            except GitError as error:
                raise MergeBlockedError(
                    f"branch {self.target!r} moved meanwhile: {error}; resume to try again"
                ) from error
        return MergeResult("merged", self.target, self.new)

    async def _forward(self, home: Path, new: str) -> None:
        # Ignored files are somebody's work too; git would overwrite them.
        arguments = ("merge", "--ff-only", "--no-overwrite-ignore", "--quiet", new)
        answer = await self.git.ask(home, *arguments, outlives_us=True)
        if answer.exit_code != 0:
            raise MergeBlockedError(
                f"branch {self.target!r} in {str(home)!r} cannot be moved forward: {answer.message}; "
                "settle that, then resume"
            )


@contextlib.asynccontextmanager
async def prepared_merge(
    git: Git, project_root: Path, scratch: Path, checkout: Checkout, order: MergeOrder
) -> AsyncGenerator[PreparedMerge, None]:
    """Make the run's branch part of the target aside. Doing it again after it was brought in changes nothing.

    The repository's lock is held until the block is left.

    Args:
        git: see there.
        project_root: the project.
        scratch: a directory name that is free for the detached worktree; one left by a crash is removed.
        checkout: the run's.
        order: what is asked for.

    Raises:
        MergeBlockedError: it has to wait for a person.
        GitError: git failed.
    """
    repository, target = await repository_of(git, project_root), order.target
    if repository is None or checkout.branch is None:
        raise MergeBlockedError(f"the repository of {str(project_root)!r} was not found")
    async with git.lock(repository.common):
        old = await git.commit_of(project_root, f"refs/heads/{target}")
        tip = await git.commit_of(project_root, f"refs/heads/{checkout.branch}")
        if old is not None and await _is_in(git, project_root, order.intended, old):
            yield PreparedMerge(git, project_root, target, old, None, [], landed=order.intended)
            return
        if old is None or tip is None:
            missing = target if old is None else checkout.branch
            raise MergeBlockedError(f"branch {missing!r} does not exist; create it, then resume")
        new: str | None = None
        homes: list[Path] = []
        if not await _is_in(git, project_root, tip, old):
            await _require_settled(git, checkout)
            homes = await _homes(git, project_root, repository, target)
            for home in homes:
                await _require_clean(git, home, target)
            sides = Sides(old, tip, checkout.branch, order.message)
            new = await combined(git, project_root, scratch, order.strategy, sides)
        yield PreparedMerge(git, project_root, target, old, new, homes)


async def _is_in(git: Git, place: Path, commit: str | None, branch: str) -> bool:
    """Whether a branch's tip has a commit behind it."""
    return commit is not None and (await git.ask(place, "merge-base", "--is-ancestor", commit, branch)).exit_code == 0


async def _require_settled(git: Git, checkout: Checkout) -> None:
    """A person who settles a conflict in the run's worktree has to end what was begun there."""
    if checkout.worktree is None or not (Path(checkout.worktree) / ".git").exists():
        return
    directory = Path(await git.do(checkout.worktree, "rev-parse", "--path-format=absolute", "--git-dir"))
    begun = next((name for name in _BEGUN if (directory / name).exists()), None)
    if begun is not None:
        raise MergeBlockedError(
            f"in the run's worktree {checkout.worktree!r} a {_BEGUN[begun]} was begun; commit it (or abort it), "
            "then resume"
        )


_BEGUN = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}


async def _homes(git: Git, project_root: Path, repository: Repository, target: str) -> list[Path]:
    """The worktrees that have the target checked out.

    With a separate git directory, git lists that directory in place of the main worktree.

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
            homes.append(repository.top if Path(path) == repository.common else Path(path))
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
