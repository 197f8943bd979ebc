"""What a process uses, as the system counts it; asking does not wake the process."""

import os
from pathlib import Path
from typing import NamedTuple

__all__ = ["Usage", "usage_of"]

_PROC = Path("/proc")
_FIELD_USER, _FIELD_SYSTEM = 11, 12


class Usage(NamedTuple):
    """Resident memory, and processor time since the start of the process."""

    memory_bytes: int
    cpu_seconds: float


def usage_of(pid: int) -> Usage | None:
    """What process `pid` uses by itself; None when it is gone or the system has no ``/proc``."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        pages = int((_PROC / str(pid) / "statm").read_text("ascii").split()[1])
        ticks = int(fields[_FIELD_USER]) + int(fields[_FIELD_SYSTEM])
    except (OSError, ValueError, IndexError):
        return None
    return Usage(pages * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK"))
