"""Whether commands left anything behind, told from this process's own children.

A process that adopts orphans (a subreaper) becomes the parent of whatever one of its children leaves behind, in any
session and however it was forked. So once a command has ended and none but the commands that still run are children of
this process, nothing of it is left: one small file says so, where finding its members means looking at every process
of the machine.
"""

import os
from pathlib import Path

from animus_process import become_subreaper

__all__ = ["Family"]


class Family:
    """The children of this process.

    Used on the thread that starts and collects them: the system's list of children may leave some out only while one
    that stands in it is being collected.
    """

    def __init__(self) -> None:
        self._started: set[int] = set()
        self._list: str | None = None

    def adopt_orphans(self) -> None:
        """Become the parent of what children leave behind; where the system cannot do that `is_alone` stays False."""
        listed = Path(f"/proc/self/task/{os.getpid()}/children")
        # The first thread adopts. The list is an option of the kernel; without process descriptors ends are collected
        # on threads.
        if hasattr(os, "pidfd_open") and become_subreaper() and listed.exists():
            self._list = os.fspath(listed)

    def add(self, pid: int) -> None:
        """Know a child that was started."""
        self._started.add(pid)

    def remove(self, pid: int) -> None:
        """Forget one whose end was collected."""
        self._started.discard(pid)

    def is_alone(self) -> bool:
        """Whether there is certainly nobody but the children that still run; collects orphans that died."""
        if self._list is None:
            return False
        try:
            with open(self._list, "rb", buffering=0) as stream:  # noqa: PTH123 - plain: it is read for each command
                children = stream.read().split()
        except OSError:
            return False
        strangers = [pid for pid in map(int, children) if pid not in self._started]
        living = [pid for pid in strangers if not _has_died(pid)]
        return not living


def _has_died(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True  # somebody else collected it just now
