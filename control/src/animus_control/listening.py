"""The place of the control socket on the daemon's side: made private before it is used, its peers checked."""

import os
import socket
import stat
import struct
import sys
from pathlib import Path

from animus_control.endpoint import socket_path
from animus_control.errors import ControlError
from animus_control.project import Project

__all__ = ["is_same_user", "listen_on", "prepare_endpoint"]

_BREADCRUMB = "origin-path.txt"


def prepare_endpoint(project: Project) -> Path:
    """Make the place for the socket and remove a stale one. Only for the holder of the instance lock.

    Raises:
        ControlError: ``permission_denied`` when the short directory is somebody else's or open to others.
    """
    path = socket_path(project)
    if path.parent != project.state_dir:
        for directory in (path.parent.parent, path.parent):
            directory.mkdir(mode=0o700, exist_ok=True)
            _require_private(directory)
        (path.parent / _BREADCRUMB).write_bytes(os.fsencode(project.state_dir / "control.sock") + b"\n")
    path.unlink(missing_ok=True)
    return path


def listen_on(path: Path) -> socket.socket:
    """A listening socket at `path` that only its owner may connect to."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(128)
    listener.settimeout(0)
    return listener


def is_same_user(connection: socket.socket) -> bool:
    """Whether the peer runs under our uid. Where the system does not tell, the mode of the socket has to do."""
    if sys.platform != "linux":
        return True
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return bool(uid == os.getuid())


def _require_private(directory: Path) -> None:
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ControlError(
            "permission_denied",
            f"{str(directory)!r} has to be a directory of user {os.getuid()} with mode 0700, because the path of the "
            f"control socket is too long for the system; remove it or set ANIMUS_CONFIG_DIR to a shorter path",
        )
