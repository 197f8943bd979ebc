"""Checkpoints: where a run was at each of its steps, for people who look back and for other runners' own.

A checkpoint of ours is the run's row at that moment and how many attempts had ended; attempts do not change after
their end, so that is all it takes to show the run as it was.
"""

import datetime
from typing import Any, NamedTuple

import msgspec

from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.journal.blob import run_blob
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.record import Attempt, Run

__all__ = [
    "Checkpoint",
    "list_checkpoints",
    "load_checkpoint",
    "prune_checkpoints",
    "save_checkpoint",
    "take_checkpoint",
]

_COLUMNS = "num, reason, path, phase_id, attempt, status, created_at"


class Checkpoint(NamedTuple):
    """One line of the list. Everything but `number` is None for one that another runner saved."""

    number: int
    reason: str | None
    path: str | None
    phase_id: str | None
    attempt: int | None
    status: str | None
    created_at: str | None


def take_checkpoint(
    journal: Journal,
    run: Run,
    reason: str,
    *,
    ended: int,
    attempt: Attempt | None,
    now: datetime.datetime,
    keep: int,
) -> None:
    """Keep where a run is now; of each phase the newest `keep` stay.

    Args:
        journal: the journal, in the transaction of the step.
        run: the run after the step.
        reason: ``start``, ``resume``, ``pause``, ``cancel``, ``statuschange`` or ``manual``.
        ended: how many of its attempts have ended.
        attempt: the one that ended with this step, if one did.
        now: the time.
        keep: how many of a phase stay.
    """
    execute = journal.connection.execute
    path = run.position if attempt is None else attempt.path
    query = "SELECT COALESCE(MAX(num), 0) + 1 FROM runner_checkpoint WHERE workflow_id = ?"
    number: int = execute(query, (run.workflow_id,)).fetchone()[0]
    execute(
        "INSERT INTO runner_checkpoint"
        " (workflow_id, num, body, reason, path, phase_id, attempt, status, created_at, ended)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            run.workflow_id,
            number,
            msgspec.json.encode(run),
            reason,
            path,
            None if attempt is None else attempt.phase_id,
            None if attempt is None else attempt.attempt,
            run.status.value,
            timestamp(now),
            ended,
        ),
    )
    if number <= keep:
        return
    execute(
        "DELETE FROM runner_checkpoint WHERE workflow_id = ?1 AND path IS ?2 AND num NOT IN"
        " (SELECT num FROM runner_checkpoint WHERE workflow_id = ?1 AND path IS ?2 ORDER BY num DESC LIMIT ?3)",
        (run.workflow_id, path, keep),
    )


def save_checkpoint(journal: Journal, workflow_id: str, number: int, blob: Any) -> None:
    """Keep a checkpoint that another runner made, replacing one of the same number."""
    journal.connection.execute(
        "INSERT OR REPLACE INTO runner_checkpoint (workflow_id, num, body) VALUES (?, ?, ?)",
        (workflow_id, number, msgspec.json.encode(blob)),
    )


def load_checkpoint(journal: Journal, workflow_id: str, number: int) -> Any:
    """A checkpoint as the document of the run at that moment, or as it was saved; None if there is none."""
    query = "SELECT body, ended FROM runner_checkpoint WHERE workflow_id = ? AND num = ?"
    row = journal.connection.execute(query, (workflow_id, number)).fetchone()
    if row is None or row[1] is None:
        return None if row is None else msgspec.json.decode(row[0])
    ended = [attempt for attempt in journal.attempts(workflow_id) if attempt.finished_at is not None]
    return run_blob(msgspec.json.decode(row[0], type=Run), ended[: row[1]])


def list_checkpoints(journal: Journal, workflow_id: str) -> list[Checkpoint]:
    """The checkpoints of a run, oldest first."""
    query = f"SELECT {_COLUMNS} FROM runner_checkpoint WHERE workflow_id = ? ORDER BY num"  # noqa: S608 - a constant
    return [Checkpoint(*row) for row in journal.connection.execute(query, (workflow_id,))]


def prune_checkpoints(journal: Journal, workflow_id: str, keep: int) -> None:
    """Forget all but the newest `keep` checkpoints of a run."""
    journal.connection.execute(
        "DELETE FROM runner_checkpoint WHERE workflow_id = ?1 AND num NOT IN"
        " (SELECT num FROM runner_checkpoint WHERE workflow_id = ?1 ORDER BY num DESC LIMIT ?2)",
        (workflow_id, max(0, keep)),
    )
