"""A disk that forgets: what was not synced when the power goes is there, or in part, or not at all.

The files of the queue live here, in memory. A process that dies loses nothing that it had written, the system has it;
only a loss of power does. Data of a file that was not synced survives in pages, any of them; names of a directory that
was not synced survive up to some moment, in order, as a journalling file system keeps them.
"""

import copy
import errno
import itertools
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from animus_queue_default.storage.files import Files
from animus_simulation.loop import Killed, SimulatedProcess

__all__ = ["Disk", "SimulatedFiles"]

PAGE_BYTES = 512
FIRST_DESCRIPTOR = 1_000_000
"""Real descriptors are smaller: they are those of the lock, which is real."""

LOCK_NAME = "lock"


class _Node:
    """A file: what it holds, and the writes since the last sync with what they replaced."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.synced = b""
        self.is_synced = True
        self.written_at = 0.0


class Disk:
    """What is stored, whoever lives.

    Args:
        chance: decides what survives.
        now: the wall clock in seconds.
        later: runs something in the next turn of the loop.
        lock_path: a real file for the real lock.
    """

    def __init__(
        self,
        chance: random.Random,
        now: Callable[[], float],
        later: Callable[[Callable[[], object]], object],
        lock_path: Path,
    ) -> None:
        self.chance, self.now, self.later, self.lock_path = chance, now, later, lock_path
        self.names: dict[Path, _Node] = {}
        self.directories: set[Path] = set()
        self.closing: list[Callable[[], None]] = []
        self._unsynced: list[dict[Path, _Node | None]] = []

    def settle(self) -> bool:
        """Close what dead processes had open, which frees their locks; whether there was anything."""
        closing, self.closing = self.closing, []
        for close in closing:
            close()
        return bool(closing)

    def copy(self, chance: random.Random) -> "Disk":
        """The same content, apart from this one."""
        other = Disk(chance, self.now, self.later, self.lock_path)
        nodes = {id(node): copy.deepcopy(node) for node in self._nodes()}

        def of(names: Any) -> Any:
            return {path: None if node is None else nodes[id(node)] for path, node in names.items()}

        other.names, other.directories = of(self.names), set(self.directories)
        other._unsynced = [of(before) for before in self._unsynced]
        return other

    def _nodes(self) -> list[_Node]:
        found = [*self.names.values(), *(node for before in self._unsynced for node in before.values())]
        return [node for node in dict.fromkeys(found) if node is not None]

    def link(self, path: Path, node: _Node | None) -> None:
        """Let `path` name `node`, or nothing; not durable yet."""
        self._unsynced.append({path: self.names.get(path)})
        self._set(path, node)

    def _set(self, path: Path, node: _Node | None) -> None:
        self.names.pop(path, None)
        if node is not None:
            self.names[path] = node

    def rename(self, old: Path, new: Path) -> None:
        """Both at once, or neither."""
        node = self.names[old]
        self._unsynced.append({old: node, new: self.names.get(new)})
        self._set(old, None)
        self._set(new, node)

    def sync_directory(self, path: Path) -> None:
        """The names in `path` are durable."""
        self._unsynced = [before for before in self._unsynced if all(name.parent != path for name in before)]

    def lose_power(self) -> str:
        """Forget what was not synced, by chance; what that was, in words."""
        kept = self.chance.randrange(len(self._unsynced) + 1) if self._unsynced else 0
        undone = self._unsynced[kept:]
        for before in reversed(undone):
            for path, node in before.items():
                self._set(path, node)
        self._unsynced = []
        torn = 0
        for node in self._nodes():
            if not node.is_synced:
                node.data = self._survivor(node)
                node.synced, node.is_synced = bytes(node.data), True
                torn += 1
        return f"{len(undone)} names, {torn} files"

    def _survivor(self, node: _Node) -> bytearray:
        """Each page is the old or the new one; the length is that of either or in between."""
        old, new = node.synced, bytes(node.data)
        length = self.chance.choice((len(old), len(new), self.chance.randint(*sorted((len(old), len(new))))))
        found = bytearray(length)
        for start in range(0, length, PAGE_BYTES):
            source = new if self.chance.random() < 0.5 else old
            piece = source[start : min(start + PAGE_BYTES, length)]
            found[start : start + len(piece)] = piece
        return found


class SimulatedFiles(Files):
    """The operating system as one process sees it.

    Args:
        disk: what is stored.
        process: whose descriptors these are.
        reach: called at each named point and before each sync; it may kill the process or spoil the call.
    """

    def __init__(self, disk: Disk, process: SimulatedProcess, reach: Callable[[str], None]) -> None:
        super().__init__()
        self._disk, self._process, self._reach = disk, process, reach
        self._open: dict[int, _Node] = {}
        self._real: list[int] = []
        self._numbers = itertools.count(FIRST_DESCRIPTOR)
        # Not at once: what is being killed may be in the middle of a call.
        process.on_end.append(lambda: disk.closing.append(self._close_real))
        process.on_end.append(lambda: disk.later(disk.settle))

    def reach(self, point: str) -> None:
        if not self._process.is_alive:
            raise Killed
        if point:
            self._reach(point)
            if not self._process.is_alive:
                raise Killed

    def open(self, path: Path, *, create: bool = False, fresh: bool = False) -> int:
        self.reach("")
        if path.name == LOCK_NAME:
            descriptor = os.open(self._disk.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._real.append(descriptor)
            return descriptor
        node = self._disk.names.get(path)
        if node is None:
            if not (create or fresh):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
            node = _Node()
            self._disk.link(path, node)
        elif fresh:
            self._changed(node).clear()
        descriptor = next(self._numbers)
        self._open[descriptor] = node
        return descriptor

    def close(self, descriptor: int) -> None:
        if descriptor in self._real:
            self._real.remove(descriptor)
            os.close(descriptor)
        self._open.pop(descriptor, None)

    def close_aside(self, descriptor: int) -> None:
        self.close(descriptor)

    def read(self, descriptor: int, length: int, offset: int) -> bytes:
        self.reach("")
        return bytes(memoryview(self._open[descriptor].data)[offset : offset + length])

    def checksum(self, descriptor: int, start: int, end: int) -> int | None:
        from zlib import crc32

        data = self.read(descriptor, end - start, start)
        return crc32(data) if len(data) == end - start else None

    def append(self, descriptor: int, data: bytes, offset: int) -> None:
        self.reach("before-append")
        self.write(descriptor, data, offset)
        self.sync(descriptor)
        self.reach("after-fsync")

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        self.reach("write")
        found = self._changed(self._open[descriptor])
        if len(found) < offset:
            found.extend(bytes(offset - len(found)))
        found[offset : offset + len(data)] = data

    def sync(self, descriptor: int) -> None:
        self.reach("before-fsync")
        node = self._open[descriptor]
        node.synced, node.is_synced = bytes(node.data), True

    def cut(self, descriptor: int, length: int) -> None:
        self.reach("")
        del self._changed(self._open[descriptor])[length:]

    def size(self, descriptor: int) -> int:
        self.reach("")
        return len(self._open[descriptor].data)

    def is_unlinked(self, descriptor: int) -> bool:
        return False

    def save(self, path: Path, data: bytes, *, midway: str = "") -> None:
        temporary = path.with_name(f"{path.name}.tmp-{self._process.pid}")
        descriptor = self.open(temporary, fresh=True)
        try:
            self.write(descriptor, data, 0)
            self.sync(descriptor)
        except OSError:
            self.remove(temporary)
            raise
        finally:
            self.close(descriptor)
        self.reach(midway)
        self.publish(temporary, path)

    def publish(self, temporary: Path, path: Path, *, durably: bool = True) -> None:
        self.reach("publish")
        self._disk.rename(temporary, path)
        if durably:
            self.sync_directory(path.parent)

    def remove(self, path: Path) -> None:
        self.reach("")
        if path in self._disk.names:
            self._disk.link(path, None)

    def sync_directory(self, path: Path) -> None:
        self.reach("before-directory-sync")
        self._disk.sync_directory(path)

    def make_directory(self, path: Path) -> None:
        self.reach("")
        self._disk.directories.add(path)

    def is_directory(self, path: Path) -> bool:
        return path in self._disk.directories

    def names(self, directory: Path) -> list[str]:
        self.reach("")
        return sorted(path.name for path in self._disk.names if path.parent == directory)

    def age_seconds(self, path: Path) -> float:
        node = self._disk.names.get(path)
        return 0.0 if node is None else self._disk.now() - node.written_at

    def map(self, path: Path) -> Any:
        import mmap

        data = self.read_whole(path)
        if not data:
            return None
        found = mmap.mmap(-1, len(data))
        found.write(data)
        return found

    def read_whole(self, path: Path) -> bytes | None:
        self.reach("")
        node = self._disk.names.get(path)
        return None if node is None else bytes(node.data)

    def _changed(self, node: _Node) -> bytearray:
        node.is_synced, node.written_at = False, self._disk.now()
        return node.data

    def _close_real(self) -> None:
        """The system closes what a dead process had open, which frees its lock."""
        real, self._real = self._real, []
        for descriptor in real:
            os.close(descriptor)
