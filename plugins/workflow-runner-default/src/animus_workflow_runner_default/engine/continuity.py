"""Whether this runner can go on with a run that another version of it began, and why not.

A run keeps the version of the runner that last worked on it and the digest of the definitions it is pinned to. Versions
of one major number read each other's runs; a newer one's may hold steps that are not known here.
"""

from typing import NamedTuple

from animus_workflow_runner_default.journal.record import Run

__all__ = ["RUNNER_VERSION", "Continuity", "continuity"]

RUNNER_VERSION = "0.1.0"


class Continuity(NamedTuple):
    """The answer, and why."""

    can_continue: bool
    because: str


def continuity(run: Run, *, has_definitions: bool = True, version: str = RUNNER_VERSION) -> Continuity:
    """Whether a runner of `version` can go on with `run`.

    Args:
        run: the run.
        has_definitions: whether the definitions it is pinned to can be read.
        version: this runner's.
    """
    if not has_definitions:
        return Continuity(can_continue=False, because=f"its definitions {run.config_hash[:12]} cannot be read")
    theirs, ours = _numbers(run.runner_version), _numbers(version)
    if theirs is None:
        return Continuity(can_continue=False, because=f"{run.runner_version!r} is no version of this runner")
    if theirs == ours:
        return Continuity(can_continue=True, because="the same version works on it")
    if ours is None or theirs[0] != ours[0]:
        why = f"runner {run.runner_version} keeps runs in another way than {version}; finish it with that one"
        return Continuity(can_continue=False, because=why)
    if theirs > ours:
        why = f"runner {run.runner_version}, which is newer than this one ({version}), worked on it; install that one"
        return Continuity(can_continue=False, because=why)
    return Continuity(can_continue=True, because=f"runner {run.runner_version} began it; {version} reads its journal")


def _numbers(version: str) -> tuple[int, int, int] | None:
    parts = version.partition("-")[0].partition("+")[0].split(".")
    if len(parts) != len(("major", "minor", "patch")) or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    major, minor, patch = map(int, parts)
    return major, minor, patch
