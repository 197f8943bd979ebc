"""Entry points of installed distributions, read from their metadata without importing anything of theirs.

``importlib.metadata`` does the same and costs 27 ms of every start; this reads ``*.dist-info/entry_points.txt`` below
each directory of the search path and remembers the answer until the directory changes.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

__all__ = ["EntryPoint", "entry_points"]

_SUFFIX = ".dist-info"


class EntryPoint(NamedTuple):
    """One line of one distribution's ``entry_points.txt``."""

    name: str
    value: str
    distribution: str
    version: str
    dist_info: Path


class _Distribution(NamedTuple):
    name: str
    version: str
    path: Path
    groups: dict[str, dict[str, str]]


_remembered: dict[str, tuple[int, list[_Distribution]]] = {}


def entry_points(group: str, search_path: Iterable[str] | None = None) -> list[EntryPoint]:
    """The entry points of `group`, in the order of the search path.

    A distribution that is installed twice counts where it is found first, as it does for imports.

    Args:
        group: for example ``animus.plugins``.
        search_path: directories; ``sys.path`` when None.
    """
    found: list[EntryPoint] = []
    seen: set[str] = set()
    for directory in sys.path if search_path is None else search_path:
        for distribution in _distributions(directory or "."):
            key = distribution.name.lower().replace("_", "-").replace(".", "-")
            if key in seen:
                continue
            seen.add(key)
            found.extend(
                EntryPoint(name, value, distribution.name, distribution.version, distribution.path)
                for name, value in distribution.groups.get(group, {}).items()
            )
    return found


def _distributions(directory: str) -> list[_Distribution]:
    try:
        changed = os.stat(directory).st_mtime_ns  # noqa: PTH116 - hundreds of these at start; Path doubles the time
        remembered = _remembered.get(directory)
        if remembered is not None and remembered[0] == changed:
            return remembered[1]
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith(_SUFFIX))
    except OSError:
        return []
    found = [_read(Path(directory), name) for name in names]
    _remembered[directory] = changed, found
    return found


def _read(directory: Path, folder: str) -> _Distribution:
    name, _, version = folder.removesuffix(_SUFFIX).rpartition("-")
    path = directory / folder
    try:
        text = (path / "entry_points.txt").read_text("utf-8", "replace")
    except OSError:
        text = ""
    return _Distribution(name.replace("_", "-"), version, path, parse_entry_points(text))


def parse_entry_points(text: str) -> dict[str, dict[str, str]]:
    """Group to name to value. Extras (``module [extra]``) are left off; lines that make no sense are skipped."""
    groups: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            current = groups.setdefault(line[1:-1].strip(), {})
        elif line and line[0] not in "#;":
            name, separator, value = line.partition("=")
            if separator and groups:
                current[name.strip()] = value.partition("[")[0].strip()
    return groups
