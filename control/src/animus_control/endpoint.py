"""Where the control socket lies. A path too long for the system moves to a short directory that only we can enter."""

import hashlib
import os
from pathlib import Path

from animus_control.project import Project

__all__ = ["MAX_SOCKET_PATH_BYTES", "socket_path"]

MAX_SOCKET_PATH_BYTES = 103
"""What fits into a socket address on Linux (107) and on macOS (103)."""

_SHORT_ROOT = Path("/tmp")  # noqa: S108 - short on purpose; the daemon checks owner and mode of what it makes below it


def socket_path(project: Project) -> Path:
    """The path both sides compute; says nothing about whether somebody listens there."""
    wanted = project.state_dir / "control.sock"
    if len(os.fsencode(wanted)) <= MAX_SOCKET_PATH_BYTES:
        return wanted
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    return _SHORT_ROOT / f"animus-{os.getuid()}" / digest / "control.sock"
