"""What works inside, and that nothing is left of it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from animus_process import (
    MARK_VARIABLE,
    ProcessLedger,
    gated,
    is_tree_gone,
    kill_tree,
    new_mark,
    release_gate,
    stop_tree,
)
from animus_sandbox import SETUP_FAILED_EXIT_CODE, Sandbox

pytestmark = pytest.mark.ci
_WAIT_SECONDS = 60
_DAEMONS = "(setsid sleep 300 >/dev/null 2>&1 &) ; setsid sleep 300 & echo started; sleep 300"


def test_git_reads_and_does_not_write(spec, run_inside, worktree):
    script = (
        "echo two >> a.txt && echo new > b.txt && git status --short && git diff --stat | tail -1 && git log "
        "--format=%s && ! git add b.txt 2>&- && ! git stash 2>&- && ! git branch x 2>&- && echo end"
    )
    done = run_inside(spec, ["sh", "-c", script])
    assert done.stdout.split("\n") == [
        " M a.txt",
        "?? b.txt",
        " 1 file changed, 1 insertion(+)",
        "the first",
        "end",
        "",
    ]
    assert (worktree / "b.txt").read_text() == "new\n"


def test_files_written_inside_belong_to_the_user_outside(spec, run_inside, worktree):
    assert run_inside(spec, ["sh", "-c", "id -u; echo x > made"]).stdout == "1000\n"
    assert (worktree / "made").stat().st_uid == os.getuid()


def test_environment_inside_is_exactly_the_sandboxes(spec, run_inside, bubblewrap):
    spec = spec._replace(environment={"A": "1"})
    found = dict(line.split("=", 1) for line in run_inside(spec, ["env"]).stdout.splitlines())
    found.pop("PWD")
    assert found == Sandbox(spec, bubblewrap).environment


def test_exit_codes_and_deaths_are_passed_on(spec, run_inside):
    assert run_inside(spec, ["sh", "-c", "exit 7"]).returncode == 7
    assert run_inside(spec, ["sh", "-c", "kill -9 $$"]).returncode == 137


def test_program_that_is_not_there_was_never_started(spec, run_inside):
    done = run_inside(spec, ["/nowhere/agent"])
    assert done.returncode == SETUP_FAILED_EXIT_CODE
    assert done.stderr.splitlines()[-1].startswith("animus-sandbox: program '/nowhere/agent' cannot be started inside")


def test_events_of_the_server_reach_a_program_inside_as_they_come(spec, bubblewrap, server, real_key):
    go_on = threading.Event()

    def stream(asked):
        asked.send_response(200)
        asked.send_header("Transfer-Encoding", "chunked")
        asked.end_headers()
        asked.chunk(b"data: 1\n")
        go_on.wait(_WAIT_SECONDS)
        asked.chunk(b"data: 2\n")
        asked.wfile.write(b"0\r\n\r\n")

    server.answer = stream
    program = (
        "import sys, urllib.request\n"
        "for line in urllib.request.urlopen(sys.argv[1] + '/messages', b'{}'): print(line.decode(), end='', flush=True)"
    )
    with Sandbox(spec, bubblewrap) as sandbox:
        argv = sandbox.argv([os.path.realpath(sys.executable), "-I", "-c", program, sandbox.urls[0]])
        with subprocess.Popen(argv, env=sandbox.environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "data: 1\n"
            go_on.set()
            assert process.stdout.read() == "data: 2\n"
    assert server.asked.get(timeout=_WAIT_SECONDS)[2]["authorization"] == f"Bearer {real_key}"


@pytest.fixture
def start_tree(spec, bubblewrap, tmp_path):
    """A sandbox full of daemons, started and recorded as agents are."""
    with Sandbox(spec, bubblewrap) as sandbox:
        mark = new_mark()
        process = subprocess.Popen(
            gated(sandbox.argv(["sh", "-c", _DAEMONS]), null_stdin=True),
            env=sandbox.environment | {MARK_VARIABLE: mark},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        record = ProcessLedger(tmp_path / "processes").record(process.pid, purpose="agent", mark=mark)
        release_gate(process.stdin)
        assert process.stdout.readline() == b"started\n"
        yield process, record, mark
        process.wait(_WAIT_SECONDS)
        process.stdin.close()
        process.stdout.close()


def marked(mark):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("end", [stop_tree, kill_tree])
def test_tree_of_a_sandbox_is_ended_with_all_its_daemons(start_tree, end):
    process, record, mark = start_tree
    assert len(marked(mark)) >= 4
    assert end(record)
    process.wait(_WAIT_SECONDS)
    assert is_tree_gone(record)
    assert marked(mark) == []


_SUPERVISOR = """
import json, subprocess, sys
settings = json.loads(sys.argv[1])
child = subprocess.Popen(settings["argv"], env=settings["env"], stdout=subprocess.PIPE)
print(child.stdout.readline().decode(), flush=True)
child.wait()
"""


def test_sandbox_dies_with_its_supervisor(spec, bubblewrap):
    mark = new_mark()
    with Sandbox(spec, bubblewrap) as sandbox:
        argv = sandbox.argv(["sh", "-c", _DAEMONS])
        settings = json.dumps({"argv": argv, "env": sandbox.environment | {MARK_VARIABLE: mark}})
        with subprocess.Popen([sys.executable, "-c", _SUPERVISOR, settings], stdout=subprocess.PIPE) as supervisor:
            assert supervisor.stdout.readline() == b"started\n"
            lives = marked(mark)
            ends = [os.pidfd_open(int(pid)) for pid in lives]
            supervisor.send_signal(signal.SIGKILL)
            supervisor.wait(_WAIT_SECONDS)
            import select

            for descriptor in ends:
                assert select.select([descriptor], [], [], _WAIT_SECONDS)[0], "a process outlived its supervisor"
                os.close(descriptor)
    assert len(lives) >= 4
    deadline = time.monotonic() + _WAIT_SECONDS
    while left := marked(mark):  # one that was about to become another program may have had no environment to show
        assert time.monotonic() < deadline, left
