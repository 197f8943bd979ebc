import io
import subprocess

import pytest

from animus_process import ProcessRecord, gated, release_gate, start_time_of
from animus_process.gate import GATE_CLOSED_EXIT_CODE


def run_gated(argv, given, **options):
    return subprocess.run(gated(argv, **options), input=given, capture_output=True, check=False, timeout=60)


def test_gated_program_runs_after_one_line_and_gets_the_rest():
    done = run_gated(["cat"], b"\nhello\n")
    assert done.stdout == b"hello\n"
    assert done.returncode == 0


def test_gated_program_never_starts_when_the_parent_closes_the_pipe(tmp_path):
    done = run_gated(["touch", str(tmp_path / "ran")], b"")
    assert done.returncode == GATE_CLOSED_EXIT_CODE
    assert not (tmp_path / "ran").exists()


def test_gated_program_has_an_empty_stdin_when_asked():
    assert run_gated(["cat"], b"\nsecret\n", null_stdin=True).stdout == b""


def test_gated_arguments_are_never_shell_text(tmp_path):
    hostile = f"$(touch {tmp_path}/ran); `touch {tmp_path}/ran` ' \" *"
    done = run_gated(["printf", "%s", hostile], b"\n")
    assert done.stdout.decode() == hostile
    assert not (tmp_path / "ran").exists()


def test_gated_keeps_exit_codes_and_reports_a_missing_program():
    assert run_gated(["sh", "-c", "exit 7"], b"\n").returncode == 7
    missing = run_gated(["no-such-program-anywhere"], b"\n")
    assert missing.returncode == 127
    assert b"no-such-program-anywhere" in missing.stderr


def test_gated_refuses_an_empty_command():
    with pytest.raises(ValueError, match="argv is empty"):
        gated([])


def test_gated_program_keeps_pid_and_start_time_through_the_gate(spawn):
    family = spawn("import os,sys; print(os.getpid(), flush=True); sys.stdin.read()", open_gate=False)
    before = start_time_of(family.child.pid)
    release_gate(family.child.stdin)
    assert int(family.child.stdout.readline()) == family.child.pid
    assert start_time_of(family.child.pid) == before
    assert isinstance(family.record(), ProcessRecord)


def test_release_gate_writes_exactly_one_line():
    pipe = io.BytesIO()
    release_gate(pipe)
    assert pipe.getvalue() == b"\n"
