"""A file in the making: written in pieces, named when it is complete."""

from pathlib import Path
from typing import NamedTuple

from animus_queue_default.storage.files import Files

__all__ = ["Draft", "Mark", "mark_of"]

_MARKED = 4_096
_SYNC_BYTES = 1024 * 1024


class Mark(NamedTuple):
    """What tells one complete file from another: how long it is, and the checksum of its end."""

    size: int
    checksum: int


def mark_of(files: Files, descriptor: int, size: int) -> Mark:
    """The mark of an open file of that size."""
    return Mark(size, files.checksum(descriptor, max(0, size - _MARKED), size) or 0)


class Draft:
    """A file that nobody sees until it is published.

    Args:
        files: the operating system.
        path: its name once it is published.
        magic: how it begins.
        suffix: makes this process's drafts distinct from another's.
    """

    def __init__(self, files: Files, path: Path, magic: bytes, suffix: str) -> None:
        self._files = files
        self.path = path
        self._temporary = path.with_name(f"{path.name}.tmp-{suffix}")
        self._descriptor = files.open(self._temporary, fresh=True)
        self._is_open = True
        self.end = self._synced = 0
        try:
            self.write(magic)
        except OSError:
            self.discard()
            raise

    def write(self, data: bytes, *, durably: bool = True) -> int:
        """Add `data`; where it begins.

        A draft that is synced now and then needs no long sync at its end.
        """
        start = self.end
        self._files.write(self._descriptor, data, start)
        self.end += len(data)
        if durably and self.end - self._synced >= _SYNC_BYTES:
            self._files.sync(self._descriptor)
            self._synced = self.end
        return start

    def write_at(self, data: bytes, offset: int) -> None:
        """Write `data` somewhere, not durably."""
        self._files.write(self._descriptor, data, offset)

    def checksum(self, start: int, end: int) -> int | None:
        """The checksum of a part of what was written."""
        return self._files.checksum(self._descriptor, start, end)

    def mark(self) -> Mark:
        """What tells this file from others when it is complete."""
        return mark_of(self._files, self._descriptor, self.end)

    def publish(self, *, durably: bool = True) -> None:
        """Give it its name."""
        if durably:
            self._files.sync(self._descriptor)
        self._close()
        self._files.publish(self._temporary, self.path, durably=durably)

    def discard(self) -> None:
        """Drop it."""
        self._close()
        self._files.remove(self._temporary)

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._files.close(self._descriptor)
