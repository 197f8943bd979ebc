"""What the ``journal/*`` methods answer from: runs of this and other runners, checkpoints, recorded events."""

import datetime
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from animus_plugin_protocol.described import described
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.journal.blob import run_blob
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.record import Run

__all__ = ["JournalRefusedError", "RunFilter", "StoredRun", "delete_run", "list_ids", "list_runs", "load_run"]

DEFAULT_LIMIT = 500
MAX_LIMIT = 2_000


class JournalRefusedError(Exception):
    """The journal will not do this to that run."""


class RunFilter(NamedTuple):
    """Which runs are meant; newest first, at most `limit`."""

    status: Sequence[str] = ()
    workflow_ref: str | None = None
    updated_since: datetime.datetime | None = None
    limit: int | None = None

    @property
    def bound(self) -> int:
        """The page size that holds."""
        return max(1, min(DEFAULT_LIMIT if self.limit is None else self.limit, MAX_LIMIT))


class StoredRun(NamedTuple):
    """One run as the journal shows it."""

    workflow_id: str
    workflow_ref: str | None
    status: str
    kind: str | None
    blob: Any
    created_at: str
    updated_at: str


def _rows(journal: Journal, wanted: RunFilter, columns: str) -> list[Any]:
    terms, values = ["1"], list[Any]()
    if wanted.status:
        terms.append(f"status IN ({', '.join('?' * len(wanted.status))})")
        values += wanted.status
    if wanted.workflow_ref is not None:
        terms.append("workflow_ref = ?")
        values.append(wanted.workflow_ref)
    if wanted.updated_since is not None:
        terms.append("updated_at >= ?")
        values.append(timestamp(wanted.updated_since))
    query = (
        f"SELECT {columns} FROM runner_run WHERE {' AND '.join(terms)}"  # noqa: S608 - placeholders only
        " ORDER BY updated_at DESC, workflow_id LIMIT ?"
    )
    return journal.connection.execute(query, (*values, wanted.bound + 1)).fetchall()


_COLUMNS = "workflow_id, workflow_ref, status, kind, is_foreign, body, created_at, updated_at"


def _stored(journal: Journal, row: Any) -> StoredRun:
    blob: Any = msgspec.json.decode(row[5])
    if not row[4]:
        run = msgspec.convert(blob, described(Run))
        blob = run_blob(run, journal.attempts(run.workflow_id))
    return StoredRun(row[0], row[1], row[2], row[3], blob, row[6], row[7])


def list_runs(journal: Journal, wanted: RunFilter) -> tuple[list[StoredRun], bool]:
    """A page of runs, and whether there are more."""
    rows = _rows(journal, wanted, _COLUMNS)
    return [_stored(journal, row) for row in rows[: wanted.bound]], len(rows) > wanted.bound


def list_ids(journal: Journal, wanted: RunFilter) -> tuple[list[str], bool]:
    """A page of run ids, and whether there are more."""
    rows = _rows(journal, wanted, "workflow_id")
    return [row[0] for row in rows[: wanted.bound]], len(rows) > wanted.bound


def load_run(journal: Journal, workflow_id: str) -> StoredRun | None:
    """One run."""
    query = f"SELECT {_COLUMNS} FROM runner_run WHERE workflow_id = ?"  # noqa: S608 - columns are a constant
    row = journal.connection.execute(query, (workflow_id,)).fetchone()
    return None if row is None else _stored(journal, row)


def save_run(journal: Journal, run: StoredRun) -> None:
    """Keep a run that another runner executes.

    Raises:
        JournalRefusedError: the run is one of this runner's own, which writes its journal itself.
    """
    if journal.run(run.workflow_id) is not None:
        raise JournalRefusedError(
            f"run {run.workflow_id!r} belongs to this runner, which keeps its journal itself; "
            "steer it with workflow/signal"
        )
    journal.connection.execute(
        "INSERT INTO runner_run (workflow_id, workflow_ref, status, kind, is_foreign, body, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT (workflow_id) DO UPDATE SET workflow_ref = excluded.workflow_ref,"
        " status = excluded.status, kind = excluded.kind, body = excluded.body, updated_at = excluded.updated_at",
        (
            run.workflow_id,
            run.workflow_ref,
            run.status,
            run.kind,
            msgspec.json.encode(run.blob),
            run.created_at,
            run.updated_at,
        ),
    )


def delete_run(journal: Journal, workflow_id: str) -> None:
    """Forget a run with everything kept of it; forgetting it twice is fine.

    Raises:
        JournalRefusedError: a process executes it.
    """
    pid = journal.executor(workflow_id)
    if pid is not None:
        raise JournalRefusedError(f"run {workflow_id!r} is executed by process {pid}: cancel it first")
    for table in ("runner_run", "runner_attempt", "runner_checkpoint", "runner_owner"):
        journal.connection.execute(f"DELETE FROM {table} WHERE workflow_id = ?", (workflow_id,))  # noqa: S608 - constants
    journal.connection.execute("DELETE FROM runner_event WHERE run_id = ?", (workflow_id,))


def record_event(journal: Journal, run_id: str, moment: datetime.datetime, body: Any) -> None:
    """Append an event."""
    journal.connection.execute(
        "INSERT INTO runner_event (run_id, ts, body) VALUES (?, ?, ?)",
        (run_id, timestamp(moment), msgspec.json.encode(body)),
    )


def list_events(
    journal: Journal, run_id: str | None, since: datetime.datetime | None, limit: int | None
) -> tuple[list[Any], bool]:
    """A page of events, oldest first, and whether there are more."""
    bound = RunFilter(limit=limit).bound
    rows = journal.connection.execute(
        "SELECT body FROM runner_event WHERE (?1 IS NULL OR run_id = ?1) AND (?2 IS NULL OR ts >= ?2)"
        " ORDER BY seq LIMIT ?3",
        (run_id, None if since is None else timestamp(since), bound + 1),
    ).fetchall()
    return [msgspec.json.decode(row[0]) for row in rows[:bound]], len(rows) > bound
