import sys

import pytest

from animus_plugin_runtime.errors import ProbeError
from animus_plugin_runtime.probe import probe_manifest


def python(source):
    return [sys.executable, "-S", "-c", source]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("import sys; sys.exit('no settings file')", "it said: no settings file"),
        ("print('hello')", "printed no manifest"),
        ("pass", "printed no manifest"),
        ("import sys; sys.stdout.buffer.write(b'\\xff\\n')", "printed no manifest"),
        ('print(\'{"name": "x"}\')', "printed no manifest"),
        ("while True: print('x' * 100000)", "printed more than 1048576 bytes"),
        ("import sys\nwhile True: sys.stderr.write('x' * 100000)", "printed more than 1048576 bytes"),
    ],
)
def test_program_that_prints_no_manifest_is_reported(source, text):
    with pytest.raises(ProbeError, match=text):
        probe_manifest(python(source))


def test_manifest_of_another_major_version_is_refused():
    manifest = '{"name":"n","version":"1","plugin_kind":"queue","description":"","protocol_version":"2.0.0"}'
    with pytest.raises(ProbeError, match="same major"):
        probe_manifest(python(f"print({manifest!r})"))


def test_program_that_hangs_is_ended_with_its_children(tmp_path, is_running):
    pids = tmp_path / "pids"
    source = (
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nchild = os.fork()\n"
        f"open({str(pids)!r}, 'a').write(f'{{os.getpid()}} ')\nwhile True: time.sleep(60)"
    )
    for limit in (0.5, 20.0):  # a loaded machine may need more than the first to start both
        pids.write_text("")
        with pytest.raises(ProbeError, match=f"did not print its manifest within {limit:g} s"):
            probe_manifest(python(source), timeout_seconds=limit)
        if len(pids.read_text().split()) == 2:
            break
    assert not any(is_running(int(pid)) for pid in pids.read_text().split())


def test_program_that_leaves_a_child_with_its_output_is_not_waited_for(is_running):
    manifest = '{"name":"n","version":"1","plugin_kind":"queue","description":"","protocol_version":"1.0.0"}'
    source = (
        f"import os, time\nprint({manifest!r}, flush=True)\n"
        "if os.fork() == 0:\n    while True: time.sleep(60)\nos._exit(0)"
    )
    assert probe_manifest(python(source)).name == "n"


def test_program_that_is_missing_is_reported():
    with pytest.raises(ProbeError, match="could not be started"):
        probe_manifest(["/no/such/program"])
