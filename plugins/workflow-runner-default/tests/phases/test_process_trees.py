"""Whatever a command starts is gone when it is over, however it is over; whatever it prints is kept as it was."""

import contextlib
import json
import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

FOR_EVER = 3_600
WAIT_SECONDS = 60.0
"""Far more than anything here takes, far less than what is left behind would live."""
MEMBERS = ("child", "other-group", "daemon", "no-term", "no-term-daemon", "holds-output", "orphan-of-orphan")

TREE = textwrap.dedent(
    f"""
    import os, signal, sys, time
    here = os.environ["ANIMUS_PROJECT_ROOT"]

    def stay(name):
        with open(os.path.join(here, "pids", name + ".part"), "w") as stream:
            stream.write(str(os.getpid()))
        os.rename(stream.name, os.path.join(here, "pids", name))
        time.sleep({FOR_EVER})
        os._exit(0)

    def start(name, *, session=False, twice=0, deaf=False, silent=True):
        if os.fork():
            return
        if session:
            os.setsid()
        for _ in range(twice):
            if os.fork():
                os._exit(0)
        if deaf:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
        if silent:
            for descriptor in (0, 1, 2):
                os.close(descriptor)
        stay(name)

    start("child")
    start("other-group", session=True)
    start("daemon", session=True, twice=1)
    start("no-term", deaf=True)
    start("no-term-daemon", session=True, twice=1, deaf=True)
    start("holds-output", session=True, silent=False)
    start("orphan-of-orphan", session=True, twice=3)
    while len([name for name in os.listdir(os.path.join(here, "pids")) if not name.endswith(".part")]) < {len(MEMBERS)}:
        time.sleep(0.01)
    open(os.path.join(here, "ready"), "w").close()
    if sys.argv[1] == "stay":
        stay("itself")
    """
)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.fixture
def family(define, project):
    """Definitions of a command that starts a whole family; who of them lives; and an end to whoever is left."""
    (project / "pids").mkdir()
    (project / "tree.py").write_text(TREE)

    def write(word: str, more: str = "") -> None:
        command = f"{{program: {json.dumps(sys.executable)}, args: [-S, tree.py, {word}]{more}}}"
        define(
            "workflows: [{id: w, worktree: skip, phases: [p]}, {id: other, worktree: skip, phases: [q]}]\nphases:\n"
            f"  p: {{mode: command, idempotency: idempotent, command: {command}}}\n"
            "  q: {mode: command, command: {program: sh, args: [-c, 'true']}}\n"
        )

    def started() -> dict[str, int]:
        # A name ends in ".part" until its number is whole; the family may write more of them while we look.
        files = [file for file in (project / "pids").iterdir() if file.suffix != ".part"]
        return {file.name: int(file.read_text()) for file in files}

    def living() -> list[str]:
        return [name for name, pid in started().items() if alive(pid)]

    yield write, living
    for pid in started().values():
        if alive(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def require_gone(living: Callable[[], list[str]], project: Path) -> None:
    assert {file.name for file in (project / "pids").iterdir()} >= set(MEMBERS), "not everybody was started"
    wait_for(lambda: not living(), "somebody is still there")


def test_family_of_a_command_that_ended_is_gone(host, family, project):
    write, living = family
    write("go")
    assert host.execute("w")["workflow_status"] == "completed"
    assert living() == []
    require_gone(living, project)


def test_family_of_a_command_whose_time_is_over_is_gone(host, family, project):
    write, living = family
    write("stay", ", timeout_secs: 2")
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert living() == []


@pytest.mark.parametrize("ending", ["cancel", "killed runner", "end of input", "cancelled request"])
def test_family_of_a_command_that_is_ended_is_gone(start_host, family, project, ending):
    write, living = family
    write("stay")
    host = start_host()
    number = host.begin_execute("w", workflow_id="t1")
    wait_for((project / "ready").exists, "the family did not start")
    assert set(living()) >= set(MEMBERS)
    if ending == "cancel":
        assert host.signal("t1", "cancel")["status"] == "cancelled"
        assert host.finish(number)["workflow_status"] == "cancelled"
    elif ending == "cancelled request":
        host._send({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": number}})
        with pytest.raises(Exception, match="ancel"):
            host.finish(number)
    elif ending == "end of input":
        host.close()
    else:
        host.kill()
        assert start_host().execute("other", workflow_id="t2")["workflow_status"] == "completed"
    require_gone(living, project)


MEGABYTE = 1_000_000
OUTPUTS = {
    "nothing": b"",
    "5 MB without a line end": b"x" * (5 * MEGABYTE),
    "invalid UTF-8": b"a\xff\xfeb\xc3(\xed\xa0\x80\n",
    "half a character at the end": "ä".encode()[:1],
    "NUL": b"a\0b\n\0\0\0\n",
    "a terminal's own language": b"\x1b[2J\x1b]0;title\x07\r10%\r20%\r\n\x08\x7f\x9b",
    "every byte": bytes(range(256)) * 40,
    "lines of two systems": b"a\r\nb\rc\n\n\n",
    "a line that looks like a decision": b'{"verdict": "fail", "confidence": 1}\n',
    "a mapping a mile deep": b"[" * 200_000,
}


@pytest.mark.parametrize("body", OUTPUTS.values(), ids=OUTPUTS)
def test_output_is_kept_as_it_was_and_told_in_words(host, define, project, body):
    (project / "out.bin").write_bytes(body)
    copy = "{program: sh, args: [-c, 'cat out.bin; cat out.bin >&2']}"
    look = """{program: sh, args: [-c, 'cp "$ANIMUS_CONTEXT_FILE" seen.json']}"""
    define(
        "workflows: [{id: w, worktree: skip, phases: [p, q]}]\n"
        f"phases: {{p: {{mode: command, command: {copy}}}, q: {{mode: command, command: {look}}}}}\n"
    )
    result = host.execute("w", workflow_id="o1")
    assert result["workflow_status"] == "completed", result
    row = result["phase_results"][0]
    for stream in ("stdout", "stderr"):
        file = row["metadata"].get(f"{stream}_file")
        assert (b"" if file is None else Path(file).read_bytes()) == body
        assert len(row["outcome"]["result"][f"{stream}_excerpt"]) <= 803
    assert json.loads((project / "seen.json").read_text())["phases"][0]["verdict"] == "advance"
    assert host.call("workflow/inspect", {"what": "run", "workflow_id": "o1"})["value"]["status"] == "completed"


@pytest.mark.parametrize("body", OUTPUTS.values(), ids=OUTPUTS)
def test_output_of_a_command_that_failed_reaches_its_reason_without_harm(host, define, project, body):
    (project / "out.bin").write_bytes(body)
    define(
        "workflows: [{id: w, worktree: skip, phases: [p]}]\nphases:\n  p:\n    mode: command\n"
        "    command: {program: sh, args: [-c, 'cat out.bin; exit 1'], on_failure_verdict: fail}\n"
    )
    result = host.execute("w", workflow_id="o1")
    assert result["workflow_status"] == "escalated", result
    assert len(result["reason"]) < 20_000
    assert "\0" not in result["reason"]
