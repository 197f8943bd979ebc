"""Whether definitions can have changed since they were read, told from the directory alone.

Each run and each enqueue asks for the configuration; compiling it costs about a hundred times what looking at the
files does. As in git's index, a file that was touched a moment before it was looked at proves nothing: a second change
could carry the same time.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["SETTLE_SECONDS", "Signature", "signature_of"]

SETTLE_SECONDS = 2.0
"""How old the newest change has to be before a signature is believed."""

_SUFFIXES = (".yaml", ".yml", ".toml", ".json")


class _Stamp(NamedTuple):
    path: str
    inode: int
    size: int
    changed_ns: int


class Signature(NamedTuple):
    """What the files looked like. Equal signatures that are settled mean equal definitions."""

    stamps: tuple[_Stamp, ...]
    is_settled: bool


def signature_of(project_root: Path, pack_roots: Iterable[str], now_ns: Callable[[], int] = time.time_ns) -> Signature:
    """Look at every file that can hold definitions: the project's ``.animus`` and the roots of its packs."""
    folder = project_root / ".animus"
    stamps = [*_stamps(folder, deep=False), *_stamps(folder / "workflows", deep=False)]
    for root in pack_roots:
        stamps += _stamps(Path(root), deep=True)
    newest = max((stamp.changed_ns for stamp in stamps), default=0)
    return Signature(tuple(stamps), is_settled=newest < now_ns() - SETTLE_SECONDS * 1e9)


def _stamps(folder: Path, *, deep: bool) -> Iterator[_Stamp]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        yield _stamp(os.fspath(folder), os.stat(folder))  # noqa: PTH116 - beside scandir
    except OSError:
        return
    for entry in entries:
        if deep and entry.is_dir():
            yield from _stamps(folder / entry.name, deep=True)
        elif entry.name.endswith(_SUFFIXES):
            try:
                yield _stamp(entry.path, entry.stat())
            except OSError:
                continue


def _stamp(path: str, status: os.stat_result) -> _Stamp:
    return _Stamp(path, status.st_ino, status.st_size, max(status.st_mtime_ns, status.st_ctime_ns))
