"""A plugin that runs: its connection and its process, from the handshake to the last descendant."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import ErrorCode, RetriableError, RpcFault
from animus_plugin_runtime.candidate import Candidate
from animus_plugin_runtime.connection import Connection, OnRequest
from animus_plugin_runtime.handshake import HostOffer, shake_hands
from animus_plugin_runtime.observer import FrameObserver
from animus_plugin_runtime.process import PluginProcess, StartProcess, describe_exit, start_process
from animus_plugin_runtime.stderr_tail import StderrTail
from animus_plugin_runtime.traffic import Quota
from animus_process import ProcessLedger, ProcessRecord

__all__ = ["Ending", "Launch", "RunningPlugin", "launch_plugin", "sweep_orphans"]

SHUTDOWN_SECONDS = 2.0
"""How long a plugin may take to answer ``shutdown``."""

EXIT_SECONDS = 2.0
"""How long it may take to end after its standard input was closed."""

TERM_SECONDS = 2.0
"""How long it, and what it left behind, may take after SIGTERM."""

KILL_SECONDS = 5.0
"""How long the system may take after SIGKILL."""

DRAIN_SECONDS = 0.5
"""How long output of a dead plugin is still read, and how long one that closed its output may take to end."""


class Ending(NamedTuple):
    """How a plugin ended; `swept` are the recorded processes it left behind, `frames` the last ones, shortened."""

    exit_code: int | None
    detail: str
    swept: list[ProcessRecord]
    stderr: list[str]
    frames: list[str]


class Launch(NamedTuple):
    """What every start of one plugin has in common."""

    candidate: Candidate
    offer: HostOffer
    project_root: Path
    ledger: ProcessLedger
    on_request: OnRequest | None = None
    on_stderr: Callable[[str, str], None] | None = None
    observers: tuple[FrameObserver, ...] = ()
    environ: Mapping[str, str] | None = None
    quota: Quota = Quota()
    monotonic: Callable[[], float] = time.monotonic
    forward: frozenset[str] = frozenset()
    """Names of variables that it gets besides those of its manifest."""


class RunningPlugin:
    """One plugin process.

    Attributes:
        connection: how it is called.
        ended: set once nothing of it runs any more and its records are gone.
    """

    def __init__(self, launch: Launch, process: PluginProcess, connection: Connection, stderr: StderrTail) -> None:
        self.connection = connection
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._launch = launch
        self._process = process
        self._stderr = stderr
        self._is_stopping = False
        self._exit = asyncio.create_task(process.wait_exit())
        self._watch = asyncio.create_task(self._watch_end())

    @property
    def name(self) -> str:
        """Of the plugin."""
        return self._launch.candidate.name

    async def stop(self) -> Ending:
        """The ladder: ``shutdown``, ``exit`` and end of input, SIGTERM, SIGKILL; returns when nothing is left.

        Every step has its bound, so that the whole takes at most the sum of them.
        """
        self._is_stopping = True
        if self.connection.is_open:
            with contextlib.suppress(RpcFault):
                await self.connection.call_raw(methods.SHUTDOWN, timeout_seconds=SHUTDOWN_SECONDS)
            self.connection.notify(methods.EXIT)
            self.connection.channel.close_input()
            await asyncio.wait({self._exit}, timeout=EXIT_SECONDS)
        self.connection.fail(self._died("it was stopped"))
        return await asyncio.shield(self.ended)

    def end(self, reason: str) -> None:
        """End it without the ladder's kind part, because it cannot be talked to or uses too much."""
        self.connection.end_reason = reason
        self.connection.fail(self._died(reason))

    async def _watch_end(self) -> None:
        ended = asyncio.create_task(self.connection.wait_ended())
        await asyncio.wait({self._exit, ended}, return_when=asyncio.FIRST_COMPLETED)
        # Either the process has ended and its last output is on the way, or it no longer talks and should end now.
        await asyncio.wait({self._exit, ended}, timeout=DRAIN_SECONDS)
        ended.cancel()
        detail = self._detail()
        self.connection.fail(self._died(detail))
        await self.connection.close()
        swept = await self._clean_up()
        said, frames = self._stderr.lines(), self.connection.traffic.tail.lines()
        self.ended.set_result(Ending(self._exit_code, detail, swept, said, frames))

    async def _clean_up(self) -> list[ProcessRecord]:
        """End the tree; then what the plugin itself had started and recorded, whose owner is now dead."""
        is_gone = await self._process.stop(term_seconds=TERM_SECONDS, kill_seconds=KILL_SECONDS)
        if is_gone:
            await self._exit
        else:
            self._exit.cancel()
        self._stderr.close()
        return await self._process.clear_up(is_gone=is_gone)

    @property
    def _exit_code(self) -> int | None:
        """None while it runs, or if it withstood its end."""
        return self._exit.result() if self._exit.done() and not self._exit.cancelled() else None

    def _detail(self) -> str:
        code = self._exit_code
        how = "it closed its pipes and was ended" if code is None else describe_exit(code)
        how = self.connection.end_reason or how
        lines = self._stderr.lines()
        said = f"; its last words: {lines[-1]}" if lines else ""
        return f"{how}{said}{self.connection.bad_lines.report()}"

    def _died(self, detail: str) -> RetriableError:
        return RetriableError(
            f"plugin {self.name!r} is gone: {detail}",
            code=ErrorCode.HOST_PLUGIN_DIED,
            data={"plugin": self.name, "exit_status": self._exit_code, "stderr": self._stderr.lines()},
        )


async def launch_plugin(launch: Launch, *, start: StartProcess = start_process) -> RunningPlugin:
    """Start a plugin and shake hands.

    Args:
        launch: what is started, and for whom.
        start: starts its process; a simulation brings its own.

    Raises:
        RetriableError: it could not be started, died, or did not answer.
        HandshakeError: it or we refused.
    """
    candidate = launch.candidate
    process = await start(
        candidate, cwd=launch.project_root, ledger=launch.ledger, environ=launch.environ, forward=launch.forward
    )
    sink, name = launch.on_stderr, candidate.name
    stderr = StderrTail(None if sink is None else lambda line: sink(name, line))
    connection = Connection(
        name,
        pid=process.pid,
        on_request=launch.on_request,
        observers=launch.observers,
        quota=launch.quota,
        monotonic=launch.monotonic,
    )
    running = RunningPlugin(launch, process, connection, stderr)
    try:
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: stderr, process.stderr)
        await connection.channel.open(process.stdout, process.stdin)
        await shake_hands(connection, launch.offer)
    except BaseException as error:
        reason = str(error) if isinstance(error, Exception) else "its start was cancelled"
        connection.fail(RetriableError(reason, code=ErrorCode.HOST_PLUGIN_DIED))
        await asyncio.shield(running.ended)
        raise
    return running


async def sweep_orphans(ledger: ProcessLedger) -> list[ProcessRecord]:
    """At host start: end what the processes of a dead host left behind; the records that were removed."""
    return await asyncio.to_thread(ledger.sweep)
