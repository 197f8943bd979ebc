"""What happens once the last phase advanced: the merge the author asked for, and clearing up."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

from animus_workflow_runner_default.authoring.model import Merge, Workflow, Worktree
from animus_workflow_runner_default.journal.record import Checkout, Run
from animus_workflow_runner_default.phases.outcome import safe_name
from animus_workflow_runner_default.repository.git import Git, GitError
from animus_workflow_runner_default.repository.merge import MAX_FILES_LISTED, PreparedMerge, prepared_merge, target_of
from animus_workflow_runner_default.repository.worktree import remove_worktree

__all__ = ["Land", "clear_up", "has_landed", "lands_nothing", "ready_to_land", "worktree_settings"]


def worktree_settings(workflow: Workflow) -> Worktree:
    """The workflow's settings, or the defaults."""
    return workflow.worktree or Worktree()


def _merge_settings(workflow: Workflow) -> Merge | None:
    return None if workflow.post_success is None else workflow.post_success.merge


Land = Callable[[], Awaitable[dict[str, Any] | None]]
"""Does what ``post_success`` asks for; what was done, or None if it asks for nothing. Must not be interrupted."""


def has_landed(run: Run) -> bool:
    """Whether the run's work was brought in, or there was none."""
    return run.merge is not None and run.merge.get("status") in {"merged", "nothing_to_merge"}


def lands_nothing(run: Run, workflow: Workflow) -> bool:
    """Whether neither a merge nor clearing up is left to do after the last phase."""
    has_worktree = run.checkout is not None and run.checkout.worktree is not None
    return _merge_settings(workflow) is None and not has_worktree


@contextlib.asynccontextmanager
async def ready_to_land(
    git: Git, run: Run, workflow: Workflow, project_root: Path, worktrees: Path
) -> AsyncGenerator[Land, None]:
    """Prepare what ``post_success`` asks for; the repository's lock is held until the block is left.

    Raises:
        MergeBlockedError: the run has to wait for a person.
        GitError: git failed.
    """
    merge, checkout = _merge_settings(workflow), run.checkout
    target = None if merge is None or checkout is None else target_of(merge, checkout)
    if merge is None or checkout is None:
        yield _nothing
        return
    if not merge.auto_merge or target is None:
        yield lambda: _skipped(checkout, target)
        return
    message = f"Merge {checkout.branch}: {run.subject.title or run.workflow_ref}".splitlines()[0]
    scratch = worktrees / f".merge-{safe_name(run.workflow_id)}"
    async with prepared_merge(git, project_root, scratch, checkout, target, message) as prepared:
        uncommitted = await _uncommitted(git, checkout)
        yield lambda: _bring_in(prepared, checkout, uncommitted)


async def _nothing() -> None:
    """No merge is asked for."""


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
    return await remove_worktree(git, project_root, run.checkout, merged=has_landed(run))
