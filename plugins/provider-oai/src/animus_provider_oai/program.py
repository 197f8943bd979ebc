"""One program run by a tool: gated, recorded, bounded, and ended with everything it started."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple

from animus_process import (
    MARK_VARIABLE,
    ProcessLedger,
    ProcessRecord,
    TailBuffer,
    gated,
    is_tree_gone,
    kill_tree,
    new_mark,
    release_gate,
    signal_tree,
)
from animus_provider_oai.ending import RunControl

__all__ = ["KILL_SECONDS", "LINGER_SECONDS", "TERM_SECONDS", "ProgramCall", "ProgramEnd", "ProgramError", "run_program"]

TERM_SECONDS: Final = 2.0
"""How long a program may take to end by itself when it is told to."""
LINGER_SECONDS: Final = 0.3
"""How long what a program left behind may go on printing after the program ended."""
KILL_SECONDS: Final = 5.0
"""How long the system may take to end a tree after SIGKILL."""
_LEFT_SECONDS: Final = 0.3
_FIRST_POLL_SECONDS: Final = 0.005
_LAST_POLL_SECONDS: Final = 0.1
_DRAIN_SECONDS: Final = 2.0
_HURRIED_SECONDS: Final = 0.3
_PIECE_BYTES: Final = 64 * 1024


class ProgramError(Exception):
    """The program could not be started; nothing ran."""


class ProgramCall(NamedTuple):
    """What to run. `environment` is all it sees but its mark."""

    argv: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    timeout_seconds: float
    output_limit_bytes: int
    run_id: str | None = None


class ProgramEnd(NamedTuple):
    """How it ended; a death by signal n is exit code -n. The output is its tail, errors among it in order."""

    exit_code: int | None
    output: str
    total_bytes: int
    is_cut: bool
    is_timed_out: bool


def run_program(call: ProgramCall, ledger: ProcessLedger, control: RunControl) -> ProgramEnd:
    """Run a program until it ends, its time is over or the run ends. No process of it is left.

    Raises:
        ProgramError: it could not be started.
        RunEndedError: the run ended meanwhile; the program is gone.
    """
    mark = new_mark()
    process = _start(call, mark)
    try:
        record = ledger.record(process.pid, purpose="tool", run_id=call.run_id, mark=mark)
    except OSError as error:
        _abandon(process)
        raise ProgramError(f"its process could not be recorded in {str(ledger.directory)!r}: {error}") from error
    output = TailBuffer(call.output_limit_bytes)
    reader = threading.Thread(target=_read, args=(_pipe(process.stdout), output), name="oai-tool", daemon=True)
    reader.start()
    has_ended = False
    try:
        with contextlib.suppress(BrokenPipeError):  # it died at the gate, which its exit code tells
            release_gate(_pipe(process.stdin))
        has_ended = _wait(process, control, call.timeout_seconds)
        if has_ended:
            reader.join(LINGER_SECONDS)
    finally:
        _end(process, record, reader, control, is_over=has_ended)
        ledger.forget(record)
    control.check()
    return ProgramEnd(process.returncode, output.text(), output.total_bytes, output.truncated, not has_ended)


def _start(call: ProgramCall, mark: str) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            gated(call.argv, null_stdin=True),
            cwd=call.cwd,
            env={**call.environment, MARK_VARIABLE: mark},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ProgramError(str(error)) from error


def _wait(process: "subprocess.Popen[bytes]", control: RunControl, timeout_seconds: float) -> bool:
    """Wait for the end, the time limit or the end of the run; whether the program ended."""
    news = threading.Event()

    def wait() -> None:
        process.wait()
        news.set()

    threading.Thread(target=wait, name="oai-tool-end", daemon=True).start()
    with control.waking(news.set):
        news.wait(control.within(timeout_seconds))
    return process.poll() is not None


def _end(
    process: "subprocess.Popen[bytes]",
    record: ProcessRecord,
    reader: threading.Thread,
    control: RunControl,
    *,
    is_over: bool,
) -> None:
    """End what is left of it. After the program itself ended nothing more is waited for."""
    if not control.is_hurried and signal_tree(record, signal.SIGTERM):
        _wait_gone(record, control, _LEFT_SECONDS if is_over else TERM_SECONDS)
    kill_tree(record, kill_seconds=_HURRIED_SECONDS if control.is_hurried else KILL_SECONDS)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_DRAIN_SECONDS)
    _pipe(process.stdin).close()
    reader.join(_DRAIN_SECONDS)
    if not reader.is_alive():
        _pipe(process.stdout).close()


def _wait_gone(record: ProcessRecord, control: RunControl, seconds: float) -> None:
    """Give a tree time to end by itself, but not when this process is about to end."""
    pause = _FIRST_POLL_SECONDS
    while seconds > 0 and not control.hurry.wait(pause) and not is_tree_gone(record):
        seconds -= pause
        pause = min(2 * pause, _LAST_POLL_SECONDS)


def _read(pipe: IO[bytes], output: TailBuffer) -> None:
    while data := os.read(pipe.fileno(), _PIECE_BYTES):
        output.write(data)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("the process was started with pipes")
    return pipe


def _abandon(process: "subprocess.Popen[bytes]") -> None:
    """End a process at its gate: closing its input is enough, the kill is for the case that it is not."""
    for pipe in (process.stdin, process.stdout):
        _pipe(pipe).close()
    kill_tree(process.pid, reap_root=False)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_DRAIN_SECONDS)
