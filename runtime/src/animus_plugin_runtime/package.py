"""Where an installed package lies, found without running any of its code."""

import hashlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from animus_plugin_runtime.entry_points import entry_points

__all__ = ["DataPackage", "find_data_packages", "find_package", "fingerprint_package"]


class DataPackage(NamedTuple):
    """A package that was installed for its files: a flavor, a pack."""

    name: str
    package: str
    directory: Path
    version: str


def find_package(module: str, search_path: Sequence[str] | None = None) -> Path | None:
    """The directory of the top-level package of `module`, or the file of a single module; None when not installed.

    Only the top level is looked up: finding a submodule would import its parents.
    """
    top = module.partition(".")[0]
    path = list(sys.path if search_path is None else search_path)
    spec = importlib.machinery.PathFinder.find_spec(top, path)
    if spec is None and search_path is None:
        spec = _hooked_spec(top)
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.origin and spec.has_location else None


def _hooked_spec(top: str) -> importlib.machinery.ModuleSpec | None:
    """Editable installs may use an import hook instead of the path."""
    try:
        return importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None


def find_data_packages(group: str, search_path: Sequence[str] | None = None) -> list[DataPackage]:
    """The packages that `group` names, for example ``animus.packs``; those whose directory is missing are left out."""
    found: list[DataPackage] = []
    for point in entry_points(group, search_path):
        directory = find_package(point.value, search_path)
        if directory is not None and directory.is_dir():
            found.append(DataPackage(point.name, point.value, directory, point.version))
    return found


def fingerprint_package(path: Path) -> str:
    """Changes whenever a Python file of the package changes; for caches of what the package says of itself."""
    digest = hashlib.sha256(str(path).encode())
    files = [path] if path.is_file() else _python_files(path)
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        digest.update(f"{file}\0{status.st_mtime_ns}\0{status.st_size}\0".encode())
    return digest.hexdigest()


def _python_files(directory: Path) -> list[Path]:
    found: list[Path] = []
    for folder, _, names in os.walk(directory):
        found.extend(Path(folder, name) for name in names if name.endswith(".py"))
    return sorted(found)
