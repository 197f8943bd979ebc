"""Writes docs/crash-matrix.md from the last run of the matrix: ``python docs/generate_crash_matrix.py``.

With ``--check`` nothing is written; the exit code is 1 when the page is not what would be written.
"""  # noqa: INP001 - a script, not a module of a package

import sys
from pathlib import Path
from typing import Any

from crash_outcomes import ends_of, named, read_matrix, wrong_rows
from generated import write_or_check

__all__ = ["PAGE", "main", "page"]

PAGE = Path(__file__).with_name("crash-matrix.md")
RESULTS = Path(__file__).parent.parent / "tests" / "e2e" / "crash" / "matrix.json"

_HEAD = """\
<!-- Written by docs/generate_crash_matrix.py from tests/e2e/crash/matrix.json; run the matrix, then the script. -->
# Killed at every frame

A run of three command phases, and a `SIGKILL` at each frame between the daemon and its plugins, from the enqueue to
the end: {frames} frames when nobody disturbs; and again 0.1 s after each frame from which a phase may run. Killed is
the daemon, the workflow runner, the queue, or everything at once. A daemon that died is started again; nothing else is
helped. The client repeats its wish under one key until it is answered.

Each phase appends its run, its name and its attempt to a file; that is what really happened. A point is good if there
is one run for the wish, every phase of a run that completed has its line, nothing that was committed ran again, a phase
of unknown effect has no line twice, a run that waits says why and how it is freed, and no process is left.

`python tests/e2e/crash/matrix.py MINUTES WORKERS` runs the points in a fixed random order and keeps what it found;
`tests/e2e/test_crash_matrix.py` runs a few of them in CI. The page shows {run} of {possible} possible points,
{later} of them 0.1 s after the frame: **{bad} went wrong**.

| killed | phases | points | completed | parked, saying why | a started phase was begun again | went wrong |
|---|---|---|---|---|---|---|
"""
_FRAMES = """
An idempotent phase that was under way is begun again, under the same attempt number; a phase of unknown effect is not,
its run parks with the reason and `animus workflow resume RUN --force`. A runner whose daemon has died
still has a moment in which phases as short as these end and are committed: none of them was begun again.

## By frame

`->` is a frame on its way to the plugin, `<-` one that has arrived from it and was not read yet.

| frame | points | completed | parked, saying why | went wrong |
|---|---|---|---|---|
"""


def page() -> str:
    """The page as it should be."""
    found, rows, bad = read_matrix(RESULTS)
    later = sum(1 for row in rows if row["point"]["delay"])
    text = _HEAD.format(frames=found["frames"], run=len(rows), possible=found["possible"], later=later, bad=len(bad))
    kinds = sorted({(row["point"]["victim"], row["point"]["idempotency"]) for row in rows})
    for victim, idempotency in kinds:
        text += _kind(victim, idempotency, [row for row in rows if _is(row, victim, idempotency)])
    text += _FRAMES
    for frame in sorted({row["frame"] for row in rows}):
        text += _frame(frame, [row for row in rows if row["frame"] == frame])
    return text + wrong_rows(bad, "victim", "frame")


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is what it should be; returns the exit code."""
    return write_or_check(PAGE, page(), arguments)


def _is(row: dict[str, Any], victim: str, idempotency: str) -> bool:
    return (row["point"]["victim"], row["point"]["idempotency"]) == (victim, idempotency)


def _kind(victim: str, idempotency: str, rows: list[dict[str, Any]]) -> str:
    completed, parked, bad = ends_of(rows, "completed", "paused")
    repeated = sum(row["repeated"] for row in rows)
    return f"| {victim} | {named(idempotency)} | {len(rows)} | {completed} | {parked} | {repeated} | {bad} |\n"


def _frame(frame: str, rows: list[dict[str, Any]]) -> str:
    completed, parked, bad = ends_of(rows, "completed", "paused")
    return f"| `{frame}` | {len(rows)} | {completed} | {parked} | {bad} |\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
