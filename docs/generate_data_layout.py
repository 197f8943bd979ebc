"""Writes docs/data-layout.md from the table that the test compares: ``python docs/generate_data_layout.py``.

With ``--check`` nothing is written; the exit code is 1 when the page is not what would be written.
"""  # noqa: INP001 - a script, not a module of a package

import sys
import tomllib
from pathlib import Path
from typing import Any

from generated import write_or_check

__all__ = ["PAGE", "main", "page"]

PAGE = Path(__file__).with_name("data-layout.md")
TABLE = Path(__file__).parent.parent / "tests" / "e2e" / "data_layout.toml"

_HEAD = """\
<!-- Written by docs/generate_data_layout.py from tests/e2e/data_layout.toml; change that, then run it again. -->
# What lies where

Every path, who writes it and who reads it. `tests/e2e/test_data_layout.py` runs a project (a command, an agent, a
schedule, a plugin that dies) and fails on a file that no row speaks of, and on a marked row without its file.
A row without a reader or without a test is refused.

`ANIMUS_CONFIG_DIR` moves `~/.animus`. `<repo-scope>` is the repository's name with twelve digits of its path's hash;
linked worktrees share that of their main checkout. State directories are closed to other users.
"""
_COLUMNS = """\
| path | what | written by | read by | test | in the test's project |
|---|---|---|---|---|---|
"""
_BASES = {
    "project": "In the project",
    "scope": "State of one project: `~/.animus/<repo-scope>/`",
    "machine": "Shared by all projects of the user: `~/.animus/`",
}


def page() -> str:
    """The page as it should be."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["path"]
    return _HEAD + "".join(_part(title, [row for row in rows if row["base"] == base]) for base, title in _BASES.items())


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is what it should be; returns the exit code."""
    return write_or_check(PAGE, page(), arguments)


def _part(title: str, rows: list[dict[str, Any]]) -> str:
    return f"\n## {title}\n\n{_COLUMNS}" + "".join(_row(row) for row in rows)


def _row(row: dict[str, Any]) -> str:
    file, _, name = row["test"].partition("::")
    test = f"[{name or Path(file).name}](../{file})"
    cells = (f"`{row['path']}`", row["what"], row["writer"], row["reader"], test, "yes" if row.get("in_scene") else "")
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
