"""Small files that are either the old or the new one, whatever happens."""

import contextlib
import fcntl
import os
import time
from collections.abc import Generator
from pathlib import Path

__all__ = ["LOCK_SECONDS", "LockTimeoutError", "locked", "write_durably"]

LOCK_SECONDS = 5.0
"""How long a writer waits for another one."""

_POLL_SECONDS = 0.01


class LockTimeoutError(OSError):
    """Another process held the lock of a file for too long."""


def write_durably(path: Path, data: bytes) -> None:
    """Replace the content of `path` (0600): temporary file, fsync, rename, fsync of the directory.

    Raises:
        OSError: nothing was changed.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextlib.contextmanager
def locked(path: Path, *, timeout_seconds: float = LOCK_SECONDS) -> Generator[None]:
    """Hold the cross-process lock of `path` (a file beside it).

    Raises:
        LockTimeoutError: somebody else held it all the time.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    message = f"another process has held the lock of {str(path)!r} for {timeout_seconds:g} s; try again"
                    raise LockTimeoutError(message) from None
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)
