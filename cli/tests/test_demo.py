import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

DEMO_SECONDS = 180.0
"""How long one demo may take in a test; alone it takes two or three."""


@pytest.fixture
def demo(environment, tmp_path, git, flavor):
    """Starts ``animus demo``; its folder is made below a directory of the test."""
    below = tmp_path / "t"
    below.mkdir()

    guards = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "animus_cli", "demo", *words],
            cwd="/",
            env=environment | {"TMPDIR": str(below)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # Who waits for a line of a demo that tells nothing more would wait for ever.
        guards.append(threading.Timer(DEMO_SECONDS, process.kill))
        guards[-1].start()
        return process

    start.below = below
    yield start
    for guard in guards:
        guard.cancel()


def finish(process):
    out, error = process.communicate(timeout=DEMO_SECONDS)
    return process.returncode, out, error


def processes_below(folder):
    """Processes whose environment or arguments name the folder; only where /proc tells."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder / "animus-demo-") in text:
            found.append((process / "cmdline").read_bytes())
    return found


def sockets_below(folder):
    """Sockets that were moved to a short path and belong to the folder."""
    found = []
    for path in Path(f"/tmp/animus-{os.getuid()}").glob("*/origin-path.txt"):
        with contextlib.suppress(FileNotFoundError):  # of another test, which cleans up just now
            if os.fsencode(folder) in path.read_bytes():
                found.append(path)
    return found


def left_behind(folder):
    return [*folder.iterdir(), *processes_below(folder), *sockets_below(folder)]


def wait_for_line(process, text):
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return
    pytest.fail(f"{text!r} was not printed: {''.join(seen)} {process.stderr.read()}")


def test_two_demos_in_a_row_tell_the_whole_story_and_leave_nothing(demo):
    code, out, error = finish(demo())
    assert (code, error) == (0, "")
    in_order = [
        "one failing test",
        "AssertionError: 'IIII' != 'IV'",
        "subject   task:TASK-001",
        "implementation started (agent)",
        "test rework",
        "implementation #2 started (agent)",
        "test #2 completed",
        "approval waits for a person",
        "$ animus workflow phase approve run-",
        "run completed",
        "What happened",
        "AssertionError: 'VIIII' != 'IX'",
        "git log --oneline --graph",
        "Write subtractive Roman numerals",
        '+    (4, "IV"),',
        "status   done",
    ]
    at = 0
    for text in in_order:
        at = out.find(text, at)
        assert at >= 0, (text, out)
    assert left_behind(demo.below) == []
    code, out, error = finish(demo("--json", "--keep"))
    assert (code, error) == (0, "")
    data = json.loads(out)["data"]
    assert data["run"]["status"] == "completed"
    phases = [phase["path"] for phase in data["run"]["detail"]["phases"]]
    assert phases == ["implementation", "test", "implementation", "test", "approval"]
    assert data["subject"]["status"] == "done"
    assert left_behind(demo.below) == [Path(data["folder"])]
    project = Path(data["folder"]) / "roman"
    tests = subprocess.run(
        [sys.executable, "-m", "unittest"], cwd=project, capture_output=True, timeout=60, check=False
    )
    assert tests.returncode == 0, tests.stderr


@pytest.mark.parametrize("after", ["Ran 3 tests", "implementation started", "approval waits"])
def test_ctrl_c_leaves_nothing_behind(demo, after):
    with demo(*(["--manual"] if after.startswith("approval") else [])) as process:
        wait_for_line(process, after)
        process.send_signal(signal.SIGINT)
        code, _, error = finish(process)
    assert code == 130
    assert "Traceback" not in error
    assert left_behind(demo.below) == []


def test_being_terminated_leaves_nothing_behind_either(demo):
    with demo() as process:
        wait_for_line(process, "run started")
        process.send_signal(signal.SIGTERM)
        assert finish(process)[0] == 130
    assert left_behind(demo.below) == []


def test_with_manual_the_reader_decides_with_the_printed_command(demo):
    with demo("--manual") as process:
        guard = threading.Timer(DEMO_SECONDS, process.kill)
        guard.start()
        wait_for_line(process, "decide in another terminal")
        wait_for_line(process, "git -C")
        command = process.stdout.readline().strip()
        assert command.startswith("ANIMUS_CONFIG_DIR=")
        script = command.replace(" animus ", f" {sys.executable} -P -m animus_cli ", 1)
        decided = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
        assert decided.returncode == 0, decided.stderr
        code, out, _ = finish(process)
        guard.cancel()
    assert code == 0
    assert "run completed" in out
    assert left_behind(demo.below) == []


def test_without_git_the_demo_says_so(animus, tmp_path):
    answer = animus("demo", PATH=str(tmp_path))
    assert answer.code == 5
    assert "git is not on PATH" in answer.err
    assert "next:  install git" in answer.err
