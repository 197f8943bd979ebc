"""The tables of the journal and how an older file gets them. Each version is a script, applied in order."""

import sqlite3
from pathlib import Path

__all__ = ["SCHEMA_VERSION", "JournalError", "keep_savepoints_in_memory", "migrate", "prepare_file"]

COMPONENT = "runner"
MAX_REWRITTEN_PAGES = 25_000
"""A file larger than this is not rewritten to let it shrink later: that would hold up whoever waits for the start."""

_VERSIONS: tuple[str, ...] = (
    """
    CREATE TABLE runner_config (hash TEXT PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE runner_run (workflow_id TEXT PRIMARY KEY, workflow_ref TEXT, status TEXT NOT NULL, kind TEXT,
        is_foreign INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL, created_at TEXT NOT NULL, updated_at TEXT
        NOT NULL);
    CREATE INDEX runner_run_updated ON runner_run (updated_at);
    CREATE TABLE runner_attempt (seq INTEGER PRIMARY KEY AUTOINCREMENT, workflow_id TEXT NOT NULL, path TEXT
        NOT NULL, attempt INTEGER NOT NULL, status TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (workflow_id,
        path, attempt));
    CREATE TABLE runner_owner (workflow_id TEXT PRIMARY KEY, pid INTEGER NOT NULL, start_time TEXT, epoch
        INTEGER NOT NULL, is_released INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE runner_checkpoint (workflow_id TEXT NOT NULL, num INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (workflow_id, num));
    CREATE TABLE runner_event (seq INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, ts TEXT NOT NULL,
        body BLOB NOT NULL);
    CREATE INDEX runner_event_run ON runner_event (run_id, seq);
    """,
    """
    ALTER TABLE runner_run ADD COLUMN config_hash TEXT;
    ALTER TABLE runner_run ADD COLUMN finished_at TEXT;
    ALTER TABLE runner_run ADD COLUMN swept_at TEXT;
    UPDATE runner_run SET config_hash = json_extract(CAST(body AS TEXT), '$.config_hash'), finished_at =
        json_extract(CAST(body AS TEXT), '$.finished_at') WHERE NOT is_foreign;
    CREATE INDEX runner_run_finished ON runner_run (finished_at) WHERE finished_at IS NOT NULL;
    CREATE INDEX runner_run_config ON runner_run (config_hash);
    ALTER TABLE runner_attempt ADD COLUMN ended_at TEXT;
    ALTER TABLE runner_attempt ADD COLUMN cost_usd REAL;
    CREATE INDEX runner_attempt_cost ON runner_attempt (ended_at) WHERE cost_usd IS NOT NULL;
    ALTER TABLE runner_checkpoint ADD COLUMN reason TEXT;
    ALTER TABLE runner_checkpoint ADD COLUMN path TEXT;
    ALTER TABLE runner_checkpoint ADD COLUMN phase_id TEXT;
    ALTER TABLE runner_checkpoint ADD COLUMN attempt INTEGER;
    ALTER TABLE runner_checkpoint ADD COLUMN status TEXT;
    ALTER TABLE runner_checkpoint ADD COLUMN created_at TEXT;
    ALTER TABLE runner_checkpoint ADD COLUMN ended INTEGER;
    CREATE INDEX runner_event_ts ON runner_event (ts);
    """,
)
"""Statements end with a semicolon; none has one inside."""
SCHEMA_VERSION = len(_VERSIONS)


class JournalError(Exception):
    """The journal cannot be used as it is; the text names the file and what to do."""


def prepare_file(connection: sqlite3.Connection) -> None:
    """Choose how the file is kept: it may shrink again, readers do not wait for the writer, commits are on disk."""
    if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def keep_savepoints_in_memory(connection: sqlite3.Connection) -> None:
    """Keep what undoes a savepoint in memory; after `migrate`, whose rewriting of a file needs a file.

    Otherwise each transaction makes a file of its own in the system's temporary directory, with a copy of every page
    that it changes: a fifth of the time of a transaction here.
    """
    connection.execute("PRAGMA temp_store = MEMORY")


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables up to date, all or nothing.

    Raises:
        JournalError: a newer release wrote the file.
    """
    run = connection.execute
    run("BEGIN IMMEDIATE")
    try:
        run("CREATE TABLE IF NOT EXISTS component_schema (component TEXT PRIMARY KEY, version INTEGER)")
        row = run("SELECT version FROM component_schema WHERE component = ?", (COMPONENT,)).fetchone()
        version: int = 0 if row is None else row[0]
        if version > SCHEMA_VERSION:
            raise JournalError(  # noqa: TRY301 - the transaction is rolled back below
                f"journal {str(path)!r} has schema {version}, this runner knows {SCHEMA_VERSION}: "
                "install the runner that wrote it"
            )
        for script in _VERSIONS[version:]:
            for statement in filter(str.strip, script.split(";")):
                run(statement)
        run("INSERT OR REPLACE INTO component_schema VALUES (?, ?)", (COMPONENT, SCHEMA_VERSION))
    except BaseException:
        run("ROLLBACK")
        raise
    run("COMMIT")
    if version < SCHEMA_VERSION:
        _let_shrink(connection)


def _let_shrink(connection: sqlite3.Connection) -> None:
    """Rewrite a file that another component or an older release began, so that retention can give space back."""
    is_set = connection.execute("PRAGMA auto_vacuum").fetchone()[0] != 0
    if is_set or connection.execute("PRAGMA page_count").fetchone()[0] > MAX_REWRITTEN_PAGES:
        return
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM")
    except sqlite3.OperationalError:
        return  # somebody else is at work in the file: it stays as it is, and reuses its free pages
