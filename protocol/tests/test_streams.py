"""The claim on the standard streams, and running a plugin by hand."""

import json
import os
import pty
import subprocess
import sys

import pytest


def test_stray_output_of_handler_library_and_child_goes_to_stderr(process_host):
    assert process_host.result("probe/print") == {"stdin": "", "child": ""}
    stderr = process_host.stderr()
    assert {"stray print", "stray write", "stray child"} <= set(stderr.split("\n"))


@pytest.fixture
def script(tmp_path):
    """Writes a plugin program around some lines and gives its command line."""

    def write(before: str = "", after: str = "") -> list[str]:
        path = tmp_path / "plugin.py"
        path.write_text(
            f"{before}\n"
            "import sys\n"
            "from animus_plugin_protocol import Plugin, methods\n"
            "from animus_plugin_protocol.wire.queue import QueueStats\n"
            "plugin = Plugin('animus-small', '1.2.3', description='Small.')\n"
            "@plugin.register_method(methods.QUEUE_STATS)\n"
            "def stats(params: None) -> QueueStats:\n"
            "    return QueueStats(total=0, pending=0, assigned=0, held=0)\n"
            "code = plugin.run()\n"
            f"{after}\n"
            "sys.exit(code)\n"
        )
        return [sys.executable, str(path)]

    return write


def test_buffered_output_before_and_after_the_run_stays_out_of_the_frames(script, run_process):
    host = run_process(script(before="print('before')", after="print('after')"), {"PYTHONUNBUFFERED": ""})
    host.handshake()
    assert host.result("queue/stats")["total"] == 0
    host.notify("exit")
    assert host.rest() == []
    assert {"before", "after"} <= set(host.stderr().split())


def test_the_private_descriptors_are_not_inherited(script, run_process):
    child = (
        "import atexit, subprocess, os\n"
        "atexit.register(lambda: os.write(2, subprocess.run(['ls', '/proc/self/fd'], stdin=subprocess.DEVNULL, "
        "close_fds=False, capture_output=True).stdout))"
    )
    host = run_process(script(before=child))
    host.handshake()
    assert host.stderr().split() == ["0", "1", "2", "3"], "3 is the directory that ls reads"


def test_stderr_that_is_closed_breaks_nothing(script, run_process):
    host = run_process(["sh", "-c", 'exec "$@" 2>&-', "sh", *script(before="import sys; assert sys.stderr is None")])
    host.handshake()
    host.send({"jsonrpc": "2.0", "id": "nobody's", "result": 1})
    assert host.result("queue/stats")["total"] == 0


def test_a_failing_handler_is_answered_without_stderr_too(probe, run_process):
    host = run_process(["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, probe.__file__])
    host.handshake()
    assert host.error("probe/fail", {"how": "bug"})["code"] == -32603
    assert host.result("probe/echo", {"text": "x"})["text"] == "x"


def test_the_manifest_is_one_line_and_needs_nothing(script, tmp_path):
    for flag in ("--manifest", "-m"):
        done = subprocess.run(
            [*script(), flag], env={}, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=True
        )
        assert done.stdout.count(b"\n") == 1
        assert json.loads(done.stdout) == {
            "name": "animus-small",
            "version": "1.2.3",
            "plugin_kind": "queue",
            "description": "Small.",
            "protocol_version": "1.1.0",
            "capabilities": ["queue/stats", "health/check"],
        }
        assert done.stderr == b""


def test_help_goes_to_stderr(script):
    done = subprocess.run([*script(), "--help"], capture_output=True, check=True)
    assert done.stdout == b""
    assert b"animus-small" in done.stderr
    assert b"--manifest" in done.stderr


def test_an_unknown_argument_is_refused(script):
    done = subprocess.run([*script(), "--serve"], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"'--serve'" in done.stderr


def test_a_person_at_a_terminal_gets_a_hint(script):
    controller, terminal = pty.openpty()
    try:
        done = subprocess.run(script(), stdin=terminal, capture_output=True, check=False, timeout=60)
    finally:
        os.close(controller)
        os.close(terminal)
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"--manifest" in done.stderr


@pytest.mark.parametrize("loop_name", ["threads", "asyncio"])
def test_frames_may_come_from_a_regular_file_and_go_to_one(loop_name, tmp_path, probe):
    frames = [
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {"protocol_version": "1.1.0", "host_info": {"name": "t", "version": "1"}, "capabilities": {}},
        },
        {"jsonrpc": "2.0", "method": "initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "probe/echo", "params": {"text": "from a file"}},
    ]
    (tmp_path / "in").write_text("\n".join(json.dumps(frame) for frame in frames))
    with (tmp_path / "in").open("rb") as stdin, (tmp_path / "out").open("wb") as stdout:
        environment = {**os.environ, "PROBE_LOOP": loop_name}
        subprocess.run(
            [sys.executable, probe.__file__], stdin=stdin, stdout=stdout, env=environment, check=True, timeout=60
        )
    lines = (tmp_path / "out").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1, 2]


@pytest.mark.parametrize("loop_name", ["threads", "asyncio"])
def test_a_plugin_runs_on_binary_objects_without_descriptors(loop_name, probe):
    import io

    stdin = io.BytesIO(b'{"jsonrpc":"2.0","id":1,"method":"$/ping"}\n{"jsonrpc":"2.0","id":2,"method":"$/ping"}')
    stdout = io.BytesIO()
    assert probe.build(loop_name).run(stdin=stdin, stdout=stdout) == 0
    assert stdout.getvalue() == b'{"jsonrpc":"2.0","id":1,"result":{}}\n{"jsonrpc":"2.0","id":2,"result":{}}\n'


def test_running_with_given_streams_leaves_the_standard_ones_alone(run_in_thread, probe):
    before = sys.stdout, os.fstat(0).st_ino, os.fstat(1).st_ino
    run_in_thread(probe.build("threads")).handshake()
    assert (sys.stdout, os.fstat(0).st_ino, os.fstat(1).st_ino) == before


def test_an_interrupt_ends_the_plugin_quietly(script, run_process):
    import signal

    host = run_process(script())
    host.handshake()
    host.process.send_signal(signal.SIGINT)
    assert host.exit_code() == 130
    assert "Traceback" not in host.stderr()
