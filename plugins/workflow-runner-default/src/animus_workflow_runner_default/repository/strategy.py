"""The three ways of making one branch part of another, each aside in a detached worktree of its own.

==========  ========================================================================================
``merge``   a merge commit with both as its parents
``squash``  one commit on the target with everything the branch changed
``rebase``  the branch's commits again, on top of the target
==========  ========================================================================================

Nothing is moved here: the result is a commit that has the target's tip as an ancestor.
"""

from pathlib import Path
from typing import NamedTuple

from animus_workflow_runner_default.authoring.model import MergeStrategy
from animus_workflow_runner_default.repository.git import Git
from animus_workflow_runner_default.repository.worktree import discard_worktree

__all__ = ["MAX_FILES_LISTED", "MergeBlockedError", "Sides", "combined"]

MAX_FILES_LISTED = 50


class MergeBlockedError(Exception):
    """The merge has to wait for a person; `files` are those in the way, or in conflict."""

    def __init__(self, reason: str, files: list[str] | None = None, *, is_conflict: bool = False) -> None:
        super().__init__(reason)
        self.files = files or []
        self.is_conflict = is_conflict


class Sides(NamedTuple):
    """What is to be combined: the commits of both branches, the name of the one that is brought in, a message."""

    old: str
    tip: str
    branch: str
    message: str


async def combined(git: Git, project_root: Path, scratch: Path, strategy: MergeStrategy, sides: Sides) -> str | None:
    """The commit that has both; None if that changes nothing.

    Args:
        git: see there.
        project_root: the project.
        scratch: a directory name that is free for the detached worktree; one left by a crash is removed.
        strategy: how.
        sides: what.

    Raises:
        MergeBlockedError: they conflict, or a hook refused.
        GitError: git failed.
    """
    if strategy == "rebase" and await _is_ancestor(git, project_root, sides.old, sides.tip):
        return sides.tip  # also after a person merged the target into the branch: nothing is left to replay
    await discard_worktree(git, project_root, scratch)
    start = sides.tip if strategy == "rebase" else sides.old
    await git.do(project_root, "worktree", "add", "--quiet", "--detach", str(scratch), start)
    try:
        await _combine(git, scratch, strategy, sides)
        new = await git.do(scratch, "rev-parse", "HEAD")
    finally:
        await discard_worktree(git, project_root, scratch)
    return None if new == sides.old else new


async def _is_ancestor(git: Git, place: Path, old: str, new: str) -> bool:
    return (await git.ask(place, "merge-base", "--is-ancestor", old, new)).exit_code == 0


async def _combine(git: Git, scratch: Path, strategy: MergeStrategy, sides: Sides) -> None:
    identity = await git.identity(scratch)
    match strategy:
        case "merge":
            arguments = ["merge", "--no-ff", "--quiet", "-m", sides.message, sides.branch]
        case "squash":
            arguments = ["merge", "--squash", "--quiet", sides.branch]
        case "rebase":
            # Other branches that point into what is replayed are somebody's: they stay where they are.
            arguments = ["-c", "rebase.updateRefs=false", "-c", "rebase.autoStash=false", "rebase", "--quiet"]
            arguments += ["--empty=drop", sides.old]
    answer = await git.ask(scratch, *identity, *arguments)
    if answer.exit_code != 0:
        raise await _conflict(git, scratch, strategy, sides.branch, answer.message)
    if strategy == "squash" and (await git.ask(scratch, "diff", "--cached", "--quiet")).exit_code != 0:
        body = await git.ask(scratch, "log", "--format=* %s", "--reverse", f"{sides.old}..{sides.tip}")
        committed = await git.ask(
            scratch, *identity, "commit", "--quiet", "--message", f"{sides.message}\n\n{body.text}"
        )
        if committed.exit_code != 0:
            raise MergeBlockedError(f"git refused to commit what {sides.branch!r} changed: {committed.message}")


async def _conflict(git: Git, scratch: Path, strategy: str, branch: str, message: str) -> MergeBlockedError:
    unmerged = await git.ask(scratch, "diff", "--name-only", "--diff-filter=U", "-z")
    files = [name for name in unmerged.out.split("\0") if name][:MAX_FILES_LISTED]
    if not files:
        return MergeBlockedError(f"git refused to {strategy} {branch!r}: {message}")
    doing = {"merge": "merging", "squash": "squashing", "rebase": "rebasing"}[strategy]
    return MergeBlockedError(
        f"{doing} {branch!r} conflicts in {', '.join(files)}; merge the target into that branch "
        "(its worktree is kept), commit, then resume",
        files,
        is_conflict=True,
    )
