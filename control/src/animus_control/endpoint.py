"""Where the control socket lies. A path too long for the system moves to a short directory that only we can enter."""

from pathlib import Path

from animus_control.location import MAX_SOCKET_PATH_BYTES, socket_path_in
from animus_control.project import Project

__all__ = ["MAX_SOCKET_PATH_BYTES", "socket_path"]


def socket_path(project: Project) -> Path:
    """The path both sides compute; says nothing about whether somebody listens there."""
    return Path(socket_path_in(str(project.state_dir)))
