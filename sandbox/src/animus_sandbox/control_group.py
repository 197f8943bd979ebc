"""Limits for all processes of a sandbox together, where this user may make control groups.

Resource limits count per process, and the kernel does not hold root to a number of processes; a control group counts
the whole tree and holds everybody.
"""

import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from animus_process import Clock, SystemClock

__all__ = ["END_SECONDS", "ControlGroup", "make_control_group"]

ROOT: Final = Path("/sys/fs/cgroup")
_PREFIX: Final = "animus-"
END_SECONDS: Final = 2.0
"""How long the system may take to end what is left in a group."""
_PAUSE_SECONDS: Final = 0.01


class ControlGroup:
    """The folders that together limit one sandbox.

    Attributes:
        folders: one for version 2, one for each controller for version 1.
        controllers: what is limited by them.
    """

    def __init__(self, folders: Sequence[Path], controllers: frozenset[str]) -> None:
        self.folders: list[Path] = list(folders)
        self.controllers = controllers

    def entries(self) -> list[str]:
        """The files a process writes its pid to in order to enter."""
        return [str(folder / "cgroup.procs") for folder in self.folders]

    def remove(self, *, clock: Clock | None = None) -> bool:
        """End what is left in the group and remove it; answers whether it is gone. Blocks for a bounded time."""
        clock = clock or SystemClock()
        deadline = clock.monotonic() + END_SECONDS
        while self.folders:
            self.folders = [folder for folder in self.folders if not _removed(folder)]
            if self.folders and clock.monotonic() >= deadline:
                return False
            if self.folders:
                clock.sleep(_PAUSE_SECONDS)
        return True


def make_control_group(name: str, *, memory: int | None, processes: int | None, root: Path = ROOT) -> ControlGroup:
    """Make a group with what limits can be had; without any it has no folders.

    Args:
        name: tells this sandbox from others.
        memory: in bytes.
        processes: processes and threads.
        root: where the control groups are mounted.
    """
    wanted = {controller: value for controller, value in (("memory", memory), ("pids", processes)) if value is not None}
    own = _own_groups()
    label = f"{_PREFIX}{os.getpid()}-{name}"
    if (root / "cgroup.controllers").exists():
        return _make_unified(root, own.get("", "/"), label, wanted)
    group = ControlGroup((), frozenset())
    for controller, value in wanted.items():
        top = root / controller
        parent = top / own.get(controller, "/").lstrip("/")
        folder = (parent if parent.is_dir() else top) / label
        file = "memory.limit_in_bytes" if controller == "memory" else "pids.max"
        if top.is_dir() and _make(folder, {file: value}):
            group = ControlGroup([*group.folders, folder], group.controllers | {controller})
    return group


def _make_unified(root: Path, own: str, label: str, wanted: dict[str, int]) -> ControlGroup:
    place = root / own.lstrip("/")
    for parent in (place, place.parent):
        try:
            offered = set((parent / "cgroup.subtree_control").read_text().split())
        except OSError:
            continue
        values = {f"{controller}.max": value for controller, value in wanted.items() if controller in offered}
        # A process may only be moved by who may write at the common parent.
        if values and os.access(parent / "cgroup.procs", os.W_OK) and _make(parent / label, values):
            return ControlGroup([parent / label], frozenset(wanted) & frozenset(offered))
    return ControlGroup((), frozenset())


def _make(folder: Path, values: dict[str, int]) -> bool:
    try:
        _sweep(folder.parent)
        folder.mkdir()
    except OSError:
        return False
    try:
        for name, value in values.items():
            (folder / name).write_text(str(value))
    except OSError:
        folder.rmdir()
        return False
    return True


def _sweep(parent: Path) -> None:
    """Remove the empty groups of processes that are no more."""
    for folder in parent.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _removed(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _own_groups() -> dict[str, str]:
    """The control groups of this process, by controller; version 2 is the empty name."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        found |= dict.fromkeys(controllers.split(","), path)
    return found
