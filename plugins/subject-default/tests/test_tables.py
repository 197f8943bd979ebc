import sqlite3
import stat
import subprocess
import sys

import pytest

from animus_subject_default.errors import StoreBusyError, StoreUnavailableError
from animus_subject_default.record import NewSubject
from animus_subject_default.subject_store import SubjectStore
from animus_subject_default.tables import MIGRATIONS, connect

_CREATE_TEN = """
import sys
from pathlib import Path
from animus_subject_default.record import NewSubject
from animus_subject_default.subject_store import SubjectStore
sys.stdin.readline()
store = SubjectStore(Path(sys.argv[1]))
for number in range(10):
    print(store.create(NewSubject(kind="task", title=f"{sys.argv[2]} {number}")).native_id, flush=True)
"""
_PROCESSES = 4
_WAIT_SECONDS = 60


def test_component_registers_its_version_and_leaves_others_alone(database):
    connect(database).close()
    other = sqlite3.connect(database)
    other.execute("INSERT INTO component_schema VALUES ('runner', 7)")
    other.commit()
    other.close()
    connection = connect(database)
    rows = {tuple(row) for row in connection.execute("SELECT component, version FROM component_schema")}
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert rows == {("subject", len(MIGRATIONS)), ("runner", 7)}
    assert all(name.startswith(("subject_", "sqlite_", "component_schema")) for name in tables)


def test_database_is_private_and_durable(database):
    connection = connect(database)
    connection.execute("INSERT INTO subject_counter VALUES ('task', 1)")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in database.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(database.parent.stat().st_mode) == 0o700
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    connection.close()


def test_tables_of_a_newer_version_are_refused_and_left_alone(database):
    connection = connect(database)
    connection.execute("UPDATE component_schema SET version = 99")
    connection.close()
    with pytest.raises(StoreUnavailableError, match=r"version 99.*upgrade animus-subject-default"):
        connect(database)


def test_damaged_file_is_named_and_not_overwritten(database):
    database.parent.mkdir()
    damaged = b"this is not a database, it only stands where one should be" * 100
    database.write_bytes(damaged)
    with pytest.raises(StoreUnavailableError, match=r"workflow\.db.*left as it is"):
        SubjectStore(database)
    assert database.read_bytes() == damaged


def test_processes_that_make_one_database_together_share_the_ids(database):
    command = [sys.executable, "-c", _CREATE_TEN, str(database)]
    running = [
        subprocess.Popen([*command, f"p{number}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(_PROCESSES)
    ]
    outputs = [process.communicate("go\n", timeout=_WAIT_SECONDS)[0].split() for process in running]
    assert [process.returncode for process in running] == [0] * _PROCESSES
    given = sorted(native_id for output in outputs for native_id in output)
    assert given == [f"TASK-{number:03d}" for number in range(1, 10 * _PROCESSES + 1)]


def test_subject_made_before_a_kill_is_kept(database):
    process = subprocess.Popen(
        [sys.executable, "-c", _CREATE_TEN, str(database), "k"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.stdin.write("go\n")
    process.stdin.flush()
    acknowledged = process.stdout.readline().strip()
    process.kill()
    process.communicate(timeout=_WAIT_SECONDS)
    store = SubjectStore(database)
    assert store.get("task", acknowledged).title == "k 0"
    store.close()


def test_database_locked_by_another_process_is_said_to_be_busy(store, database, monkeypatch):
    monkeypatch.setattr("animus_subject_default.tables.BUSY_TIMEOUT_SECONDS", 0.05)
    impatient = SubjectStore(database)
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreBusyError, match="locked by another process"):
            impatient.create(NewSubject(kind="task", title="t"))
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert impatient.create(NewSubject(kind="task", title="t")).native_id == "TASK-001"
    impatient.close()
