"""The operating system's side of a plugin: started behind a gate, recorded, watched, and in the end gone."""

import asyncio
import os
import subprocess
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Protocol

from animus_plugin_protocol.errors import ErrorCode, RetriableError
from animus_plugin_runtime.candidate import Candidate
from animus_plugin_runtime.errors import HandshakeError
from animus_plugin_runtime.probe import SAFE_VARIABLES
from animus_plugin_runtime.trust import hash_file
from animus_process import (
    MARK_VARIABLE,
    ProcessLedger,
    ProcessRecord,
    child_environment,
    gated,
    kill_tree,
    new_mark,
    release_gate,
    stop_tree,
)

__all__ = ["PluginProcess", "StartProcess", "describe_exit", "start_process"]


class PluginProcess(Protocol):
    """A started plugin as `RunningPlugin` needs it: real, or one of a simulation.

    Attributes:
        pid: its number.
        stdin, stdout, stderr: our ends of its pipes.
    """

    pid: int
    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]

    async def wait_exit(self) -> int:
        """Wait for its end; its exit code, or minus the number of the signal that ended it."""
        ...

    async def stop(self, *, term_seconds: float, kill_seconds: float) -> bool:
        """End it and what it left behind: SIGTERM, then SIGKILL; False if something withstood both."""
        ...

    async def clear_up(self, *, is_gone: bool) -> list[ProcessRecord]:
        """Let go of its pipes and, if it is gone, of its record; the records of what it had started and we ended."""
        ...


class StartProcess(Protocol):
    """As `start_process`."""

    async def __call__(
        self,
        candidate: Candidate,
        *,
        cwd: Path,
        ledger: ProcessLedger,
        environ: Mapping[str, str] | None = None,
        forward: Iterable[str] = (),
    ) -> PluginProcess:
        """Start a plugin; raises as `start_process`."""
        ...


class _SystemProcess:
    """A process of the operating system, through its gate and on record."""

    def __init__(self, child: "subprocess.Popen[bytes]", record: ProcessRecord, ledger: ProcessLedger) -> None:
        self.stdin, self.stdout, self.stderr = _pipes_of(child)
        self.pid = child.pid
        self._child, self._record, self._ledger = child, record, ledger

    async def wait_exit(self) -> int:
        return await _wait_exit(self._child)

    async def stop(self, *, term_seconds: float, kill_seconds: float) -> bool:
        return await asyncio.to_thread(stop_tree, self._record, term_seconds=term_seconds, kill_seconds=kill_seconds)

    async def clear_up(self, *, is_gone: bool) -> list[ProcessRecord]:
        if is_gone:
            await asyncio.to_thread(self._ledger.forget, self._record)
        for pipe in (self.stdin, self.stdout, self.stderr):
            pipe.close()  # a start that was cut short has not handed them to transports yet
        return await asyncio.to_thread(self._ledger.sweep)

    def discard(self) -> None:
        """End it at once; blocks."""
        kill_tree(self._record)
        _close(self._child)
        self._ledger.forget(self._record)


def _pipes_of(child: "subprocess.Popen[bytes]") -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    if child.stdin is None or child.stdout is None or child.stderr is None:
        message = "pipes were asked for"
        raise RuntimeError(message)
    return child.stdin, child.stdout, child.stderr


def plugin_environment(
    candidate: Candidate, environ: Mapping[str, str] | None, also: Iterable[str] = ()
) -> dict[str, str]:
    """The allow-list, what the manifest declares, what is forwarded to it, nothing of the host's Python settings."""
    declared = () if candidate.manifest is None else (row.name for row in candidate.manifest.env_required)
    return child_environment(SAFE_VARIABLES, (*declared, *also), environ=environ)


def _start(
    candidate: Candidate,
    cwd: Path,
    ledger: ProcessLedger,
    environ: Mapping[str, str] | None,
    forward: Iterable[str],
) -> _SystemProcess:
    environment = plugin_environment(candidate, environ, forward)  # may read a keyring
    if candidate.sha256 is not None and hash_file(candidate.path) != candidate.sha256:
        message = f"plugin {candidate.name!r} has changed since it was trusted: animus plugin trust {candidate.path}"
        raise HandshakeError(message, code=ErrorCode.HOST_NO_SUCH_PLUGIN)
    mark = new_mark()
    child = subprocess.Popen(
        gated(candidate.argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=cwd,
        env=environment | {MARK_VARIABLE: mark},
        start_new_session=True,
    )
    stdin, _, _ = _pipes_of(child)
    try:
        record = ledger.record(child.pid, purpose="plugin", mark=mark)
        release_gate(stdin)
    except BaseException:
        kill_tree(child.pid)
        _close(child)
        raise
    return _SystemProcess(child, record, ledger)


def _close(child: "subprocess.Popen[bytes]") -> None:
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            stream.close()
    child.wait()


async def start_process(
    candidate: Candidate,
    *,
    cwd: Path,
    ledger: ProcessLedger,
    environ: Mapping[str, str] | None = None,
    forward: Iterable[str] = (),
) -> PluginProcess:
    """Start a plugin. The record is on disk before the plugin's first instruction; disk and fork run in a thread.

    Raises:
        RetriableError: the system would not start it (-32502).
        HandshakeError: a trusted file has changed.
    """
    work = asyncio.ensure_future(asyncio.to_thread(_start, candidate, cwd, ledger, environ, forward))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # The thread goes on, for as long as a fork and two fsyncs take; what it starts must not stay.
        await asyncio.wait({work})
        await asyncio.to_thread(_discard, work)
        raise
    except OSError as error:
        message = f"plugin {candidate.name!r} could not be started: {error}"
        raise RetriableError(message, code=ErrorCode.HOST_PLUGIN_DIED, data={"plugin": candidate.name}) from error


def _discard(done: "asyncio.Future[_SystemProcess]") -> None:
    if not done.cancelled() and done.exception() is None:
        done.result().discard()


async def _wait_exit(child: "subprocess.Popen[bytes]") -> int:
    """Wait for the end of a child without a thread where the system has process descriptors; its return code."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    if not hasattr(os, "pidfd_open"):
        threading.Thread(target=_wait_in_thread, args=(child, loop, ended), daemon=True).start()
        await ended
        return child.wait()
    try:
        descriptor = os.pidfd_open(child.pid)
    except ProcessLookupError:
        return child.wait()
    loop.add_reader(descriptor, _settle, ended)
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return child.wait()


def _settle(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)


def _wait_in_thread(
    child: "subprocess.Popen[bytes]", loop: asyncio.AbstractEventLoop, ended: "asyncio.Future[None]"
) -> None:
    child.wait()
    try:
        loop.call_soon_threadsafe(_settle, ended)
    except RuntimeError:
        return  # the loop was closed meanwhile: nobody waits


def describe_exit(code: int | None) -> str:
    """For people."""
    if code is None:
        return "it still runs"
    return f"exit code {code}" if code >= 0 else f"killed by signal {-code}"
