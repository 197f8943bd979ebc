"""Every call to the operating system about the queue's files.

Nothing else in the package opens, reads, writes or syncs. That is what lets the crash tests stop the process at a
named point: with ``ANIMUS_QUEUE_FAILPOINT=<name>`` (or ``<name>:<n>`` for the n-th time) the process kills itself
there with SIGKILL. The points are ``before-append``, ``mid-append``, ``before-fsync``, ``after-fsync``,
``mid-compaction``, ``between-history-and-state``, ``before-seal``, ``after-seal``, ``mid-merge``, ``after-merge``,
``before-founding``, ``mid-founding`` and ``after-founding``.
"""

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    import mmap

__all__ = ["FAILPOINTS", "Files"]

FAILPOINTS = (
    "before-append",
    "mid-append",
    "before-fsync",
    "after-fsync",
    "mid-compaction",
    "between-history-and-state",
    "before-seal",
    "after-seal",
    "mid-merge",
    "after-merge",
    "before-founding",
    "mid-founding",
    "after-founding",
)
"""The named points, in the order a write passes them."""

_FAILPOINT_SETTING = "ANIMUS_QUEUE_FAILPOINT"
_DIRECTORY_MODE = 0o700
_FILE_MODE = 0o600
_WINDOW = 1024 * 1024
# fdatasync is missing on macOS; fsync does at least as much.
_sync = getattr(os, "fdatasync", os.fsync)


class Files:
    """The operating system, as far as the queue needs it."""

    def __init__(self) -> None:
        name, _, count = os.environ.get(_FAILPOINT_SETTING, "").partition(":")
        self._failpoint = name
        self._failpoint_after = int(count) if count.isdigit() else 1

    def reach(self, point: str) -> None:
        """Stand at `point`; die there if the failpoint setting names it."""
        if point and point == self._failpoint:
            self._failpoint_after -= 1
            if self._failpoint_after <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def open(self, path: Path, *, create: bool = False, fresh: bool = False) -> int:
        """A descriptor to read and write `path` with; children do not inherit it."""
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create or fresh else 0) | (os.O_TRUNC if fresh else 0)
        return os.open(path, flags, _FILE_MODE)

    def close(self, descriptor: int) -> None:
        """Give a descriptor back."""
        os.close(descriptor)

    def close_aside(self, descriptor: int) -> None:
        """As `close`, for a large file without a name: giving its space back takes long, and nobody waits for it."""
        import threading  # noqa: PLC0415 - only after a compaction

        threading.Thread(target=os.close, args=(descriptor,), name="animus-close", daemon=True).start()

    def read(self, descriptor: int, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`; fewer only at the end of the file."""
        data = os.pread(descriptor, length, offset)
        while data and len(data) < length:
            more = os.pread(descriptor, length - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def checksum(self, descriptor: int, start: int, end: int) -> int | None:
        """The checksum of a stretch of the file; None if the file is shorter."""
        found = 0
        while start < end:
            data = os.pread(descriptor, min(_WINDOW, end - start), start)
            if not data:
                return None
            found = crc32(data, found)
            start += len(data)
        return found

    def append(self, descriptor: int, data: bytes, offset: int) -> None:
        """Write `data` at `offset` and make it durable: the one write an acknowledged operation waits for."""
        if self._failpoint:
            self._append_past_points(descriptor, data, offset)
            return
        if os.pwrite(descriptor, data, offset) < len(data):
            self.write(descriptor, data, offset)
        _sync(descriptor)

    def _append_past_points(self, descriptor: int, data: bytes, offset: int) -> None:
        self.reach("before-append")
        self.write(descriptor, data[: len(data) // 2], offset)
        self.reach("mid-append")
        self.write(descriptor, data, offset)
        self.reach("before-fsync")
        _sync(descriptor)
        self.reach("after-fsync")

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        """Write all of `data` at `offset`, not yet durable."""
        written = os.pwrite(descriptor, data, offset)
        while written < len(data):
            written += os.pwrite(descriptor, data[written:], offset + written)

    def sync(self, descriptor: int) -> None:
        """Make what was written durable."""
        _sync(descriptor)

    def cut(self, descriptor: int, length: int) -> None:
        """Let the file end after `length` bytes."""
        os.ftruncate(descriptor, length)

    def size(self, descriptor: int) -> int:
        """How long the file is.

        Not to be called between writes: on recent kernels a stat makes the next sync of the same file dearer by
        two fifths. Whether another process wrote is seen by reading eight bytes at the expected end instead.
        """
        return os.fstat(descriptor).st_size

    def is_unlinked(self, descriptor: int) -> bool:
        """Whether the open file has been deleted. For the lock file, never for a journal: see `size`."""
        return os.fstat(descriptor).st_nlink == 0

    def save(self, path: Path, data: bytes, *, midway: str = "") -> None:
        """Create `path` with `data`, durably and in one step; `midway` lies before it has its name."""
        temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
        descriptor = self.open(temporary, fresh=True)
        try:
            self.write(descriptor, data, 0)
            os.fsync(descriptor)
        except OSError:
            self.remove(temporary)
            raise
        finally:
            os.close(descriptor)
        self.reach(midway)
        self.publish(temporary, path)

    def publish(self, temporary: Path, path: Path, *, durably: bool = True) -> None:
        """Give a finished file its name."""
        temporary.replace(path)
        if durably:
            self.sync_directory(path.parent)

    def remove(self, path: Path) -> None:
        """Delete `path` if it is there."""
        path.unlink(missing_ok=True)

    def sync_directory(self, path: Path) -> None:
        """Make the names in a directory durable."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def make_directory(self, path: Path) -> None:
        """Create `path` and what is missing above it, for the owner alone, durably."""
        missing: list[Path] = []
        while not path.is_dir():
            missing.append(path)
            path = path.parent
        for directory in reversed(missing):
            directory.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
            self.sync_directory(directory.parent)

    def is_directory(self, path: Path) -> bool:
        """Whether `path` is a directory."""
        return path.is_dir()

    def names(self, directory: Path) -> list[str]:
        """The names in a directory, sorted."""
        return sorted(path.name for path in directory.iterdir())

    def age_seconds(self, path: Path) -> float:
        """How long ago `path` was written; 0 if it is gone."""
        try:
            return time.time() - path.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def map(self, path: Path) -> "mmap.mmap | None":
        """The content of `path` without reading it, or None if there is no such file or nothing in it."""
        import mmap  # noqa: PLC0415 - only a queue with a history needs it

        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            return mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
        except ValueError:  # nothing in it
            return None
        finally:
            os.close(descriptor)

    def read_whole(self, path: Path) -> bytes | None:
        """The content of `path`, or None if there is no such file."""
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
