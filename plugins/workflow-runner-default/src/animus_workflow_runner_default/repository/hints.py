"""What a run's worktree lacks of what is in the user's checkout, uncommitted or ignored, and when that matters.

A worktree holds what is committed. A dependency folder that git ignores or a file that was only just written is not in
it, and a command that needs one fails in a way that does not say so.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from animus_workflow_runner_default.repository.git import Git, GitError

__all__ = ["hint", "missing_paths"]

MAX_PATHS = 40


async def missing_paths(git: Git, project_root: Path) -> list[str]:
    """Paths of the checkout that a worktree of its head lacks, or has in another state; folders end in ``/``."""
    try:
        answer = await git.ask(
            project_root, "status", "--porcelain", "-z", "--ignored=traditional", "--untracked-files=normal"
        )
    except GitError:
        return []
    if answer.exit_code != 0:
        return []
    rows = iter(answer.out.split("\0"))
    paths: list[str] = []
    for row in rows:
        if len(row) > len("XY "):
            paths.append(row[3:])
            if row[0] in "RC":
                next(rows, None)  # where it was renamed or copied from
    return paths[:MAX_PATHS]


def hint(missing: Sequence[str], text: str) -> str | None:
    """What to say about a failure whose text names something that the worktree lacks; None if it names nothing such."""
    named = [path for path in missing if _names(path, text)]
    if not named:
        return None
    those = ", ".join(named[:3])
    return (
        f"hint: {those} {'is' if len(named) == 1 else 'are'} in your checkout but not, or not so, in the worktree "
        "(uncommitted, or ignored by git); commit it, make it in an earlier phase, or use `worktree: skip`"
    )


def _names(path: str, text: str) -> bool:
    words = {path.rstrip("/"), path.rstrip("/").rpartition("/")[2]}
    return any(re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", text) for word in words if word)
