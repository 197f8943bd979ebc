"""One host a project: whoever runs work for it holds a lock that the system frees when the process ends."""

import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from animus_control.errors import ControlError
from animus_control.project import Project
from animus_process import Liveness, ProcessLedger, liveness, start_time_of

__all__ = ["Holder", "hold_instance", "instance_holder", "orphans_of"]

_PROBE_SECONDS = 0.5
_POLL_SECONDS = 0.01


class Holder(NamedTuple):
    """Who holds the lock, as it wrote itself down; `pid` is None while it has not yet."""

    pid: int | None
    purpose: str
    start_time: str | None

    @property
    def is_alive(self) -> bool:
        """Whether its process is still there."""
        return self.pid is not None and liveness(self.pid, self.start_time) is Liveness.ALIVE


@contextmanager
def hold_instance(project: Project, purpose: str) -> Generator[None]:
    """Be the project's only host for the length of the block. Blocks on the disk, never on the lock.

    Raises:
        ControlError: ``conflict`` naming the process that holds it and the command that ends it.
    """
    project.ensure_state()
    with _lock_path(project).open("a+b") as file:
        if not _lock_within(file, _PROBE_SECONDS):
            holder = _read(file)
            who = f"process {holder.pid or 'unknown'} ({holder.purpose})"
            message = f"{str(project.root)!r} is already served by {who}; stop it with: animus daemon stop"
            raise ControlError("conflict", message, details={"pid": holder.pid}, next_step="animus daemon stop")
        row = {"pid": os.getpid(), "start_time": start_time_of(os.getpid()), "purpose": purpose}
        file.truncate(0)
        file.write(json.dumps(row).encode())
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def instance_holder(project: Project) -> Holder | None:
    """Who holds the lock now, or None."""
    try:
        file = _lock_path(project).open("r+b")
    except OSError:
        return None
    with file:
        return None if _try_lock(file) else _read(file)


def _lock_path(project: Project) -> Path:
    return project.state_dir / "daemon" / "daemon.lock"


def _lock_within(file: IO[bytes], seconds: float) -> bool:
    """Take the lock. Somebody who only looks holds it for a moment, so a file that names nobody alive is waited out."""
    deadline = time.monotonic() + seconds
    while not _try_lock(file):
        if _read(file).is_alive or time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _try_lock(file: IO[bytes]) -> bool:
    import portalocker  # noqa: PLC0415 - slow to import; most callers of this package never lock

    try:
        portalocker.lock(file, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
    except portalocker.exceptions.LockException:
        return False
    return True


def _read(file: IO[bytes]) -> Holder:
    file.seek(0)
    try:
        row: dict[str, Any] = json.loads(file.read())
        return Holder(int(row["pid"]), str(row["purpose"]), row["start_time"])
    except (ValueError, KeyError, TypeError):
        return Holder(None, "starting or ending", None)


def orphans_of(project: Project) -> tuple[int, list[tuple[Path, str]]]:
    """How many processes of dead hosts are on record, and the records that cannot be read with the reason."""
    records, unreadable = ProcessLedger(project.state_dir / "processes").load()
    dead = [one for one in records if liveness(one.owner_pid, one.owner_start_time) is Liveness.DEAD]
    return len(dead), [(item.path, item.reason) for item in unreadable]
