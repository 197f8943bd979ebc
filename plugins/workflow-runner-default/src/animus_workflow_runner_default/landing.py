"""What happens once the last phase advanced: the merge the author asked for, and clearing up."""

from pathlib import Path
from typing import Any

from animus_workflow_runner_default.authoring.model import Merge, Workflow, Worktree
from animus_workflow_runner_default.git import Git
from animus_workflow_runner_default.merge import merge_branch, target_of
from animus_workflow_runner_default.record import Run
from animus_workflow_runner_default.worktree import remove_worktree

__all__ = ["clear_up", "land", "worktree_settings"]


def worktree_settings(workflow: Workflow) -> Worktree:
    """The workflow's settings, or the defaults."""
    return workflow.worktree or Worktree()


def _merge_settings(workflow: Workflow) -> Merge | None:
    return None if workflow.post_success is None else workflow.post_success.merge


async def land(git: Git, run: Run, workflow: Workflow, project_root: Path, worktrees: Path) -> dict[str, Any] | None:
    """Do what ``post_success`` asks for; what was done, or None if it asks for nothing.

    Raises:
        MergeBlockedError: the run has to wait for a person.
        GitError: git failed.
    """
    merge = _merge_settings(workflow)
    checkout = run.checkout
    if merge is None or checkout is None:
        return None
    target = target_of(merge, checkout)
    if not merge.auto_merge or target is None:
        return {"status": "skipped", "reason": "auto_merge: false", "branch": checkout.branch, "target_branch": target}
    scratch = worktrees / f".merge-{run.workflow_id}"
    title = run.subject.title or run.workflow_ref
    message = f"Merge {checkout.branch}: {title}".splitlines()[0]
    result = await merge_branch(git, project_root, scratch, checkout, target, message)
    report: dict[str, Any] = {
        "status": result.status,
        "branch": checkout.branch,
        "target_branch": result.target_branch,
        "commit": result.commit,
    }
    left = await git.ask(checkout.cwd, "status", "--porcelain")
    if left.exit_code == 0 and left.text:
        report["uncommitted"] = [line[3:] for line in left.text.splitlines()][:50]
    return report


async def clear_up(git: Git, run: Run, workflow: Workflow, project_root: Path) -> str | None:
    """Remove the worktree if the author wants that and nothing would be lost; why it stays, or None.

    Raises:
        GitError: git failed.
    """
    merge = _merge_settings(workflow)
    wanted = worktree_settings(workflow).cleanup and (merge is None or merge.cleanup_worktree)
    if not wanted or run.checkout is None:
        return None
    merged = run.merge is not None and run.merge.get("status") in {"merged", "nothing_to_merge"}
    return await remove_worktree(git, project_root, run.checkout, merged=merged)
