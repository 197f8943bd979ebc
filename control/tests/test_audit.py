"""The audit log and its chain."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

from animus_control import audit
from animus_control.audit import AuditLog, is_change, verify
from animus_control.operations import OPERATIONS


def write(path, count, name="queue/drop", **options):
    log = AuditLog(path, lambda params: params, **options)
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


def numbers(path):
    """The numbers of all lines that are kept, the oldest first."""
    files = [*sorted(path.parent.glob("audit.*.jsonl")), *([path] if path.exists() else [])]
    return [json.loads(line)["seq"] for file in files for line in file.read_bytes().splitlines()]


def test_chain_goes_on_over_rotation(tmp_path):
    path = tmp_path / "audit.jsonl"
    write(path, 9, kept_bytes=8 * 1000)
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["audit.000000000005.jsonl", "audit.jsonl"]
    last = (tmp_path / "audit.000000000005.jsonl").read_bytes().splitlines()[-1]
    first = json.loads(path.read_bytes().splitlines()[0])
    assert (first["seq"], first["previous"]) == (6, hashlib.sha256(last).hexdigest())
    verdict = verify(path)
    assert (verdict.lines, verdict.is_whole) == (9, True)


def test_only_so_much_is_kept_and_the_oldest_goes_first(tmp_path):
    path = tmp_path / "audit.jsonl"
    write(path, 100, kept_bytes=8000)
    kept = numbers(path)
    assert kept == list(range(kept[0], 101))
    assert verify(path).is_whole
    assert 7 * 1000 < sum(file.stat().st_size for file in tmp_path.iterdir()) < 9 * 1000
    write(path, 1, kept_bytes=800)  # somebody wants less
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 9 * 1000


def test_file_that_was_put_aside_is_part_of_the_chain(tmp_path):
    path = tmp_path / "audit.jsonl"
    write(path, 30, kept_bytes=8 * 1000)
    aside = sorted(tmp_path.glob("audit.*.jsonl"))
    text = aside[1].read_bytes()
    aside[1].write_bytes(text.replace(b'"me"', b'"us"', 1))
    verdict = verify(path)
    assert (verdict.is_whole, verdict.reason) == (False, "does not follow the line before it")
    aside[1].write_bytes(text)
    assert verify(path).is_whole
    aside[1].unlink()
    assert not verify(path).is_whole


def test_line_longer_than_the_window_is_read_whole(tmp_path):
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, lambda params: params)
    for size in (1, 100_000, 20_000, 1):
        log.append("subject/create", {"body": "x" * size}, None, "done")
    assert verify(path).is_whole


def test_what_a_dying_machine_left_of_a_line_is_no_line(tmp_path):
    path = tmp_path / "audit.jsonl"
    write(path, 3)
    whole = path.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 40):
        path.write_bytes(whole[:cut])
        assert (verify(path).lines, verify(path).is_whole) == (2, True)
        write(path, 1)
        assert (numbers(path), verify(path).is_whole) == ([1, 2, 3], True)


def test_line_for_which_there_is_no_room_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "audit.jsonl"
    write(path, 2)
    before, real = path.read_bytes(), os.write
    with monkeypatch.context() as patch:
        patch.setattr(audit.os, "write", lambda descriptor, line: real(descriptor, line[:10]))
        with pytest.raises(OSError, match="No space left"):
            write(path, 1)
    assert path.read_bytes() == before
    write(path, 1)
    assert verify(path).is_whole


KILLED = """
import itertools, os, signal, sys
from pathlib import Path
from animus_control.audit import AuditLog, verify

ACTS = ("open", "write", "ftruncate", "rename", "unlink", "pread", "close")

def die_before(number):
    acts = itertools.count(1)
    def dying(act):
        def wrapped(*arguments, **named):
            if next(acts) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*arguments, **named)
        return wrapped
    for name in ACTS:
        setattr(os, name, dying(getattr(os, name)))

def append(path, heard):
    log = AuditLog(path, lambda params: params, kept_bytes=8 * 300)
    for number in range(12):
        log.append("queue/drop", {"n": number}, None, "done")
        heard(number + 1)

root = Path(sys.argv[1])
for number in itertools.count(1):
    path = root / str(number) / "audit.jsonl"
    reading, writing = os.pipe()
    write = os.write
    child = os.fork()
    if child == 0:
        die_before(number)
        append(path, lambda seq: write(writing, bytes([seq])))
        os._exit(0)
    os.close(writing)
    heard = max(os.read(reading, 100), default=0)
    os.close(reading)
    survived = os.waitpid(child, 0)[1] == 0
    print(number, heard, verify(path).is_whole, verify(path).lines, survived)
    AuditLog(path, lambda params: params, kept_bytes=8 * 300).append("queue/drop", {}, None, "done")
    print(number, heard, verify(path).is_whole, verify(path).lines, survived)
    if survived:
        break
"""


def test_kill_at_any_step_loses_no_line_and_breaks_no_chain(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) > 100
    assert rows[-1][-1] == "True"
    for number, heard, is_whole, _, _ in rows:
        assert is_whole == "True", number
        kept = numbers(tmp_path / number / "audit.jsonl")
        assert kept == list(range(kept[0], kept[-1] + 1)), number
        assert kept[-1] > int(heard), number  # and one that was appended afterwards
        assert len(list((tmp_path / number).iterdir())) <= 8


def test_writers_of_several_processes_make_one_chain(tmp_path):
    path = tmp_path / "audit.jsonl"
    program = (
        "import sys; from pathlib import Path; from animus_control.audit import AuditLog\n"
        "log = AuditLog(Path(sys.argv[1]), lambda params: params, kept_bytes=1000000)\n"
        "for number in range(40): log.append('queue/drop', {'n': number}, None, 'done')\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    verdict = verify(path)
    assert (verdict.lines, verdict.is_whole) == (120, True)


def test_writers_that_wait_while_the_file_is_put_aside_write_to_the_next(tmp_path):
    path = tmp_path / "audit.jsonl"
    program = (
        "import sys; from pathlib import Path; from animus_control.audit import AuditLog\n"
        "log = AuditLog(Path(sys.argv[1]), lambda params: params, kept_bytes=8 * 1000)\n"
        "for number in range(40): log.append('queue/drop', {'n': number}, None, 'done')\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert (numbers(path)[-1], verify(path).is_whole) == (120, True)


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
