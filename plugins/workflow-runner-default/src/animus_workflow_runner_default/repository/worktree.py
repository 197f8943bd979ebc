"""A worktree for each run: the user's own checkout is never worked in, and what a run did is on a branch.

The branch starts at ``base_ref`` or at what the project had checked out. A project inside a larger repository is
worked on at the same place of the worktree. Without git the run works in the project root itself.
"""

import asyncio
import hashlib
import os
import shutil
import uuid
from pathlib import Path
from typing import NamedTuple

from animus_workflow_runner_default.authoring.model import Worktree
from animus_workflow_runner_default.journal.record import Checkout
from animus_workflow_runner_default.phases.outcome import safe_name
from animus_workflow_runner_default.repository.git import Git, GitError
from animus_workflow_runner_default.repository.hints import missing_paths

__all__ = [
    "CheckoutError",
    "archive_worktree",
    "clear_stale_lock",
    "commit_all",
    "commit_message",
    "discard_worktree",
    "open_checkout",
    "project_itself",
    "remove_worktree",
    "repository_of",
]

SHORT_ID_CHARS = 8
MAX_SUBJECT_LINE_CHARS = 72


class CheckoutError(Exception):
    """The run cannot get the place to work it asks for."""


class Repository(NamedTuple):
    """A git repository: its common directory, the top of the working tree, the project's place below that."""

    common: Path
    top: Path
    inside: Path


async def repository_of(git: Git, project_root: Path) -> Repository | None:
    """The repository the project lies in; None if it lies in none or git is not there."""
    try:
        answer = await git.ask(
            project_root, "rev-parse", "--path-format=absolute", "--git-common-dir", "--show-toplevel"
        )
    except GitError:
        return None
    lines = answer.text.splitlines()
    if answer.exit_code != 0 or len(lines) != len(("common", "top")):
        return None
    return _repository(Path(lines[0]), Path(lines[1]), project_root)


def _repository(common: Path, top: Path, project_root: Path) -> Repository:
    return Repository(common, top, project_root.resolve().relative_to(top.resolve()))


async def open_checkout(
    git: Git, project_root: Path, worktrees: Path, *, subject_id: str, run_id: str, settings: Worktree
) -> Checkout:
    """Make the place a run works in.

    Raises:
        CheckoutError: a worktree is required and there can be none, or its base does not exist.
        GitError: git failed.
    """
    if settings.mode == "skip":
        return project_itself(project_root)
    repository = await repository_of(git, project_root)
    problem = "the project is not in a git repository"
    base: str | None = None
    if repository is not None:
        base = await git.commit_of(project_root, settings.base_ref or "HEAD")
        if base is None and settings.base_ref is not None:
            raise CheckoutError(f"worktree.base_ref {settings.base_ref!r} names no commit; correct it or leave it out")
        problem = "the git repository has no commit yet"
    if repository is None or base is None:
        if settings.mode == "required":
            raise CheckoutError(f"worktree: required, but {problem}; make one or use worktree: auto")
        return Checkout(cwd=str(project_root), reason=problem)
    branch_answer = await git.ask(project_root, "symbolic-ref", "--quiet", "--short", "HEAD")
    checked_out = branch_answer.text if branch_answer.exit_code == 0 else None
    name = f"{safe_name(subject_id.replace(':', '-', 1))}-{_short(run_id)}"
    path = worktrees / name
    branch = f"animus/{name}"
    async with git.lock(repository.common):
        await _add(git, project_root, path, branch, base)
    return Checkout(
        cwd=str(path / repository.inside),
        worktree=str(path),
        branch=branch,
        base=base,
        target_branch=checked_out,
        missing=await missing_paths(git, project_root),
    )


def project_itself(project_root: Path) -> Checkout:
    """The place of a run that is to have no worktree."""
    return Checkout(cwd=str(project_root), reason="worktree: skip")


def _short(run_id: str) -> str:
    """A short name of a run: the beginning of a UUID, a hash of any other id."""
    try:
        return uuid.UUID(run_id).hex[:SHORT_ID_CHARS]
    except ValueError:
        return hashlib.sha256(run_id.encode()).hexdigest()[:SHORT_ID_CHARS]


async def _add(git: Git, project_root: Path, path: Path, branch: str, base: str) -> None:
    """Add the worktree, or take the one that an earlier start of the same run already made."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (path / ".git").exists():
        if await _is_half_made(git, path):
            await discard_worktree(git, project_root, path)
        else:
            current = await git.ask(path, "symbolic-ref", "--quiet", "--short", "HEAD")
            if current.text == branch:
                return
            raise CheckoutError(f"the worktree {str(path)!r} exists and is not on {branch!r}; move it away")
    exists = await git.commit_of(project_root, f"refs/heads/{branch}")
    arguments = [str(path), branch] if exists else ["-b", branch, str(path), base]
    # Twice --force: git may still have an entry for a worktree of this path whose directory is gone.
    await git.do(project_root, "worktree", "add", "--quiet", "--force", "--force", *arguments)


async def _git_directory(git: Git, worktree: str | Path) -> Path | None:
    answer = await git.ask(worktree, "rev-parse", "--path-format=absolute", "--git-dir")
    return Path(answer.text) if answer.exit_code == 0 else None


async def _is_half_made(git: Git, path: Path) -> bool:
    """Whether git was killed while it made the worktree: its files are not all there, and committing would delete them.

    Git holds a worktree locked for the reason ``initializing`` until it is complete.
    """
    directory = await _git_directory(git, path)
    if directory is None:
        return True
    lock = directory / "locked"
    return lock.is_file() and lock.read_text("utf-8", "replace").strip() == "initializing"


async def discard_worktree(git: Git, project_root: Path, path: Path) -> None:
    """Remove a worktree of ours that holds nobody's work, half made or not."""
    await git.ask(project_root, "worktree", "remove", "--force", "--force", str(path))
    await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
    # Again, now for an entry without a directory. Never `worktree prune`: it would also drop the entry, and with it
    # the index, of a worktree of the user's whose directory is away for the moment.
    await git.ask(project_root, "worktree", "remove", "--force", "--force", str(path))


async def clear_stale_lock(git: Git, checkout: Checkout) -> None:
    """Remove the lock that a git left which died with the runner; everything that run had started has been ended."""
    directory = None if checkout.worktree is None else await _git_directory(git, checkout.worktree)
    if directory is not None:
        (directory / "index.lock").unlink(missing_ok=True)


async def commit_all(git: Git, checkout: Checkout, message: str) -> str | None:
    """Commit everything the worktree holds; the commit, or None if nothing had changed.

    Raises:
        GitError: git or a hook of the project refused.
    """
    if checkout.worktree is None:
        return None
    await git.do(checkout.worktree, "add", "--all")
    staged = await git.ask(checkout.worktree, "diff", "--cached", "--quiet")
    if staged.exit_code == 0:
        return None
    identity = await git.identity(checkout.worktree)
    await git.do(checkout.worktree, *identity, "commit", "--quiet", "--message", message)
    return await git.commit_of(checkout.worktree, "HEAD")


def commit_message(proposed: str | None, subject_id: str, title: str, phase_id: str) -> str:
    """The message of a phase's commit: the decision's own, else one made of the subject."""
    if proposed is not None and proposed.strip():
        return proposed.strip()
    line = f"{subject_id}: {title.strip() or phase_id}".splitlines()[0]
    return line[:MAX_SUBJECT_LINE_CHARS] + f"\n\nPhase: {phase_id}\n"


async def remove_worktree(git: Git, project_root: Path, checkout: Checkout, *, merged: bool) -> str | None:
    """Remove the worktree of a run that is over, if nothing would be lost; why it stays, or None.

    Its branch goes as well where that loses nothing: it was merged, or holds no commit of its own.
    """
    if checkout.worktree is None or checkout.branch is None:
        return None
    place = f"{checkout.worktree} (branch {checkout.branch})"
    repository = await repository_of(git, project_root)
    if repository is None:
        return f"{place}: the project's repository was not found"
    async with git.lock(repository.common):
        tip = await git.commit_of(project_root, f"refs/heads/{checkout.branch}")
        if await asyncio.to_thread(os.path.exists, checkout.worktree):  # else a crash came after its removal
            status = await git.ask(checkout.worktree, "status", "--porcelain")
            if status.exit_code != 0 or status.text:
                return f"{place} holds uncommitted files:\n{status.message}"
            removal = await git.ask(project_root, "worktree", "remove", checkout.worktree)
            if removal.exit_code != 0:
                return f"{place}: {removal.message}"
        if tip is not None and (merged or tip == checkout.base):
            await git.ask(project_root, "update-ref", "-d", f"refs/heads/{checkout.branch}", tip)
    return None


async def archive_worktree(git: Git, project_root: Path, checkout: Checkout, message: str) -> None:
    """Remove the worktree of a run that did not complete; what was not committed in it is committed to its branch.

    Raises:
        GitError: git failed; nothing was removed.
    """
    repository = await repository_of(git, project_root)
    if checkout.worktree is None or repository is None:
        return
    async with git.lock(repository.common):
        if await asyncio.to_thread(os.path.exists, checkout.worktree):
            await git.do(checkout.worktree, "add", "--all")
            if (await git.ask(checkout.worktree, "diff", "--cached", "--quiet")).exit_code != 0:
                identity = await git.identity(checkout.worktree)
                # Hooks judge finished work; this is only kept from being lost.
                await git.do(checkout.worktree, *identity, "commit", "--quiet", "--no-verify", "--message", message)
            await git.do(project_root, "worktree", "remove", "--force", checkout.worktree)
