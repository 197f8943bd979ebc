import json
import os
import signal
import stat
import subprocess
import sys

import pytest

from animus_process import Liveness, ProcessLedger, ProcessRecord, RecordError, liveness

STAY = "import os,time\nopen(os.environ['PIDS'],'a').write(f'{os.getpid()}\\n')\nwhile True: time.sleep(60)"

OWNER = """
import os, subprocess, sys
from pathlib import Path
from animus_process import MARK_VARIABLE, ProcessLedger, child_environment, gated, new_mark, release_gate
mark = new_mark()
child = subprocess.Popen(
    gated([sys.executable, "-S", "-c", sys.argv[2]]), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
    env=child_environment({MARK_VARIABLE: mark, "PIDS": sys.argv[3]}), start_new_session=True)
ledger = ProcessLedger(Path(sys.argv[1]))
ledger.record(child.pid, purpose="command", run_id="run-1", mark=mark)
if "stop-at-gate" not in sys.argv:
    release_gate(child.stdin)
print(child.pid, flush=True)
sys.stdin.read()
"""

FAMILY = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def stay():
    open(os.environ["PIDS"], "a").write(f"{os.getpid()}\\n")
    while True: time.sleep(60)
if os.fork() == 0:
    os.setsid()
    stay()
stay()
"""


@pytest.fixture
def dead_owner(tmp_path, ledger, wait_until):
    """Start an owner that starts a recorded child, and kill the owner; returns the pids left behind."""

    def leave(program, *, members, arguments=()):
        pids = tmp_path / "pids"
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(ledger.directory), program, str(pids), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        root = int(owner.stdout.readline())
        wait_until(lambda: members == 0 or (pids.exists() and len(pids.read_text().split()) == members))
        owner.send_signal(signal.SIGKILL)
        owner.communicate(timeout=60)
        return root, [int(word) for word in pids.read_text().split()] if members else []

    return leave


def test_record_is_on_disk_private_and_complete(ledger, spawn, own_pid):
    family = spawn(STAY, open_gate=False)
    record = ledger.record(family.child.pid, purpose="command", run_id="r", mark=family.mark)
    [path] = ledger.directory.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(ledger.directory.stat().st_mode) == 0o700
    assert ledger.load() == ([record], [])
    assert (record.pid, record.pgid, record.owner_pid) == (family.child.pid, family.child.pid, own_pid)
    assert liveness(record.pid, record.start_time) is Liveness.ALIVE
    ledger.forget(record)
    ledger.forget(record)
    assert ledger.load() == ([], [])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux shows environments (/proc)")
def test_record_reads_the_mark_of_the_waiting_child(ledger, spawn):
    family = spawn(STAY, open_gate=False)
    assert ledger.record(family.child.pid, purpose="command").mark == family.mark


def test_sweep_spares_the_processes_of_a_living_owner(ledger, spawn, is_running):
    family = spawn(STAY)
    family.descendants(1)
    record = ledger.record(family.child.pid, purpose="command", mark=family.mark)
    assert ledger.sweep() == []
    assert is_running(family.child.pid)
    assert ledger.load()[0] == [record]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux shows environments (/proc)")
def test_sweep_ends_the_whole_tree_of_a_killed_owner(ledger, dead_owner, is_running):
    root, pids = dead_owner(FAMILY, members=2)
    assert all(is_running(pid) for pid in pids)
    [swept] = ledger.sweep(grace_seconds=0.1)
    assert (swept.pid, swept.run_id, swept.purpose) == (root, "run-1", "command")
    assert not any(is_running(pid) for pid in pids)
    assert list(ledger.directory.iterdir()) == []
    assert ledger.sweep() == []


def test_owner_killed_before_the_gate_opened_leaves_nothing(ledger, dead_owner, is_running, wait_until, tmp_path):
    root, _ = dead_owner(STAY, members=0, arguments=["stop-at-gate"])
    wait_until(lambda: not is_running(root))
    assert [record.pid for record in ledger.sweep()] == [root]
    assert not (tmp_path / "pids").exists()


def test_sweep_never_kills_a_process_that_took_over_the_pid(ledger, spawn, is_running):
    family = spawn(STAY)
    family.descendants(1)
    record = ledger.record(family.child.pid, purpose="command", mark="")
    forged = record._replace(start_time="an earlier process", owner_start_time="an earlier owner")
    (ledger.directory / f"{record.record_id}.json").write_bytes(forged.encode())
    assert ledger.sweep(grace_seconds=0.1) == [forged]
    assert is_running(family.child.pid)


def test_sweep_keeps_records_whose_owner_is_unknown(ledger, spawn, is_running):
    family = spawn(STAY)
    record = ledger.record(family.child.pid, purpose="command", mark=family.mark)
    unknown = record._replace(owner_start_time=None)
    (ledger.directory / f"{record.record_id}.json").write_bytes(unknown.encode())
    assert ledger.sweep() == []
    assert is_running(family.child.pid)


def test_corrupt_record_is_named_and_kept(ledger, capsys):
    ledger.directory.mkdir()
    broken = ledger.directory / "17-abc.json"
    broken.write_text("{ half a rec")
    assert ledger.sweep() == []
    assert str(broken) in capsys.readouterr().err
    assert broken.read_text() == "{ half a rec"
    named = []
    ledger.sweep(on_unreadable=named.append)
    assert [(item.path, "not JSON" in item.reason) for item in named] == [(broken, True)]


def test_record_under_a_foreign_name_is_unreadable(ledger, spawn):
    family = spawn(STAY)
    record = ledger.record(family.child.pid, purpose="command", mark="")
    copy = ledger.directory / "copy.json"
    copy.write_bytes(record.encode())
    records, unreadable = ledger.load()
    assert records == [record]
    assert [item.path for item in unreadable] == [copy]


def test_sweep_removes_half_written_records_of_dead_writers_only(ledger, own_pid):
    gone = subprocess.Popen(["true"])
    gone.wait()
    ledger.directory.mkdir()
    dead = ledger.directory / f".5-x.{gone.pid}.tmp"
    living = ledger.directory / f".5-y.{own_pid}.tmp"
    dead.touch()
    living.touch()
    ledger.sweep()
    assert not dead.exists()
    assert living.exists()


def test_ledger_that_was_never_written_is_empty(tmp_path):
    assert ProcessLedger(tmp_path / "none").load() == ([], [])
    assert ProcessLedger(tmp_path / "none").sweep() == []


@pytest.mark.parametrize(
    "change",
    [{"pid": "12"}, {"pid": True}, {"mark": None}, {"format": 2}, {"owner_pid": None}],
    ids=["text-pid", "bool-pid", "no-mark", "format", "no-owner"],
)
def test_record_with_a_wrong_field_is_refused(change):
    fields = {"format": 1, **ProcessRecord("a", 2, "s", 2, "m", os.getpid(), "s", "command", None)._asdict()}
    assert ProcessRecord.decode(json.dumps(fields).encode()).pid == 2
    with pytest.raises(RecordError):
        ProcessRecord.decode(json.dumps(fields | change).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff\xfe", b'"text"'])
def test_record_that_is_no_object_is_refused(data):
    with pytest.raises(RecordError):
        ProcessRecord.decode(data)


def test_files_of_forgotten_records_are_used_again_while_others_stand(ledger):
    children = [subprocess.Popen(["sleep", "60"]) for _ in range(3)]
    try:
        first, second = (ledger.record(child.pid, purpose="command", run_id="a" * 200) for child in children[:2])
        inode = (ledger.directory / f"{first.record_id}.json").stat().st_ino
        ledger.forget(first)
        ledger.forget(first)
        assert ledger.load() == ([second], [])
        third = ledger.record(children[2].pid, purpose="command")
        assert (ledger.directory / f"{third.record_id}.json").stat().st_ino == inode
        assert sorted(ledger.load()[0]) == sorted([second, third])
        ledger.forget(second)
        ledger.forget(third)
        assert list(ledger.directory.iterdir()) == []
    finally:
        for child in children:
            child.kill()
            child.wait()
