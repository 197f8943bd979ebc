"""What the crash matrices found; a row is a point at which something was killed."""  # noqa: INP001 - beside scripts

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Matrix", "ends_of", "named", "read_matrix", "wrong_rows"]

_WRONG = "\n## What went wrong\n\n"


class Matrix(NamedTuple):
    """A `matrix.json`. `facts` are its keys, `rows` its outcomes, `bad` those that went wrong."""

    facts: dict[str, Any]
    rows: list[dict[str, Any]]
    bad: list[dict[str, Any]]


def read_matrix(path: Path) -> Matrix:
    """The last run of a matrix."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = facts["outcomes"]
    return Matrix(facts, rows, [row for row in rows if row["faults"]])


def named(idempotency: str) -> str:
    """A class of phases as the pages call it."""
    return "`idempotent`" if idempotency == "idempotent" else "of unknown effect"


def ends_of(rows: Iterable[dict[str, Any]], *words: str) -> list[int]:
    """How many of the good rows ended with each of these words, and last how many rows went wrong."""
    kept = list(rows)
    ends = Counter(row["end"] for row in kept if not row["faults"])
    return [*(ends[word] for word in words), sum(1 for row in kept if row["faults"])]


def wrong_rows(bad: Iterable[dict[str, Any]], victim: str, place: str) -> str:
    """The section about what went wrong; empty if nothing did.

    Args:
        bad: the rows.
        victim: the key of a point that says what was killed or run.
        place: the key of a row that says where.
    """
    lines = [
        f"- {row['point'][victim]}, {row['point']['idempotency']}, point {row['point']['number']} (`{row[place]}`): "
        f"{row['end']}; {'; '.join(row['faults'])}\n"
        for row in bad
    ]
    return _WRONG + "".join(lines) if lines else ""
