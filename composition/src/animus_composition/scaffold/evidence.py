"""What a folder shows about itself by its files. Nothing is run, and a file that cannot be read shows nothing."""

import json
import tomllib
from pathlib import Path
from typing import Any, cast

__all__ = ["Evidence"]

_LARGEST_BYTES = 1024 * 1024
_TESTS_LOOKED_AT = 200


class Evidence:
    """A project folder, read on demand and at most once per file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._texts: dict[str, str] = {}

    def has(self, *names: str) -> bool:
        """Whether one of the files is there."""
        return any((self.root / name).is_file() for name in names)

    def text(self, name: str) -> str:
        """The text of a file; empty if there is none or it is too large to be what it should be."""
        if name not in self._texts:
            self._texts[name] = _read(self.root / name)
        return self._texts[name]

    def section(self, name: str, heading: str) -> bool:
        """Whether an INI-like file has a section."""
        return any(line.strip() == f"[{heading}]" for line in self.text(name).splitlines())

    def pyproject_tool(self, *path: str) -> bool:
        """Whether ``pyproject.toml`` has the table ``tool.<path>``."""
        table: Any = _toml(self.text("pyproject.toml")).get("tool")
        for name in path:
            table = _table(table).get(name)
        return table is not None

    def npm_script(self, name: str) -> bool:
        """Whether ``package.json`` has a script that is not the placeholder npm writes."""
        package = _table(_json(self.text("package.json")))
        script = _table(package.get("scripts")).get(name)
        return isinstance(script, str) and "no test specified" not in script

    def make_target(self, name: str) -> bool:
        """Whether the makefile has a target."""
        text = self.text("Makefile") or self.text("makefile") or self.text("GNUmakefile")
        return any(line.partition(":")[0].split() == [name] and ":" in line for line in text.splitlines())

    def python_tests(self) -> list[str]:
        """Names of Python test files at the top and below ``test``, ``tests`` and ``src``, relative to the root."""
        found: list[str] = []
        for place in (self.root, self.root / "tests", self.root / "test"):
            found += [path.relative_to(self.root).as_posix() for path in sorted(_test_files(place))]
        return found[:_TESTS_LOOKED_AT]


def _test_files(place: Path) -> set[Path]:
    patterns = ("test_*.py", "*_test.py", "test*.py")
    return {path for pattern in patterns for path in place.glob(pattern) if path.is_file()} if place.is_dir() else set()


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _table(value: Any) -> dict[str, Any]:
    """`value` if it is an object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
