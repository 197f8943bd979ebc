"""Writes docs/survival.md from the table that the tests make happen: ``python docs/generate_survival.py``.

With ``--check`` nothing is written; the exit code is 1 when the page is not what would be written.
"""  # noqa: INP001 - a script, not a module of a package

import sys
import tomllib
from pathlib import Path
from typing import Any

from generated import write_or_check

__all__ = ["PAGE", "main", "page"]

PAGE = Path(__file__).with_name("survival.md")
TABLE = Path(__file__).parent.parent / "tests" / "e2e" / "survival.toml"

_HEAD = """\
<!-- Written by docs/generate_survival.py from tests/e2e/survival.toml; change that, then run it again. -->
# What a killed process leaves behind

A run of three command phases, a `SIGKILL`, and what becomes of the run. `tests/e2e/test_survival.py` makes every row
happen with real processes: each phase appends a line to a file when it begins, so a phase that ran twice shows. After
each kill the killed process and everything below it is looked for by pid and start time; in no row anything of it is
left, and no committed phase ran again.

Killed is the daemon, the workflow runner or the queue. The daemon is started again by hand (`animus daemon start`);
plugins are started again by the daemon.

| killed | when | the phases are | first, second, third phase were begun | the run |
|---|---|---|---|---|
"""
_ENDS = {
    "daemon": "goes on when the daemon is started again, and completes",
    "runner": "goes on by itself, and completes",
    "queue": "is not disturbed, and completes",
}
_FREED = {
    "phase": "",
    "commit": " after `animus workflow resume RUN`",
    "gate": " after `animus workflow phase approve RUN`",
}
_PARKS = (
    "parks, because the second phase may have had effects, and says so; "
    "completes after `animus workflow resume RUN --force`"
)


def page() -> str:
    """The page as it should be."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return _HEAD + "".join(_row(row, table["moments"]) for row in table["row"])


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is what it should be; returns the exit code."""
    return write_or_check(PAGE, page(), arguments)


def _row(row: dict[str, Any], moments: dict[str, str]) -> str:
    begun = ", ".join(map(str, row["runs"]))
    phases = "`idempotent`" if row["idempotency"] == "idempotent" else "of unknown effect"
    end = _PARKS if row["parks"] else _ENDS[row["killed"]] + _FREED[row["moment"]]
    return f"| {row['killed']} | {moments[row['moment']]} | {phases} | {begun} | {end} |\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
