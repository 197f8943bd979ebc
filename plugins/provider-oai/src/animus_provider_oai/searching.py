"""Search the text of files below the current folder: ``python -m animus_provider_oai.searching JSON``.

A process of its own, because a regular expression may take for ever and only a process can be ended. Links are not
followed, so it sees nothing outside the folder. Imports the standard library only.
"""

import fnmatch
import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

__all__ = ["main"]

_FILE_LIMIT_BYTES: Final = 4 * 1024 * 1024
_LINE_CHARACTERS: Final = 400
_SKIPPED: Final = frozenset({".git", "node_modules", "__pycache__", ".venv"})
"""Folders that are not searched unless they are named."""
_BINARY_LOOK_BYTES: Final = 8192


def main(argv: list[str]) -> int:
    """Print ``path:line: text`` for each match of the request in ``argv[1]``; 0 found, 1 nothing found, 2 wrong."""
    request: dict[str, Any] = json.loads(argv[1])
    try:
        pattern = re.compile(request["pattern"].encode(), re.IGNORECASE if request["ignore_case"] else 0)
    except re.error as error:
        sys.stdout.write(f"the pattern is no regular expression: {error}\n")
        return 2
    found = 0
    for path, descriptor in _files(request["path"], request["glob"]):
        for number, line in _matches(descriptor, pattern):
            text = line.decode("utf-8", errors="replace")[:_LINE_CHARACTERS]
            sys.stdout.buffer.write(f"{path}:{number}: {text}\n".encode("utf-8", errors="replace"))
            found += 1
            if found >= request["most"]:
                sys.stdout.write(f"[stopped after {found} matches; narrow the search]\n")
                return 0
    if not found:
        sys.stdout.write("no match\n")
    return 0 if found else 1


def _files(start: str, glob: str | None) -> Iterator[tuple[str, int]]:
    """Each regular file with an open descriptor, which the caller closes by reading it."""
    try:
        is_folder = stat.S_ISDIR(Path(start).lstat().st_mode)
    except OSError as error:
        sys.stdout.write(f"{start!r}: {error.strerror}\n")
        return
    if not is_folder:
        yield from _open(start, start, None)
        return
    for folder, folders, files, descriptor in os.fwalk(start, follow_symlinks=False):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(files):
            path = os.path.normpath(f"{folder}/{name}")
            if glob is None or fnmatch.fnmatch(name, glob) or fnmatch.fnmatch(path, glob):
                yield from _open(path, name, descriptor)


def _open(path: str, name: str, folder: int | None) -> Iterator[tuple[str, int]]:
    try:
        yield path, os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return


def _matches(descriptor: int, pattern: re.Pattern[bytes]) -> Iterator[tuple[int, bytes]]:
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        data = stream.read(_FILE_LIMIT_BYTES)
    if b"\0" in data[:_BINARY_LOOK_BYTES]:
        return
    for number, line in enumerate(data.splitlines(), start=1):
        if pattern.search(line):
            yield number, line


if __name__ == "__main__":
    sys.exit(main(sys.argv))
