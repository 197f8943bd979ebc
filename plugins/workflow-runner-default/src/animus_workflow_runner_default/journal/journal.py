"""The write-ahead journal of runs, in SQLite: every transition is durable here before it is acted on.

A run is one row plus one row per attempt, addressed by instance path and attempt number. The compiled configuration
is stored once per digest, and a run names the one it is pinned to. A run is executed by one process at a time: its
owner row names that process by pid and start time, and each grant raises the epoch, so that a process which lost a
run cannot write to it any more.

Everything here is synchronous and works on one connection; `journal.thread` puts it on the event loop.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from animus_process import Liveness, liveness, start_time_of
from animus_workflow_runner_default.authoring.model import CompiledConfig
from animus_workflow_runner_default.journal.record import Attempt, Run
from animus_workflow_runner_default.journal.schema import (
    SCHEMA_VERSION,
    JournalError,
    keep_savepoints_in_memory,
    migrate,
    prepare_file,
)

__all__ = ["SCHEMA_VERSION", "Journal", "JournalError", "Owner", "OwnershipError"]

T = TypeVar("T")

BUSY_TIMEOUT_MILLISECONDS = 5_000
CONFIGS_KEPT = 16
"""How many decoded configurations are kept at hand; what a digest names never changes."""


class OwnershipError(Exception):
    """Another process executes the run, or took it over."""


class Owner(NamedTuple):
    """The right to write to one run: the process that has it and the epoch of the grant."""

    workflow_id: str
    pid: int
    start_time: str | None
    epoch: int


Identity = tuple[int, str | None]
"""A process: its id and when it was started."""

StateOf = Callable[[int, str | None], Liveness]


class Journal:
    """One connection to ``workflow.db``; every method is one transaction unless the caller opened one."""

    def __init__(self, path: Path, *, identity: Identity | None = None, state_of: StateOf = liveness) -> None:
        """Open the database and bring its tables up to date.

        Raises:
            JournalError: the file is not a database, or a newer release wrote it.
        """
        self.path = path
        self._identity = identity or (os.getpid(), start_time_of(os.getpid()))
        self._state_of = state_of
        # Made here, before there are threads: the first use of a type is not safe among them. `pinning` relies on it.
        self._decode_config = msgspec.json.Decoder(CompiledConfig).decode
        self._decode_run = msgspec.json.Decoder(Run).decode
        self._decode_attempt = msgspec.json.Decoder(Attempt).decode
        self._configs: dict[str, CompiledConfig] = {}
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self.connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_MILLISECONDS / 1000, isolation_level=None, check_same_thread=False
            )
            prepare_file(self.connection)
            migrate(self.connection, path)
            keep_savepoints_in_memory(self.connection)
        except sqlite3.DatabaseError as error:
            raise JournalError(f"journal {str(path)!r} cannot be used: {error}; move it away or restore it") from error
        path.chmod(0o600)

    def close(self) -> None:
        """Close the connection; a checkpoint folds the write-ahead log back when nobody else has it open."""
        self.connection.close()

    # transactions

    def try_begin(self) -> bool:
        """Begin a transaction; False if that cannot be done now."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True

    def read(self, work: Callable[["Journal"], T]) -> T:
        """Run `work`, which changes nothing, on one state of the file; it waits for nobody who writes."""
        self.connection.execute("BEGIN")
        try:
            return work(self)
        finally:
            self.connection.execute("COMMIT")

    def set_patient(self, *, is_patient: bool) -> None:
        """Choose whether a transaction waits for one of somebody else, as it does in the beginning."""
        self.connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MILLISECONDS if is_patient else 0}")

    # definitions

    def pin_config(self, digest: str, config: CompiledConfig) -> None:
        """Keep a configuration for the runs pinned to it."""
        body = msgspec.json.encode(config)
        self.connection.execute("INSERT OR IGNORE INTO runner_config VALUES (?, ?)", (digest, body))

    def config(self, digest: str) -> CompiledConfig:
        """The configuration kept under `digest`.

        Raises:
            JournalError: it is missing or unreadable.
        """
        known = self._configs.get(digest)
        if known is not None:
            return known
        row = self.connection.execute("SELECT body FROM runner_config WHERE hash = ?", (digest,)).fetchone()
        if row is None:
            raise JournalError(f"journal {str(self.path)!r} has no configuration {digest!r}")
        config = self._decode_config(row[0])
        if len(self._configs) == CONFIGS_KEPT:
            self._configs.pop(next(iter(self._configs)))
        self._configs[digest] = config
        return config

    # runs

    def run(self, workflow_id: str) -> Run | None:
        """The run, or None if this runner keeps none of that id."""
        query = "SELECT body FROM runner_run WHERE workflow_id = ? AND NOT is_foreign"
        row = self.connection.execute(query, (workflow_id,)).fetchone()
        if row is None:
            return None
        try:
            return self._decode_run(row[0])
        except msgspec.DecodeError as error:
            raise JournalError(f"run {workflow_id!r} in journal {str(self.path)!r} is unreadable: {error}") from error

    def has(self, workflow_id: str) -> bool:
        """Whether there is a run of that id, this runner's or another's."""
        query = "SELECT 1 FROM runner_run WHERE workflow_id = ?"
        return self.connection.execute(query, (workflow_id,)).fetchone() is not None

    def attempts(self, workflow_id: str) -> list[Attempt]:
        """All attempts of a run, in the order they began."""
        query = "SELECT body FROM runner_attempt WHERE workflow_id = ? ORDER BY seq"
        rows = self.connection.execute(query, (workflow_id,))
        return [self._decode_attempt(row[0]) for row in rows]

    def write(self, run: Run, attempts: Iterable[Attempt] = (), *, owner: Owner | None = None) -> None:
        """Record a transition: the run as it now is, and the attempts that changed.

        Raises:
            OwnershipError: `owner` no longer has the run.
        """
        if owner is not None:
            self._require_owner(owner)
        self._write_run(run)
        for attempt in attempts:
            cost = None if attempt.usage is None else attempt.usage.cost_usd
            self.connection.execute(
                "INSERT INTO runner_attempt (workflow_id, path, attempt, status, body, ended_at, cost_usd)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workflow_id, path, attempt) DO UPDATE SET"
                " status = excluded.status, body = excluded.body, ended_at = excluded.ended_at,"
                " cost_usd = excluded.cost_usd",
                (
                    run.workflow_id,
                    attempt.path,
                    attempt.attempt,
                    attempt.status,
                    msgspec.json.encode(attempt),
                    attempt.finished_at,
                    cost,
                ),
            )

    def _write_run(self, run: Run) -> None:
        body, status = msgspec.json.encode(run), run.status.value
        # A run keeps its workflow and its definitions: a column that is not named costs no page of its index.
        updated = self.connection.execute(
            "UPDATE runner_run SET status = ?, body = ?, updated_at = ?, finished_at = ? WHERE workflow_id = ?",
            (status, body, run.updated_at, run.finished_at, run.workflow_id),
        )
        if updated.rowcount:
            return
        self.connection.execute(
            "INSERT INTO runner_run"
            " (workflow_id, workflow_ref, status, body, created_at, updated_at, config_hash, finished_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run.workflow_id,
                run.workflow_ref,
                status,
                body,
                run.created_at,
                run.updated_at,
                run.config_hash,
                run.finished_at,
            ),
        )

    def cost_since(self, moment: str) -> float:
        """What all attempts that ended since then cost, in USD, as far as their providers said."""
        query = "SELECT COALESCE(SUM(cost_usd), 0) FROM runner_attempt WHERE cost_usd IS NOT NULL AND ended_at >= ?"
        return float(self.connection.execute(query, (moment,)).fetchone()[0])

    # ownership

    def claim(self, workflow_id: str) -> Owner:
        """Make this process the one that executes the run; the epoch rises.

        Raises:
            OwnershipError: a process that lives, or of which nothing certain is known, executes it.
        """
        query = "SELECT pid, start_time, epoch, is_released FROM runner_owner WHERE workflow_id = ?"
        row = self.connection.execute(query, (workflow_id,)).fetchone()
        pid, start_time = self._identity
        if row is not None and not row[3] and (row[0], row[1]) != (pid, start_time):
            state = self._state_of(row[0], row[1])
            if state is not Liveness.DEAD:
                raise OwnershipError(
                    f"run {workflow_id!r} is executed by process {row[0]} ({state.value}): "
                    "signal it there, or stop that process first"
                )
        epoch = 1 if row is None else row[2] + 1
        self.connection.execute(
            "INSERT OR REPLACE INTO runner_owner (workflow_id, pid, start_time, epoch) VALUES (?, ?, ?, ?)",
            (workflow_id, pid, start_time, epoch),
        )
        return Owner(workflow_id, pid, start_time, epoch)

    def executor(self, workflow_id: str) -> int | None:
        """The process that executes the run, as far as it is not certainly dead."""
        query = "SELECT pid, start_time FROM runner_owner WHERE workflow_id = ? AND NOT is_released"
        row = self.connection.execute(query, (workflow_id,)).fetchone()
        return None if row is None or self._state_of(row[0], row[1]) is Liveness.DEAD else int(row[0])

    def release(self, owner: Owner) -> None:
        """Give the run up; the epoch stays, so that nothing is ever granted twice under one number."""
        self.connection.execute(
            "UPDATE runner_owner SET is_released = 1 WHERE workflow_id = ? AND epoch = ?",
            (owner.workflow_id, owner.epoch),
        )

    def _require_owner(self, owner: Owner) -> None:
        query = "SELECT pid, start_time, epoch, is_released FROM runner_owner WHERE workflow_id = ?"
        row = self.connection.execute(query, (owner.workflow_id,)).fetchone()
        if row is None or tuple(row) != (owner.pid, owner.start_time, owner.epoch, 0):
            raise OwnershipError(f"run {owner.workflow_id!r} was taken over by another process")

    def count_by_status(self) -> Mapping[str, int]:
        """How many runs there are of each status."""
        rows = self.connection.execute("SELECT status, COUNT(*) FROM runner_run GROUP BY status")
        return {str(status): int(count) for status, count in rows}

    def unfinished(self) -> list[tuple[str, str]]:
        """Id and status of every run that is not over, oldest first."""
        rows: Iterable[Any] = self.connection.execute(
            "SELECT workflow_id, status FROM runner_run WHERE status IN ('pending', 'running', 'paused')"
            " AND NOT is_foreign ORDER BY created_at"
        )
        return [(row[0], row[1]) for row in rows]
