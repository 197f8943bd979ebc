"""The lock that makes several processes on one queue safe.

One file, opened once and never deleted; attempts that do not block, with a jitter between them, up to a deadline. A
process holds it from the first operation of a batch to the end of the batch's sync: never while it waits for a
frame. When a process dies the kernel frees it, so there is nothing stale to clean up.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from animus_queue_default.clock import Clock
from animus_queue_default.fault import LockTimeoutError, StorageError
from animus_queue_default.storage.files import Files

__all__ = ["LOCK_TIMEOUT_SECONDS", "Lock"]

LOCK_TIMEOUT_SECONDS = 5.0
"""How long an operation waits for another process before it gives up."""

_SHORTEST_PAUSE_SECONDS = 0.001
_PAUSE_SPREAD_SECONDS = 0.019


class _Calls(NamedTuple):
    """How a lock is taken without waiting, and given back: one call with one of two flags."""

    flock: Callable[[int, int], object]
    take: int
    give_back: int
    refusals: tuple[type[Exception], ...]
    """What taking it raises when another process has it."""
    failures: tuple[type[Exception], ...]
    """What it raises when there are no locks."""


class Lock:
    """An exclusive lock on `path`, between processes; not between threads of one."""

    def __init__(self, files: Files, path: Path, clock: Clock, timeout_seconds: float = LOCK_TIMEOUT_SECONDS) -> None:
        self._files = files
        self._path = path
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._descriptor: int | None = None
        self._calls: _Calls | None = None
        self.is_held = False

    def acquire(self) -> bool:
        """Take the lock.

        Returns:
            False if the lock file was opened anew, because it is the first time or somebody deleted it: what was
            known of the directory is then worth nothing.

        Raises:
            LockTimeoutError: another process kept it past the deadline.
            StorageError: the file system has no locks.
        """
        is_known = self._descriptor is not None
        deadline: float | None = None
        while True:
            descriptor = self._open() if self._descriptor is None else self._descriptor
            if not self._attempt(descriptor):
                now = self._clock.monotonic()
                deadline = now + self._timeout_seconds if deadline is None else deadline
                if now >= deadline:
                    raise LockTimeoutError(
                        f"another process held {str(self._path)!r} for {self._timeout_seconds:g} s; ask again, and if"
                        " that does not help look for a stopped animus-queue-default process"
                    )
                self._clock.sleep(_SHORTEST_PAUSE_SECONDS + _PAUSE_SPREAD_SECONDS * os.urandom(1)[0] / 255)
            elif self._files.is_unlinked(descriptor):
                # Deleted, maybe while we waited for it: others lock a new one by now.
                self.close()
                is_known = False
            else:
                self.is_held = True
                return is_known

    def _attempt(self, descriptor: int) -> bool:
        if self._calls is None:
            self._calls = _calls_of_portalocker()
        try:
            self._calls.flock(descriptor, self._calls.take)
        except self._calls.refusals:
            return False
        except self._calls.failures as error:
            raise StorageError(
                f"cannot lock {str(self._path)!r}: {error}; the queue needs a local file system with file locks"
            ) from error
        return True

    def release(self) -> None:
        """Let others go on."""
        self.is_held = False
        if self._descriptor is not None and self._calls is not None:
            self._calls.flock(self._descriptor, self._calls.give_back)

    def close(self) -> None:
        """Give the descriptor back, and with it the lock."""
        if self._descriptor is not None:
            self._files.close(self._descriptor)
            self._descriptor = None
        self.is_held = False

    def _open(self) -> int:
        """Open the lock file."""
        self._files.make_directory(self._path.parent)
        self._descriptor = descriptor = self._files.open(self._path, create=True)
        return descriptor


def _calls_of_portalocker() -> _Calls:
    # It costs 50 ms to import, so that waits until the handshake is over and work arrives.
    import portalocker  # noqa: PLC0415 - see above

    take = portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING
    refusals = (BlockingIOError, portalocker.AlreadyLocked)
    failures = (OSError, portalocker.LockException)
    locker = getattr(portalocker.portalocker, "FlockLocker", None)
    # What it calls on POSIX in the end, asked for once: what it checks on the way costs more than the lock.
    found: Callable[[int, int], object] | None = None if locker is None else getattr(locker(), "locker", None)

    def call(descriptor: int, flags: int) -> None:
        portalocker.lock(descriptor, take) if flags == take else portalocker.unlock(descriptor)

    return _Calls(found or call, int(take), int(portalocker.LockFlags.UNBLOCK), refusals, failures)
