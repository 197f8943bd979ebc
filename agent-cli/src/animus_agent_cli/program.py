"""One run of a program: started, fed, watched, ended with everything it started.

It promises: the program is written to the process ledger before it does anything; however the run ends, no process of
it is left; nothing it prints is an error, whatever the bytes; a run ends within its time limit plus the seconds named
here.
"""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple

from animus_agent_cli.alarm import Alarms
from animus_agent_cli.finding import ProgramStartError, find_program
from animus_agent_cli.pump import Pump
from animus_agent_cli.time_limit import TimeLimit
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

__all__ = [
    "CANCELLED",
    "DRAIN_SECONDS",
    "ERRORS_LIMIT_BYTES",
    "EXITED",
    "KILL_NOW_SECONDS",
    "LINGER_SECONDS",
    "STOPPED",
    "TERM_SECONDS",
    "TIMED_OUT",
    "ProgramCall",
    "ProgramEnd",
    "ProgramRun",
    "ProgramStartError",
]

TERM_SECONDS: Final = 2.0
"""How long a program may take to end by itself when it is told to."""
KILL_NOW_SECONDS: Final = 0.3
"""How long the system may take when this process itself is about to end."""
LINGER_SECONDS: Final = 0.5
"""How long what a program left behind may go on printing after the program ended: the last lines of a pipeline."""
DRAIN_SECONDS: Final = 2.0
"""How long the pipes may take to end after the last process of the run."""
ERRORS_LIMIT_BYTES: Final = 64 * 1024
"""How much of the standard error is kept: its end."""

EXITED: Final = "exited"
TIMED_OUT: Final = "timed_out"
CANCELLED: Final = "cancelled"
STOPPED: Final = "stopped"


class ProgramCall(NamedTuple):
    """What to run. `environment` is complete: nothing is added to it but the mark of the process.

    Attributes:
        input: what the program reads first; its input ends there unless `is_input_open`.
    """

    program: str
    args: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    input: bytes = b""
    is_input_open: bool = False
    run_id: str | None = None
    timeout_seconds: float | None = None


class ProgramEnd(NamedTuple):
    """How it ended.

    Attributes:
        how: ``exited``, ``timed_out``, ``cancelled``, or ``stopped`` when `ProgramRun.stop_in` ended it.
        exit_code: a death by signal n is -n.
        errors: the end of the standard error, and what there is to say of the end itself, by line.
    """

    how: str
    exit_code: int
    errors: list[str]
    duration_seconds: float


class ProgramRun:
    """Start it with `run`, on the thread that waits for it; everything else may be called from any other."""

    def __init__(
        self,
        call: ProgramCall,
        ledger: ProcessLedger,
        *,
        on_output: Callable[[bytes], object],
        clock: Clock | None = None,
    ) -> None:
        """Prepare; nothing is started yet. `on_output` is given standard output as it comes and must not block."""
        self.clock = clock or SystemClock()
        self._record: ProcessRecord | None = None
        self._call = call
        self._ledger = ledger
        self._on_output = on_output
        self._limit = TimeLimit(call.timeout_seconds, self.clock)
        self._alarms = Alarms()
        self._news = threading.Event()
        self._is_cancelled = threading.Event()
        self._has_exited = threading.Event()
        self._is_stopped = False
        self._pump: Pump | None = None
        self._errors = TailBuffer(ERRORS_LIMIT_BYTES)

    def cancel(self) -> None:
        """End the run; `run` returns once no process of it is left. Again or before the start is fine."""
        self._is_cancelled.set()
        self._news.set()

    def kill(self) -> None:
        """End the run at once because this process is ending: SIGKILL, a short look whether it helped."""
        self.cancel()
        record = self._record
        if record is not None and kill_tree(record, kill_seconds=KILL_NOW_SECONDS, clock=self.clock):
            self._ledger.forget(record)

    def write(self, data: bytes) -> bool:
        """Have the program read `data`; False when it no longer reads."""
        return self._pump is not None and self._pump.write(data)

    def end_input(self) -> None:
        """End the program's input behind what was written."""
        if self._pump is not None:
            self._pump.end_input()

    def alarm(self, seconds: float, callback: Callable[[], object]) -> Callable[[], None]:
        """Have `callback` called on the waiting thread in `seconds`, if the run lasts; answers how to drop it."""
        number = self._alarms.set(self.clock.monotonic() + seconds, callback)
        self._news.set()
        return lambda: self._alarms.drop(number)

    def stop_in(self, seconds: float) -> None:
        """End the run in `seconds` unless it ended by itself: it has nothing more to say."""
        self.alarm(seconds, self._stop)

    def hold_limit(self) -> None:
        """The time limit stands still until `release_limit`: the program waits for a person. Holds are counted."""
        self._limit.hold()
        self._news.set()

    def release_limit(self) -> None:
        """One hold less."""
        self._limit.release()
        self._news.set()

    def run(self) -> ProgramEnd:
        """Start the program and wait until it and everything it started is gone.

        Raises:
            ProgramStartError: it could not be started.
        """
        started = self.clock.monotonic()
        self._limit.start()
        if self._is_cancelled.is_set():
            return ProgramEnd(CANCELLED, -signal.SIGTERM, [], 0.0)
        process, record = self._start()
        self._record = record
        try:
            return self._watch(process, record, started)
        except BaseException:
            kill_tree(record, clock=self.clock)
            raise

    def _watch(self, process: "subprocess.Popen[bytes]", record: ProcessRecord, started: float) -> ProgramEnd:
        pump = self._pump = Pump(
            _pipe(process.stdin),
            self._call.input,
            [(_pipe(process.stdout), self._on_output), (_pipe(process.stderr), self._errors.write)],
            is_input_open=self._call.is_input_open,
        )
        pump.start()
        waiter = threading.Thread(target=self._wait_for, args=(process,), name="agent-exit", daemon=True)
        waiter.start()
        how = self._wait()
        if how == EXITED:
            pump.wait(LINGER_SECONDS)
        is_gone = stop_tree(record, term_seconds=TERM_SECONDS, clock=self.clock)
        pump.finish(DRAIN_SECONDS)
        if is_gone:
            waiter.join(DRAIN_SECONDS)
            self._ledger.forget(record)
        return ProgramEnd(
            how=how,
            exit_code=-signal.SIGKILL if process.returncode is None else process.returncode,
            errors=self._error_lines(how, process, is_gone=is_gone),
            duration_seconds=self.clock.monotonic() - started,
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

    def _wait_for(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        self._has_exited.set()
        self._news.set()

    def _stop(self) -> None:
        self._is_stopped = True

    def _wait(self) -> str:
        while True:
            now, limit = self.clock.monotonic(), self._limit.deadline()
            self._alarms.ring(now)
            if self._is_cancelled.is_set():
                return CANCELLED
            if self._has_exited.is_set():
                return EXITED
            if self._is_stopped:
                return STOPPED
            if limit is not None and limit <= now:
                return TIMED_OUT
            due = min((moment for moment in (limit, self._alarms.next()) if moment is not None), default=None)
            self._news.wait(None if due is None else max(0.0, due - now))
            self._news.clear()

    def _error_lines(self, how: str, process: "subprocess.Popen[bytes]", *, is_gone: bool) -> list[str]:
        lines = self._errors.text().splitlines()
        if self._errors.truncated:
            lines[:1] = [f"[the first {self._errors.total_bytes - len(self._errors.data())} bytes are left out]"]
        if how == EXITED and process.returncode is not None and process.returncode < 0:
            lines.append(f"program {self._call.program!r} was ended by {_signal_name(-process.returncode)}")
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
