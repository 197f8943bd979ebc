"""The folder an agent works in, and the promise that no path leads out of it.

Paths are walked one component at a time on open directories, symbolic links by hand, so that neither ``..`` nor a link
nor a folder that is swapped meanwhile leads outside. A link to a place inside is followed.
"""

import contextlib
import errno
import os
import stat
from collections import deque
from collections.abc import Generator
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

__all__ = ["FILE_LIMIT_BYTES", "Place", "Worktree", "WorktreeError"]

FILE_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""Larger files are neither read nor edited by a tool; the shell is there for them."""
_LINKS: Final = 40
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GUARDED: Final = ".git"
"""What git runs or obeys lies there: hooks, filters, the way to the repository."""


class WorktreeError(Exception):
    """A path that is refused or cannot be used; the text is for the model."""


class Place(NamedTuple):
    """An entry of a folder that is open; `name` is no link.

    `parts` lead to it from the root; for the root, `name` is ``.`` and `parts` is empty.
    """

    folder: int
    name: str
    parts: tuple[str, ...]

    @property
    def path(self) -> str:
        """The path from the root."""
        return "/".join(self.parts) or "."


class Worktree:
    """Files below `root`. Every error is a `WorktreeError`."""

    def __init__(self, root: Path) -> None:
        """Work in `root`, which must exist."""
        self.root = root.resolve()
        self._names = (self.root, Path(os.path.abspath(root)))  # noqa: PTH100 - links are to stay, resolve() follows them

    def read(self, path: str) -> bytes:
        """All of a file."""
        with self.place(path) as place, self._told(path):
            return _read(place, path)

    def write(self, path: str, data: bytes) -> bool:
        """Replace or make a file, in one step and with the folders it needs; whether it is new."""
        with self.place(path, make_folders=True) as place, self._told(path):
            if any(part.lower() == _GUARDED for part in place.parts):
                raise WorktreeError(f"{path!r} belongs to git and is not written")
            mode = _mode(place)
            if mode is not None and not stat.S_ISREG(mode):
                raise WorktreeError(f"{path!r} is not a file")
            _replace(place, data, 0o644 if mode is None else stat.S_IMODE(mode))
            return mode is None

    @contextlib.contextmanager
    def place(self, path: str, *, make_folders: bool = False) -> Generator[Place]:
        """Where `path` leads, with its folder open. The last component need not exist.

        Raises:
            WorktreeError: it leads outside, or through something that is no folder.
        """
        walk = _Walk(self, make_folders=make_folders)
        try:
            with self._told(path):
                found = walk.to(path)
            yield found
        finally:
            walk.close()

    def inside(self, path: str) -> PurePosixPath:
        """`path` from the root on; absolute paths must name the root.

        Raises:
            WorktreeError: it is not inside by its words already.
        """
        if "\0" in path:
            raise WorktreeError(f"{path!r} holds a NUL character")
        if not path.startswith("/"):
            return PurePosixPath(path)
        for name in self._names:
            if PurePosixPath(path).is_relative_to(name):
                return PurePosixPath(path).relative_to(name)
        raise WorktreeError(f"{path!r} is outside the folder you work in ({str(self.root)!r}); use a path inside it")

    @contextlib.contextmanager
    def _told(self, path: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            if error.errno == errno.ENOTDIR:
                raise WorktreeError(f"{path!r}: a part of the path is not a folder") from error
            raise WorktreeError(f"{path!r}: {os.strerror(error.errno or 0)}") from error


class _Walk:
    """One walk from the root; `stack` holds the open folders on the way."""

    def __init__(self, worktree: Worktree, *, make_folders: bool) -> None:
        self._worktree = worktree
        self._make_folders = make_folders
        self._stack = [os.open(worktree.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
        self._parts: list[str] = []

    def close(self) -> None:
        while self._stack:
            os.close(self._stack.pop())

    def to(self, path: str) -> Place:
        pending = deque(self._worktree.inside(path).parts)
        links = 0
        while pending:
            name = pending.popleft()
            if name == "..":
                self._up(path)
                continue
            mode = _mode(Place(self._stack[-1], name, ()))
            if mode is not None and stat.S_ISLNK(mode):
                links += 1
                if links > _LINKS:
                    raise WorktreeError(f"{path!r} goes through too many symbolic links")
                self._follow(name, path, pending)
            elif not pending:
                return Place(self._stack[-1], name, (*self._parts, name))
            else:
                self._down(name, exists=mode is not None)
        if not self._parts:
            return Place(self._stack[-1], ".", ())
        return Place(self._stack[-2], self._parts[-1], tuple(self._parts))

    def _up(self, path: str) -> None:
        if not self._parts:
            raise WorktreeError(f"{path!r} leads outside the folder you work in")
        self._parts.pop()
        os.close(self._stack.pop())

    def _down(self, name: str, *, exists: bool) -> None:
        if not exists and self._make_folders:
            if name.lower() == _GUARDED:
                raise WorktreeError(f"{name!r} belongs to git and is not written")
            os.mkdir(name, dir_fd=self._stack[-1])
        self._stack.append(os.open(name, _FOLDER, dir_fd=self._stack[-1]))
        self._parts.append(name)

    def _follow(self, name: str, path: str, pending: deque[str]) -> None:
        target = os.readlink(name, dir_fd=self._stack[-1])
        try:
            parts = self._worktree.inside(target).parts
        except WorktreeError:
            raise WorktreeError(
                f"{path!r} goes through the symbolic link {name!r}, which leads outside the folder you work in"
            ) from None
        if target.startswith("/"):
            while self._parts:
                self._up(path)
        pending.extendleft(reversed(parts))


def _mode(place: Place) -> int | None:
    try:
        return os.stat(place.name, dir_fd=place.folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None


def _read(place: Place, path: str) -> bytes:
    descriptor = os.open(place.name, _FILE, dir_fd=place.folder)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise WorktreeError(f"{path!r} is a folder; list it instead")
        if not stat.S_ISREG(found.st_mode):
            raise WorktreeError(f"{path!r} is not a file")
        if found.st_size > FILE_LIMIT_BYTES:
            raise WorktreeError(f"{path!r} has {found.st_size} bytes, more than the {FILE_LIMIT_BYTES} this tool reads")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return stream.read(FILE_LIMIT_BYTES)
    finally:
        os.close(descriptor)


def _replace(place: Place, data: bytes, mode: int) -> None:
    temporary = f".{place.name[:200]}.{os.urandom(4).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600, dir_fd=place.folder)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            os.fchmod(descriptor, mode)
        os.rename(temporary, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=place.folder)
        raise
