"""What happens once the last phase advanced: the merge the author asked for, and clearing up."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from animus_workflow_runner_default.authoring.model import Merge, Workflow, Worktree
from animus_workflow_runner_default.journal.record import Checkout, Run
from animus_workflow_runner_default.phases.outcome import safe_name
from animus_workflow_runner_default.repository.forge import ForgeError, PullRequest, forge_problem, open_pull_request
from animus_workflow_runner_default.repository.git import Git, GitError
from animus_workflow_runner_default.repository.merge import (
    MergeOrder,
    PreparedMerge,
    merge_problem,
    prepared_merge,
    target_of,
)
from animus_workflow_runner_default.repository.strategy import MAX_FILES_LISTED, MergeBlockedError
from animus_workflow_runner_default.repository.worktree import remove_worktree

__all__ = [
    "Landing",
    "blocked_report",
    "clear_up",
    "has_landed",
    "landing_problem",
    "lands_nothing",
    "ready_to_land",
    "worktree_settings",
]


def worktree_settings(workflow: Workflow) -> Worktree:
    """The workflow's settings, or the defaults."""
    return workflow.worktree or Worktree()


def _merge_settings(workflow: Workflow) -> Merge | None:
    return None if workflow.post_success is None else workflow.post_success.merge


class Landing(NamedTuple):
    """What is ready to be done: `intent` is journalled before `bring_in` is called, which must not be interrupted."""

    bring_in: Callable[[], Awaitable[dict[str, Any] | None]]
    """Does it; what was done, or None if nothing is asked for."""
    intent: dict[str, Any] | None = None


_BROUGHT_IN = frozenset({"merged", "nothing_to_merge"})


def has_landed(run: Run) -> bool:
    """Whether the run's work was brought in or handed over, or there was none."""
    return run.merge is not None and run.merge.get("status") in _BROUGHT_IN | {"pull_request"}


def lands_nothing(run: Run, workflow: Workflow) -> bool:
    """Whether neither a merge nor clearing up is left to do after the last phase."""
    has_worktree = run.checkout is not None and run.checkout.worktree is not None
    return _merge_settings(workflow) is None and not has_worktree


async def landing_problem(git: Git, checkout: Checkout, workflow: Workflow, project_root: Path) -> str | None:
    """Why ``post_success`` can never be done for a run, known before its first phase; None if it can.

    Raises:
        GitError: git failed.
    """
    merge = _merge_settings(workflow)
    problem = None if merge is None else merge_problem(merge, checkout)
    if problem is not None or merge is None or not merge.create_pr:
        return problem
    return await forge_problem(git, project_root, target_of(merge, checkout) or "", workflow.forge)


@contextlib.asynccontextmanager
async def ready_to_land(
    git: Git, run: Run, workflow: Workflow, project_root: Path, worktrees: Path
) -> AsyncGenerator[Landing, None]:
    """Prepare what ``post_success`` asks for; the repository's lock is held until the block is left.

    Raises:
        MergeBlockedError: the run has to wait for a person.
        GitError: git failed.
    """
    merge, checkout = _merge_settings(workflow), run.checkout
    target = None if merge is None or checkout is None else target_of(merge, checkout)
    if merge is None or checkout is None:
        yield Landing(_nothing)
        return
    if not merge.is_wanted or target is None:
        yield Landing(lambda: _skipped(checkout, target))
        return
    if merge.create_pr:
        report = await _pull_request(git, run, merge, target, project_root, workflow.forge)
        yield Landing(lambda: _already(report))
        return
    scratch = worktrees / f".merge-{safe_name(run.workflow_id)}"
    order = MergeOrder(merge.strategy, target, _message(run, merge, checkout), _intended(run))
    async with prepared_merge(git, project_root, scratch, checkout, order) as prepared:
        uncommitted = await _uncommitted(git, checkout)
        intent = None
        if prepared.new is not None:
            intent = {"status": "landing", "target_branch": target, "commit": prepared.new}
        yield Landing(lambda: _bring_in(prepared, checkout, uncommitted), intent)


def _message(run: Run, merge: Merge, checkout: Checkout) -> str:
    title = run.subject.title or run.workflow_ref
    text = f"Merge {checkout.branch}: {title}" if merge.strategy == "merge" else f"{run.subject.id}: {title}"
    return text.splitlines()[0]


def _intended(run: Run) -> str | None:
    """The commit that a process which died was about to bring in."""
    is_open = run.merge is not None and run.merge.get("status") == "landing"
    return str(run.merge["commit"]) if is_open and run.merge is not None else None


async def _pull_request(
    git: Git, run: Run, merge: Merge, target: str, project_root: Path, forge: str | None
) -> dict[str, Any]:
    checkout = run.checkout
    branch = "" if checkout is None or checkout.branch is None else checkout.branch
    tip = await git.commit_of(project_root, f"refs/heads/{branch}")
    if tip is None:
        raise MergeBlockedError(f"branch {branch!r} does not exist; create it, then resume")
    if checkout is not None and tip == checkout.base:
        return {"status": "nothing_to_merge", "branch": branch, "target_branch": target, "commit": tip}
    wanted = PullRequest(
        branch=branch,
        target=target,
        title=(run.subject.title or run.workflow_ref).splitlines()[0],
        body=f"{run.subject.description}\n\n{run.subject.id}, run {run.workflow_id} of {run.workflow_ref}".strip(),
        strategy=merge.strategy if merge.auto_merge else None,
    )
    try:
        return await open_pull_request(git, project_root, wanted, forge)
    except ForgeError as error:
        raise MergeBlockedError(f"post_success.merge.create_pr: {error}; settle that, then resume") from error


def blocked_report(run: Run, workflow: Workflow, blocked: MergeBlockedError) -> dict[str, Any]:
    """What a run that waits for a person says about its merge: everything that person has to know."""
    merge, checkout = _merge_settings(workflow), run.checkout
    report: dict[str, Any] = {
        "status": "conflict" if blocked.is_conflict else "blocked",
        "strategy": None if merge is None else merge.strategy,
        "target_branch": None if merge is None or checkout is None else target_of(merge, checkout),
        "branch": None if checkout is None else checkout.branch,
        "worktree": None if checkout is None else checkout.cwd,
        "reason": str(blocked),
        "files": blocked.files,
    }
    return {key: value for key, value in report.items() if value is not None}


async def _nothing() -> None:
    """No merge is asked for."""


async def _already(report: dict[str, Any]) -> dict[str, Any]:
    return report


async def _skipped(checkout: Checkout, target: str | None) -> dict[str, Any]:
    return {"status": "skipped", "reason": "auto_merge: false", "branch": checkout.branch, "target_branch": target}


async def _bring_in(prepared: PreparedMerge, checkout: Checkout, uncommitted: list[str]) -> dict[str, Any]:
    result = await prepared.move()
    report: dict[str, Any] = {
        "status": result.status,
        "branch": checkout.branch,
        "target_branch": result.target_branch,
        "commit": result.commit,
    }
    return report | ({"uncommitted": uncommitted} if uncommitted else {})


async def _uncommitted(git: Git, checkout: Checkout) -> list[str]:
    """What the phases left in the worktree and did not commit: it is not part of the merge."""
    try:
        left = await git.ask(checkout.cwd, "status", "--porcelain")
    except GitError:
        return []  # a crash came after the worktree was removed
    return [line[3:] for line in left.text.splitlines()][:MAX_FILES_LISTED] if left.exit_code == 0 else []


async def clear_up(git: Git, run: Run, workflow: Workflow, project_root: Path) -> str | None:
    """Remove the worktree if the author wants that and nothing would be lost; why it stays, or None.

    Raises:
        GitError: git failed.
    """
    merge = _merge_settings(workflow)
    wanted = worktree_settings(workflow).cleanup and (merge is None or merge.cleanup_worktree)
    if not wanted or run.checkout is None:
        return None
    is_merged = run.merge is not None and run.merge.get("status") in _BROUGHT_IN
    return await remove_worktree(git, project_root, run.checkout, merged=is_merged)
