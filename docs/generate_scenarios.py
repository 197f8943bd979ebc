"""Writes docs/scenarios.md from the map of scenarios to tests: ``python docs/generate_scenarios.py``.

With ``--check`` nothing is written; the exit code is 1 when the page is not what would be written.
"""  # noqa: INP001 - a script, not a module of a package

import sys
import tomllib
from pathlib import Path
from typing import Any

from generated import write_or_check

__all__ = ["PAGE", "main", "page"]

PAGE = Path(__file__).with_name("scenarios.md")
TABLE = Path(__file__).parent.parent / "tests" / "docs" / "scenarios.toml"

_HEAD = """\
<!-- Written by docs/generate_scenarios.py from tests/docs/scenarios.toml; change that, then run it again. -->
# Scenarios

What anybody may expect of the queue (1 to 25), the workflow runner (26 to 39) and the seams of the daemon (40), and the
tests that show it. A test of the documents sees to it that every one named here is there and runs.

| | scenario | shown by |
|---|---|---|
"""
_FAMILIES = """
## Families of the runner's tests

| promise | tests |
|---|---|
"""


def page() -> str:
    """The page as it should be."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    families = "".join(f"| {row['title']} | `{row['file']}` |\n" for row in table["family"])
    return _HEAD + "".join(map(_row, table["scenario"])) + _FAMILIES + families


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is what it should be; returns the exit code."""
    return write_or_check(PAGE, page(), arguments)


def _row(row: dict[str, Any]) -> str:
    note = f" ({row['note']})" if "note" in row else ""
    tests = "<br>".join(f"`{file}` `{name}`" for file, _, name in (test.partition("::") for test in row["tests"]))
    return f"| {row['number']} | {row['title']}{note} | {tests} |\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
