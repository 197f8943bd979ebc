"""Writes docs/crash-matrix-runner.md from the last run of the matrix: ``python docs/generate_crash_matrix_runner.py``.

With ``--check`` nothing is written; the exit code is 1 when the page is not what would be written.
"""  # noqa: INP001 - a script, not a module of a package

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crash_outcomes import ends_of, named, read_matrix, wrong_rows
from generated import write_or_check

__all__ = ["PAGE", "main", "page"]

PAGE = Path(__file__).with_name("crash-matrix-runner.md")
CRASH = Path(__file__).parent.parent / "plugins" / "workflow-runner-default" / "tests" / "crash"
RESULTS = CRASH / "matrix.json"

_HEAD = """\
<!-- Written by docs/generate_crash_matrix_runner.py from the matrix.json of the runner's tests; run that first. -->
# The workflow runner, killed everywhere

The process of `animus-workflow-runner-default` is killed with `SIGKILL` at every point of ten kinds of runs: before and
after each commit of its journal that changes something, between the steps of starting and ending each program (its own
and git's), in the middle of each line of its log, before, during and after each agent's call. Then another runner goes
on with the run. Every flow is run with phases that are `idempotent` and with phases of unknown effect.

Each command phase, and the provider for each agent, appends run, place and attempt to a ledger: that is what really
happened. A point is good if the run ends as an undisturbed one does, over the same attempts with the same verdicts; if
every effect is there, none was invented, and nothing that was committed happened again; if at most the one attempt that
was open was begun again, in a phase of unknown effect only after a person said so (`animus workflow resume RUN
--force`), and the run said why it waits; if log and checkpoints are whole, the work is on its branch once, checkout,
worktree and branch are as they should be, and no process and no record of one is left. What is allowed: the run's log
may lack the lines of the moment in which its runner died; the journal's events have them.

`python plugins/workflow-runner-default/tests/crash/matrix.py MINUTES WORKERS` runs the points in a fixed random order;
`test_crash_matrix.py` beside it runs a few of them in every run of the suite, and all in the tier `soak`.
The page shows {run} of {possible} points: **{bad} went wrong**.

## By kind of run

| run | phases | points | completed | parked, saying why | begun again | went wrong |
|---|---|---|---|---|---|---|
"""
_POINTS = """
Parked runs completed once they were resumed. "Begun again" counts points after which one attempt has two lines in the
ledger.

## By point

| killed | phases | points | completed | parked, saying why | begun again | went wrong |
|---|---|---|---|---|---|---|
"""
_COMMITS = """
## By commit

What the commit says of its run: its status and stage, and the attempts that began or ended with it.

| commit | killed before | completed / parked | killed after | completed / parked | went wrong |
|---|---|---|---|---|---|
"""
_ENDS = ("completed", "parked")
_NEVER = "(the run was over before it)"
_BEFORE, _AFTER = "journal: before a commit", "journal: after a commit"


def page() -> str:
    """The page as it should be."""
    found, rows, bad = read_matrix(RESULTS)
    text = _HEAD.format(run=len(rows), possible=found["possible"], bad=len(bad))
    text += _table(rows, lambda row: row["point"]["flow"])
    text += _POINTS + _table(rows, lambda row: _kind(row)[0])
    commits = sorted({_kind(row)[1] for row in rows if _is_commit(row)})
    text += _COMMITS + "".join(_commit(what, rows) for what in commits)
    return text + wrong_rows(bad, "flow", "name")


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is what it should be; returns the exit code."""
    return write_or_check(PAGE, page(), arguments)


def _kind(row: dict[str, Any]) -> tuple[str, str]:
    kind, _, what = (row["name"] or _NEVER).partition(" | ")
    return kind, what


def _is_commit(row: dict[str, Any]) -> bool:
    return _kind(row)[0] in {_BEFORE, _AFTER}


def _table(rows: list[dict[str, Any]], key: Callable[[dict[str, Any]], str]) -> str:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((key(row), row["point"]["idempotency"]), []).append(row)
    return "".join(_line(name, idempotency, group) for (name, idempotency), group in sorted(groups.items()))


def _line(name: str, idempotency: str, rows: list[dict[str, Any]]) -> str:
    completed, parked, wrong = ends_of(rows, *_ENDS)
    repeated = sum(1 for row in rows if row["repeated"])
    numbers = (len(rows), completed, parked, repeated, wrong)
    return f"| {name} | {named(idempotency)} | {' | '.join(map(str, numbers))} |\n"


def _commit(what: str, rows: list[dict[str, Any]]) -> str:
    sides = [[row for row in rows if _kind(row) == (side, what)] for side in (_BEFORE, _AFTER)]
    counted = [ends_of(side, *_ENDS) for side in sides]
    cells = [f"{len(side)} | {done} / {parked}" for side, (done, parked, _) in zip(sides, counted, strict=True)]
    return f"| `{what}` | {' | '.join(cells)} | {sum(wrong for _, _, wrong in counted)} |\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
