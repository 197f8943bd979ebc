"""One child process on the event loop: its streams and its end, each on its own.

`asyncio.subprocess` couples the two (its ``wait`` may last until every pipe is closed, and a grandchild can keep one
open for ever) and before Python 3.12 spends a thread on each child. Here the end comes from a process descriptor where
the system has those, and the streams are read as they come.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

from animus_workflow_runner_default.programs.family import Family

__all__ = ["Child"]

READ_BYTES = 64 * 1024


class Child:
    """A started process in a session of its own, waiting at its gate (see `animus_process.gated`).

    Attributes:
        pid: its process id.
    """

    def __init__(self, argv: Sequence[str], cwd: str, environment: Mapping[str, str], family: Family) -> None:
        """Start it.

        Args:
            argv: program and arguments.
            cwd: where it works.
            environment: all of it.
            family: knows it from its start until its end is collected.

        Raises:
            OSError: it could not be started.
        """
        self._loop = asyncio.get_running_loop()
        self._popen = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
            bufsize=0,
        )
        self.pid = self._popen.pid
        self._family = family
        family.add(self.pid)
        self._exited: asyncio.Future[int] = self._loop.create_future()
        self._open_streams = 0
        self._drained = asyncio.Event()
        self._watch_exit()

    def open_gate(self) -> None:
        """Let it go; its standard input is closed with that."""
        gate = self._popen.stdin
        if gate is not None:
            try:
                gate.write(b"\n")
            except BrokenPipeError:
                pass  # it died at the gate; its exit says so
            finally:
                gate.close()

    def read(self, on_stdout: Callable[[bytes], None], on_stderr: Callable[[bytes], None]) -> None:
        """Hand over what comes on either stream from now on."""
        for stream, take in ((self._popen.stdout, on_stdout), (self._popen.stderr, on_stderr)):
            if stream is not None:
                descriptor = stream.fileno()
                os.set_blocking(descriptor, False)
                self._open_streams += 1
                self._loop.add_reader(descriptor, self._take, descriptor, take)

    async def wait_exit(self) -> int:
        """The exit code, negative for death by a signal; does not wait for the streams."""
        return await asyncio.shield(self._exited)

    async def wait_drained(self, seconds: float) -> bool:
        """Whether both streams ended within `seconds`."""
        if self._open_streams == 0:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._drained.wait()
        except TimeoutError:
            return False
        return True

    @property
    def has_exited(self) -> bool:
        """Whether its end is known; until then its status must not be collected by anybody else."""
        return self._exited.done()

    def kill_group(self) -> None:
        """End it and what stayed in its group, at once; what left the group has to be found by other means."""
        if not self.has_exited:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let go of its streams. What is still in them is lost."""
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if stream is not None and not stream.closed:
                self._loop.remove_reader(stream.fileno())
                stream.close()

    def _take(self, descriptor: int, take: Callable[[bytes], None]) -> None:
        try:
            data = os.read(descriptor, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            take(data)
            return
        self._loop.remove_reader(descriptor)
        self._open_streams -= 1
        if self._open_streams == 0:
            self._drained.set()

    def _watch_exit(self) -> None:
        if hasattr(os, "pidfd_open"):
            descriptor = os.pidfd_open(self.pid)
            self._loop.add_reader(descriptor, self._collect, descriptor)
            return
        waiting = self._loop.run_in_executor(None, self._popen.wait)
        waiting.add_done_callback(lambda done: self._ended(done.result()))

    def _collect(self, descriptor: int) -> None:
        code = self._popen.poll()
        if code is not None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
            self._ended(code)

    def _ended(self, code: int) -> None:
        self._family.remove(self.pid)
        if not self._exited.done():
            self._exited.set_result(code)
