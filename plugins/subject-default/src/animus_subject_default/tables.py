"""The tables of this component in the shared ``workflow.db``, and how they come into being.

The file is shared with other components. Each keeps to tables with its own prefix and writes its own row of
``component_schema``. Migrations run inside one write transaction: SQLite's own lock is the lock between processes, and
a process that loses the race finds the work done.
"""

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from animus_subject_default.errors import StoreBusyError, StoreUnavailableError

__all__ = ["BUSY_TIMEOUT_SECONDS", "COMPONENT", "MIGRATIONS", "connect", "fault_of"]

COMPONENT: Final = "subject"
BUSY_TIMEOUT_SECONDS: Final = 5.0
"""How long a statement waits for another process before it fails."""
_WAL_RETRY_SECONDS: Final = 0.02

_COMPONENT_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS component_schema (component TEXT PRIMARY KEY, version INTEGER NOT NULL)
"""

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """
        CREATE TABLE subject_counter (kind TEXT PRIMARY KEY, last INTEGER NOT NULL)
        """,
        """
        CREATE TABLE subject_record (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            native_id TEXT NOT NULL,
            title TEXT NOT NULL,
            description TEXT,
            status TEXT NOT NULL,
            priority INTEGER,
            assignee TEXT,
            labels TEXT NOT NULL,
            custom TEXT NOT NULL,
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,
            UNIQUE (kind, native_id)
        )
        """,
        """
        CREATE INDEX subject_ready ON subject_record (COALESCE(priority, 2), sequence) WHERE status = 'ready'
        """,
        """
        CREATE TABLE subject_comment (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            record INTEGER NOT NULL,
            text TEXT NOT NULL,
            at TEXT NOT NULL
        )
        """,
        """
        CREATE INDEX subject_comment_record ON subject_comment (record, sequence)
        """,
    ),
)
"""One entry per version of the tables, oldest first. An entry that was released is never edited."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the database at `path`, creating file, folder and tables where they are missing.

    The connection may be used by several threads, one at a time. Transactions are opened by hand.

    Raises:
        StoreBusyError: another process held the database for longer than `BUSY_TIMEOUT_SECONDS`.
        StoreUnavailableError: the file cannot be read, is no database, or belongs to a newer version.
    """
    connection: sqlite3.Connection | None = None
    try:
        _ensure_private_file(path)
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False)
        _set_up(connection, path)
    except (OSError, sqlite3.Error) as error:
        _close(connection)
        raise fault_of(error, path) from error
    except BaseException:
        _close(connection)
        raise
    return connection


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        with contextlib.suppress(sqlite3.Error):
            connection.close()


def fault_of(error: Exception, path: Path) -> StoreBusyError | StoreUnavailableError:
    """What an error of SQLite or the file system means for the one who asked."""
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return StoreBusyError(f"{str(path)!r} was locked by another process for {BUSY_TIMEOUT_SECONDS:g} s; try again")
    return StoreUnavailableError(
        f"cannot use the subject database {str(path)!r}: {error}. It was left as it is; "
        "restore it from a backup, or move it away to start with an empty one"
    )


def _ensure_private_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its journal files the mode of the main file, so that one has to be private before the first write.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    _enter_wal(connection)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        _migrate(connection, path)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite does not wait for this lock by itself when two processes make the same new file."""
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
            time.sleep(_WAL_RETRY_SECONDS)
        else:
            return


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute(_COMPONENT_SCHEMA)
    row = connection.execute("SELECT version FROM component_schema WHERE component = ?", (COMPONENT,)).fetchone()
    version = 0 if row is None else int(row[0])
    if version > len(MIGRATIONS):
        raise StoreUnavailableError(
            f"the subject tables in {str(path)!r} have version {version}, this plugin knows up to {len(MIGRATIONS)}: "
            "upgrade animus-subject-default"
        )
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    if version < len(MIGRATIONS):
        connection.execute(
            "INSERT INTO component_schema (component, version) VALUES (?, ?)"
            " ON CONFLICT (component) DO UPDATE SET version = excluded.version",
            (COMPONENT, len(MIGRATIONS)),
        )
