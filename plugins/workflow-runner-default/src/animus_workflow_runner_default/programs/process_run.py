"""Run one program to its end: recorded before it starts, bounded while it runs, nothing left after it.

The program starts behind a gate in a session of its own, its record is written before the gate opens, and when it is
over (or its time is, or somebody cancelled) everything it started is ended with it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from animus_process import (
    MARK_VARIABLE,
    RUN_VARIABLE,
    BoundedCapture,
    ProcessRecord,
    gated,
    new_mark,
)
from animus_workflow_runner_default.clock import Clock
from animus_workflow_runner_default.programs.child import Child
from animus_workflow_runner_default.programs.processes import Processes
from animus_workflow_runner_default.unbroken import unbroken

__all__ = ["Program", "ProgramResult", "run_program"]

TAIL_BYTES = 1024 * 1024
"""How much of each stream is kept in memory; all of it goes to the file."""
DRAIN_SECONDS = 0.5
"""How long output may still come after the program itself has ended."""
TERM_SECONDS = 2.0
"""How long a program may take to end by itself when its time is over."""
KILL_SECONDS = 0.1
"""How long a killed program mostly takes at most to be gone; after that the whole machine is looked over."""
REAP_SECONDS = 5.0
"""How long the exit of a killed program may take to arrive."""
KILLED_EXIT_CODE = -1
"""The exit code reported for death by any signal."""


class MaskedWriter(Protocol):
    """Takes pieces of output and passes them on changed."""

    def write(self, data: bytes) -> None:
        """Take a piece."""
        ...

    def close(self) -> None:
        """Pass on what is left."""
        ...


class Program(NamedTuple):
    """What to run. `environment` is complete; nothing is inherited besides it."""

    argv: Sequence[str]
    cwd: str
    environment: Mapping[str, str]
    run_id: str
    purpose: str
    stdout_file: Path
    stderr_file: Path
    timeout_seconds: float | None
    masked: "Callable[[Callable[[bytes], None]], MaskedWriter | None] | None" = None
    """Puts something in front of where output is written that takes secrets out of it."""
    is_recorded: bool = True
    """False for a short look that is not worth a record, and for what has to finish even if this process dies."""


class ProgramResult(NamedTuple):
    """How it ended. `exit_code` is -1 for death by a signal, None when its time was over."""

    exit_code: int | None
    stdout: str
    stderr: str
    stdout_is_complete: bool
    duration_seconds: float
    signal: int | None = None


async def run_program(
    program: Program, processes: Processes, clock: Clock, *, on_output: Callable[[bytes], None] | None = None
) -> ProgramResult:
    """Run `program`; returns once it and everything it started is gone.

    Raises:
        OSError: it could not be started or recorded; nothing runs then.
    """
    async with processes.place():
        mark = new_mark()
        environment = {**program.environment, MARK_VARIABLE: mark, RUN_VARIABLE: program.run_id}
        argv = gated(program.argv, null_stdin=True) if program.is_recorded else program.argv
        child = Child(argv, program.cwd, environment, processes.family)
        record: ProcessRecord | None = None
        try:
            if program.is_recorded:
                # In the loop: a small file that is not synced takes less than handing it to a thread.
                record = processes.ledger.record(child.pid, purpose=program.purpose, run_id=program.run_id, mark=mark)
            return await _let_go(program, child, record, processes, clock, on_output)
        finally:
            # Also after success: what a program left in the background is part of it and ends with it.
            if not _end_quickly(child, record, processes):
                await unbroken(_end(child, record, processes))


async def _let_go(
    program: Program,
    child: Child,
    record: ProcessRecord | None,
    processes: Processes,
    clock: Clock,
    on_output: Callable[[bytes], None] | None,
) -> ProgramResult:
    """Open the gate, take what comes, wait for the end."""
    began = clock.monotonic()
    with (
        BoundedCapture(program.stdout_file, TAIL_BYTES) as out,
        BoundedCapture(program.stderr_file, TAIL_BYTES) as err,
    ):
        writers = [program.masked(stream.write) if program.masked else None for stream in (out, err)]
        first, second = (
            stream.write if writer is None else writer.write for stream, writer in zip((out, err), writers, strict=True)
        )
        child.read(_both(first, on_output), _both(second, on_output))
        child.open_gate()
        exit_code = await _wait_end(child, record, program.timeout_seconds, processes, clock)
        duration = clock.monotonic() - began
        for writer in filter(None, writers):
            writer.close()
    number = -exit_code if exit_code is not None and exit_code < 0 else None
    code = None if exit_code is None else max(exit_code, KILLED_EXIT_CODE)
    return ProgramResult(code, out.text(), err.text(), not out.truncated, duration, number)


def _both(capture: Callable[[bytes], None], on_output: Callable[[bytes], None] | None) -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        capture(data)
        if on_output is not None:
            on_output(data)

    return take


async def _wait_end(
    child: Child, record: ProcessRecord | None, seconds: float | None, processes: Processes, clock: Clock
) -> int | None:
    """The exit code, or None when the time was over and the tree was told to end."""
    try:
        async with clock.timeout(seconds):
            # The end of the process decides, not the end of its pipes: a grandchild may hold those for ever.
            exit_code = await child.wait_exit()
    except TimeoutError:
        if record is None:
            child.kill_group()
        else:
            await processes.end_tree(record, grace_seconds=TERM_SECONDS)
        await child.wait_drained(DRAIN_SECONDS)
        return None
    await child.wait_drained(DRAIN_SECONDS)
    return exit_code


def _end_quickly(child: Child, record: ProcessRecord | None, processes: Processes) -> bool:
    """Let go of a program that has ended and left nothing behind; False if more is to be done, or to be found out."""
    is_gone = child.has_exited and (record is None or processes.has_left_nothing())
    if is_gone:
        child.close()
        if record is not None:
            processes.ledger.forget(record)
    return is_gone


async def _end(child: Child, record: ProcessRecord | None, processes: Processes) -> None:
    """End the whole tree and let go of it."""
    # First the quick way: a plugin that is told to end has little time for all its runs together.
    child.kill_group()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(KILL_SECONDS):
            await child.wait_exit()
    if _end_quickly(child, record, processes):
        return
    is_gone = record is None or await processes.end_tree(record)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REAP_SECONDS):
            await child.wait_exit()
    child.close()
    if record is not None and is_gone:
        processes.ledger.forget(record)  # one that the system does not end stays on record, for whoever comes next
