"""The audit log and its chain."""

import json
import subprocess
import sys

import pytest

from animus_control import audit
from animus_control.audit import AuditLog, is_change, verify
from animus_control.operations import OPERATIONS


def write(path, count, name="queue/drop"):
    log = AuditLog(path, lambda params: params)
    for number in range(count):
        log.append(name, {"id": str(number)}, "me", "done")


def test_log_that_nobody_touched_is_whole(tmp_path):
    path = tmp_path / "audit.jsonl"
    write(path, 5)
    verdict = verify(path)
    assert (verdict.lines, verdict.is_whole) == (5, True)
    row = json.loads(path.read_bytes().splitlines()[2])
    assert (row["seq"], row["operation"], row["actor"], row["params"]) == (3, "queue/drop", "me", {"id": "2"})
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [*lines[:1], lines[1].replace(b"me", b"us"), *lines[2:]], 3),
        (lambda lines: [*lines[:2], *lines[3:]], 3),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], 2),
        (lambda lines: [*lines[:2], b"{}", *lines[2:]], 3),
        (lambda lines: [lines[0].replace(b"previous", b"prev1ous"), *lines[1:]], 1),
    ],
    ids=["altered", "removed", "reordered", "inserted", "broken"],
)
def test_change_is_found_where_the_chain_breaks(tmp_path, change, line):
    path = tmp_path / "audit.jsonl"
    write(path, 5)
    path.write_bytes(b"\n".join(change(path.read_bytes().splitlines())) + b"\n")
    verdict = verify(path)
    assert (verdict.is_whole, verdict.line) == (False, line)


def test_chain_goes_on_over_rotation(tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "LIMIT_BYTES", 1000)
    path = tmp_path / "audit.jsonl"
    write(path, 9)
    assert path.with_suffix(".previous.jsonl").exists()
    assert verify(path).is_whole
    assert path.stat().st_size + path.with_suffix(".previous.jsonl").stat().st_size < 3000


def test_writers_of_several_processes_make_one_chain(tmp_path):
    path = tmp_path / "audit.jsonl"
    program = (
        "import sys; from pathlib import Path; from animus_control.audit import AuditLog\n"
        "log = AuditLog(Path(sys.argv[1]), lambda params: params)\n"
        "for number in range(40): log.append('queue/drop', {'n': number}, None, 'done')\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    verdict = verify(path)
    assert (verdict.lines, verdict.is_whole) == (120, True)


def test_every_operation_that_changes_something_is_written_down():
    reads = {name for name in OPERATIONS if not is_change(name)}
    assert {"queue/list", "daemon/status", "project/status", "workflow/get", "schedule/history"} <= reads
    for verb in ("enqueue", "create", "cancel", "approve", "enable", "trust", "delete", "run", "call", "hold", "drop"):
        assert not [name for name in reads if name.endswith(f"/{verb}")]
    assert is_change("subject/status")
    assert is_change("something/new")


def test_secrets_are_taken_out_before_they_are_written(tmp_path):
    path = tmp_path / "audit.jsonl"
    AuditLog(path, lambda _: "hidden").append("queue/enqueue", {"token": "s3cret"}, None, "done")
    assert b"s3cret" not in path.read_bytes()


def test_no_log_is_whole(tmp_path):
    assert verify(tmp_path / "none.jsonl").is_whole
