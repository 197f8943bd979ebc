"""The tools on files: read, write, edit, list."""

import os
import stat
from collections.abc import Iterator
from typing import Any, Final

from animus_provider_oai.limits import TOOL_OUTPUT_BYTES
from animus_provider_oai.worktree import Place, Worktree, WorktreeError

__all__ = ["LIST_ENTRIES", "edit_file", "list_folder", "read_file", "write_file"]

LIST_ENTRIES: Final = 500
_LIST_DEPTH: Final = 5


def read_file(worktree: Worktree, arguments: dict[str, Any]) -> str:
    """The lines from ``offset`` (from 1) on, at most ``limit``."""
    path = arguments["path"]
    text = worktree.read(path).decode("utf-8", errors="replace")
    lines = text.splitlines(keepends=True)
    first = max(1, arguments.get("offset") or 1)
    wanted = lines[first - 1 :][: arguments.get("limit") or None]
    shown: list[str] = []
    size = 0
    for line in wanted:
        size += len(line.encode(errors="replace"))
        if size > TOOL_OUTPUT_BYTES:
            break
        shown.append(line)
    if wanted and not shown:
        return wanted[0][:TOOL_OUTPUT_BYTES] + f"\n[line {first} is longer than {TOOL_OUTPUT_BYTES} bytes and is cut]"
    last = first - 1 + len(shown)
    if last < len(lines):
        shown.append(f"\n[lines {first} to {last} of {len(lines)}; read on with offset {last + 1}]")
    return "".join(shown) or "[nothing there: the file is empty or ends before the offset]"


def write_file(worktree: Worktree, arguments: dict[str, Any]) -> str:
    """Make or replace a file."""
    data = arguments["content"].encode("utf-8", errors="surrogateescape")
    is_new = worktree.write(arguments["path"], data)
    return f"{'made' if is_new else 'replaced'} {arguments['path']} ({len(data)} bytes)"


def edit_file(worktree: Worktree, arguments: dict[str, Any]) -> str:
    """Replace ``old`` by ``new``, which must occur once unless ``all``."""
    path, old, new = arguments["path"], arguments["old"], arguments["new"]
    if not old:
        raise WorktreeError("old is empty; use write to make a file")
    if old == new:
        raise WorktreeError("old and new are the same; nothing was changed")
    # Bytes that are not UTF-8 pass through as they are.
    text = worktree.read(path).decode("utf-8", errors="surrogateescape")
    count = text.count(old)
    if count == 0:
        raise WorktreeError(f"old does not occur in {path!r}; read the file and copy the text exactly, blanks included")
    if count > 1 and not arguments.get("all"):
        raise WorktreeError(f"old occurs {count} times in {path!r}; take more of the text around it, or set all")
    edited = text.replace(old, new)
    worktree.write(path, edited.encode("utf-8", errors="surrogateescape"))
    return f"edited {path} ({count} {'place' if count == 1 else 'places'})"


def list_folder(worktree: Worktree, arguments: dict[str, Any]) -> str:
    """The entries of a folder, and below it down to ``depth``; folders end in a slash, links show their target."""
    depth = min(max(1, arguments.get("depth") or 1), _LIST_DEPTH)
    shown: list[str] = []
    with worktree.place(arguments.get("path") or ".") as place:
        for line in _entries(place, depth):
            if len(shown) == LIST_ENTRIES:
                shown.append(f"[stopped after {LIST_ENTRIES} entries; list a folder further down]")
                break
            shown.append(line)
    return "\n".join(shown) or "[the folder is empty]"


def _entries(place: Place, depth: int) -> Iterator[str]:
    try:
        folder = os.open(place.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place.folder)
    except OSError as error:
        raise WorktreeError(f"{place.path!r}: {error.strerror}") from error
    try:
        yield from _walk(folder, "", depth)
    finally:
        os.close(folder)


def _walk(folder: int, prefix: str, depth: int) -> Iterator[str]:
    for name in sorted(os.listdir(folder)):
        try:
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                yield f"{prefix}{name} -> {os.readlink(name, dir_fd=folder)}"
            elif not stat.S_ISDIR(mode):
                yield f"{prefix}{name}"
            else:
                yield f"{prefix}{name}/"
                if depth > 1 and name != ".git":
                    yield from _below(folder, name, prefix, depth)
        except OSError:
            continue  # it went away, or may not be looked at


def _below(folder: int, name: str, prefix: str, depth: int) -> Iterator[str]:
    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield from _walk(inner, f"{prefix}{name}/", depth - 1)
    finally:
        os.close(inner)
