"""One run of a local program as an agent: started, fed, watched, ended with everything it started.

This module has never heard of the protocol. It promises: the program is written to the process ledger before it does
anything; however the run ends, no process of it is left; nothing it prints is an error, whatever the bytes; a run ends
within its time limit plus the seconds named here.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from animus_process import (
    MARK_VARIABLE,
    Clock,
    ProcessLedger,
    ProcessRecord,
    SystemClock,
    TailBuffer,
    gated,
    kill_tree,
    new_mark,
    release_gate,
    stop_tree,
)
from animus_provider_command.decision import DecisionScanner
from animus_provider_command.live_text import Streamer
from animus_provider_command.output import Output
from animus_provider_command.pump import Pump

__all__ = [
    "CANCELLED",
    "DRAIN_SECONDS",
    "ERRORS_LIMIT_BYTES",
    "EXITED",
    "KILL_NOW_SECONDS",
    "LINGER_SECONDS",
    "SHOW_SECONDS",
    "TERM_SECONDS",
    "TIMED_OUT",
    "ProgramCall",
    "ProgramEnd",
    "ProgramRun",
    "ProgramStartError",
    "find_program",
]

TERM_SECONDS: Final = 2.0
"""How long a program may take to end by itself when it is told to."""
KILL_NOW_SECONDS: Final = 0.3
"""How long the system may take when this process itself is about to end."""
LINGER_SECONDS: Final = 0.5
"""How long what a program left behind may go on printing after the program ended: the last lines of a pipeline."""
DRAIN_SECONDS: Final = 2.0
"""How long the pipes may take to end after the last process of the run."""
SHOW_SECONDS: Final = 2.0
"""How long a slow host may take for the last of the live text."""
ERRORS_LIMIT_BYTES: Final = 64 * 1024

EXITED: Final = "exited"
TIMED_OUT: Final = "timed_out"
CANCELLED: Final = "cancelled"


class ProgramStartError(Exception):
    """The program could not be started; nothing ran."""


class ProgramCall(NamedTuple):
    """What to run. `environment` is complete: nothing is added to it but the mark of the process."""

    program: str
    args: Sequence[str]
    cwd: Path
    prompt: bytes
    environment: Mapping[str, str]
    run_id: str | None = None
    timeout_seconds: float | None = None
    output_file: Path | None = None


class ProgramEnd(NamedTuple):
    """How it ended. `how` is ``exited``, ``timed_out`` or ``cancelled``; a death by signal n is exit code -n."""

    how: str
    exit_code: int
    output: Output
    errors: list[str]
    decision: dict[str, Any] | None
    duration_seconds: float


def find_program(program: str, cwd: Path, environment: Mapping[str, str]) -> str:
    """The path that `program` means: a name is looked up in PATH, a relative path starts at `cwd`.

    Raises:
        ProgramStartError: there is no such program, or it may not be run.
    """
    if not program.strip():
        raise ProgramStartError("the program's name is blank")
    if os.sep in program:
        path = cwd / program
        if not path.is_file():
            raise ProgramStartError(f"program {program!r} does not exist (looked at {str(path)!r})")
        if not os.access(path, os.X_OK):
            raise ProgramStartError(f"program {program!r} is not executable; chmod +x {str(path)!r}")
        return str(path)
    search = environment.get("PATH", os.defpath)
    found = shutil.which(program, path=search)
    if found is None:
        raise ProgramStartError(
            f"program {program!r} is not in PATH ({search}); install it, write its full path, "
            "or start the daemon from an environment where it is found"
        )
    return found


class ProgramRun:
    """Start it with `run`, on the thread that waits for it; `cancel` from any other."""

    def __init__(
        self,
        call: ProgramCall,
        ledger: ProcessLedger,
        *,
        on_text: Callable[[str, bool], object],
        clock: Clock | None = None,
    ) -> None:
        """Prepare; nothing is started yet. `on_text` is given live output, see `Streamer`."""
        self._clock = clock or SystemClock()
        self._record: ProcessRecord | None = None
        self._call = call
        self._ledger = ledger
        self._on_text = on_text
        self._news = threading.Event()
        self._is_cancelled = threading.Event()
        self._output = Output(call.output_file)
        self._errors = TailBuffer(ERRORS_LIMIT_BYTES)
        self._scanner = DecisionScanner()

    def cancel(self) -> None:
        """End the run; `run` returns once no process of it is left. Again or before the start is fine."""
        self._is_cancelled.set()
        self._news.set()

    def kill(self) -> None:
        """End the run at once because this process is ending: SIGKILL, a short look whether it helped."""
        self.cancel()
        record = self._record
        if record is not None and kill_tree(record, kill_seconds=KILL_NOW_SECONDS, clock=self._clock):
            self._ledger.forget(record)

    def run(self) -> ProgramEnd:
        """Start the program and wait until it and everything it started is gone.

        Raises:
            ProgramStartError: it could not be started.
        """
        started = self._clock.monotonic()
        if self._is_cancelled.is_set():
            self._output.close()
            return ProgramEnd(CANCELLED, -signal.SIGTERM, self._output, [], None, 0.0)
        process, record = self._start()
        self._record = record
        try:
            return self._watch(process, record, started)
        except BaseException:
            kill_tree(record, clock=self._clock)
            raise

    def _watch(self, process: "subprocess.Popen[bytes]", record: ProcessRecord, started: float) -> ProgramEnd:
        streamer = Streamer(self._on_text)
        pump = Pump(
            _pipe(process.stdin),
            self._call.prompt,
            [(_pipe(process.stdout), self._take_output(streamer)), (_pipe(process.stderr), self._errors.write)],
        )
        waiter = threading.Thread(target=self._wait_for, args=(process,), name="agent-exit", daemon=True)
        waiter.start()
        how = self._wait(process, started)
        if how == EXITED:
            pump.wait(LINGER_SECONDS)
        is_gone = stop_tree(record, term_seconds=TERM_SECONDS, clock=self._clock)
        pump.finish(DRAIN_SECONDS)
        streamer.close(SHOW_SECONDS)
        self._scanner.close()
        self._output.close()
        if is_gone:
            waiter.join(DRAIN_SECONDS)
            self._ledger.forget(record)
        return ProgramEnd(
            how=how,
            exit_code=-signal.SIGKILL if process.returncode is None else process.returncode,
            output=self._output,
            errors=self._error_lines(how, process, is_gone=is_gone),
            decision=self._scanner.decision,
            duration_seconds=self._clock.monotonic() - started,
        )

    def _start(self) -> tuple["subprocess.Popen[bytes]", ProcessRecord]:
        call, mark = self._call, new_mark()
        argv = gated([find_program(call.program, call.cwd, call.environment), *call.args])
        try:
            process = subprocess.Popen(
                argv,
                cwd=call.cwd,
                env={**call.environment, MARK_VARIABLE: mark},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise ProgramStartError(
                f"program {call.program!r} cannot be started in {str(call.cwd)!r}: {error}"
            ) from error
        try:
            record = self._ledger.record(process.pid, purpose="agent", run_id=call.run_id, mark=mark)
            release_gate(_pipe(process.stdin))
        except OSError as error:
            _abandon(process)
            raise ProgramStartError(
                f"program {call.program!r} was not started: its process could not be recorded in "
                f"{str(self._ledger.directory)!r}: {error}"
            ) from error
        return process, record

    def _take_output(self, streamer: Streamer) -> Callable[[bytes], None]:
        def take(data: bytes) -> None:
            self._output.write(data)
            self._scanner.write(data)
            streamer.write(data)

        return take

    def _wait_for(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        self._news.set()

    def _wait(self, process: "subprocess.Popen[bytes]", started: float) -> str:
        limit = self._call.timeout_seconds
        while True:
            left = None if limit is None else started + limit - self._clock.monotonic()
            self._news.wait(left)
            if self._is_cancelled.is_set():
                return CANCELLED
            if process.returncode is not None:
                return EXITED
            if left is not None and left <= 0:
                return TIMED_OUT

    def _error_lines(self, how: str, process: "subprocess.Popen[bytes]", *, is_gone: bool) -> list[str]:
        lines = self._errors.text().splitlines()
        if self._errors.truncated:
            lines[:1] = [f"[the first {self._errors.total_bytes - len(self._errors.data())} bytes are left out]"]
        if how == EXITED and process.returncode is not None and process.returncode < 0:
            lines.append(f"program {self._call.program!r} was ended by {_signal_name(-process.returncode)}")
        if self._output.truncated:
            whole = f"all of it is in {str(self._output.file)!r}" if self._output.file else "the rest is lost"
            reason = f" ({self._output.file_error})" if self._output.file_error else ""
            lines.append(
                f"the output has {self._output.total_bytes} bytes and is cut at its beginning; {whole}{reason}"
            )
        if not is_gone:
            lines.append(f"a process started by {self._call.program!r} (pid {process.pid}) could not be ended")
        return lines


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("the process was started with pipes")
    return pipe


def _abandon(process: "subprocess.Popen[bytes]") -> None:
    """End a process at its gate: closing its input is enough, the kill is for the case that it is not."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        _pipe(pipe).close()
    kill_tree(process.pid, reap_root=False)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(DRAIN_SECONDS)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
