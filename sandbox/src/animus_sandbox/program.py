"""What of the file system a program needs so that it can be started."""

import shutil
import sys
from pathlib import Path
from typing import Final

__all__ = ["interpreter", "program_mounts"]

_SYSTEM: Final = Path("/usr")
_LINE_BYTES: Final = 512


def program_mounts(program: Path, *, path: str | None = None) -> tuple[Path, ...]:
    """The folders to open for `program`, besides the system's own.

    That is the folder it really is in (for a package of npm, all packages beside it), and the same for the
    interpreter its first line names.

    Args:
        program: an existing file.
        path: where interpreters are looked up; None takes ``PATH``.
    """
    real = program.resolve()
    found = [] if real.is_relative_to(_SYSTEM) else [_package_of(real)]
    named = _interpreter_of(real, path)
    if named is not None and named != real:
        found += program_mounts(named, path=path)
    return tuple(dict.fromkeys(found))


def interpreter() -> tuple[Path, tuple[Path, ...]]:
    """The Python to run inside, and the folders to open for it."""
    prefix = Path(sys.base_prefix).resolve()
    named = prefix / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    program = named if named.exists() else Path(sys.executable)
    return program.resolve(), () if prefix.is_relative_to(_SYSTEM) else (prefix,)


def _package_of(real: Path) -> Path:
    parts = real.parts
    if "node_modules" in parts:
        return Path(*parts[: parts.index("node_modules") + 1])
    # An installation with its own libraries (node, python) keeps them beside the folder of programs.
    if real.parent.name == "bin" and (real.parent.parent / "lib").is_dir():
        return real.parent.parent
    return real.parent


def _interpreter_of(real: Path, path: str | None) -> Path | None:
    with real.open("rb") as stream:
        line = stream.readline(_LINE_BYTES).decode("utf-8", "replace")
    words = line.removeprefix("#!").split() if line.startswith("#!") else []
    if not words:
        return None
    if Path(words[0]).name == "env":
        names = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        found = shutil.which(names[0], path=path) if names else None
        return None if found is None else Path(found).resolve()
    named = Path(words[0])
    return named.resolve() if named.is_file() else None
