import os
import signal
import subprocess
import sys

import click
import pytest

from animus_cli.failure import EXIT_CODES, CommandError
from animus_cli.program import command_error
from animus_control.errors import CATEGORIES, ControlError


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (ControlError("invalid_request", "m"), "invalid_input", 2),
        (ControlError("not_found", "m"), "not_found", 3),
        (ControlError("conflict", "m"), "conflict", 4),
        (ControlError("unavailable", "m"), "unavailable", 5),
        (ControlError("not_supported", "m"), "unavailable", 5),
        (ControlError("permission_denied", "m"), "internal", 1),
        (ControlError("internal", "m"), "internal", 1),
        (CommandError("run_failed", "m"), "run_failed", 6),
        (click.UsageError("m"), "invalid_input", 2),
        (FileNotFoundError("m"), "not_found", 3),
        (ConnectionRefusedError("m"), "unavailable", 5),
        (TimeoutError("m"), "unavailable", 5),
        (PermissionError("m"), "internal", 1),
        (ZeroDivisionError("m"), "internal", 1),
    ],
)
def test_every_error_has_a_word_and_an_exit_code(error, code, exit_code):
    failed = command_error(error)
    assert (failed.code, failed.exit_code) == (code, exit_code)
    assert "m" in failed.message
    assert failed.record()["exit_code"] == exit_code


def test_every_category_of_the_kernel_has_a_word():
    for category in CATEGORIES:
        assert command_error(ControlError(category, "m")).code in EXIT_CODES


def test_the_kernels_remedy_reaches_people_and_programs():
    remediation = {"kind": "missing_plugin", "install_command": "pip install animus-queue-default"}
    failed = command_error(ControlError("unavailable", "no queue", details={"role": "queue"}, remediation=remediation))
    assert failed.next_step == "pip install animus-queue-default"
    assert failed.record()["details"] == {"role": "queue", "remediation": remediation}


def test_users_see_no_traceback_unless_they_ask_for_it(animus, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import animus_cli.invocation as i\ndef broken(self): raise ZeroDivisionError('boom')\n"
        "i.Invocation.project = broken\n"
    )
    answer = animus("status", PYTHONPATH=str(tmp_path))
    assert answer.code == 1
    assert "this is a fault in animus: ZeroDivisionError: boom" in answer.err
    assert "Traceback" not in answer.err
    asked = animus("status", PYTHONPATH=str(tmp_path), ANIMUS_DEBUG="1")
    assert "Traceback" in asked.err


def test_a_reader_that_leaves_is_no_error(project, environment):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "animus_cli", "--help"],
        cwd=project,
        env=environment,
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_output_that_cannot_hold_the_text_gets_replacements(animus):
    answer = animus("workflow", "run", "--help", PYTHONIOENCODING="ascii")
    assert answer.code == 0


def test_ctrl_c_ends_with_130(project, environment, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import animus_cli.invocation as i, sys, threading\n"
        "def wait(self):\n    sys.stdout.write('waiting\\n'); sys.stdout.flush(); threading.Event().wait(30)\n"
        "i.Invocation.project = wait\n"
    )
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "animus_cli", "status"],
        cwd=project,
        env=environment | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in error
