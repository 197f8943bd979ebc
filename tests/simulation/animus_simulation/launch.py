"""Starting and ending a plugin as the host sees it: what `animus_plugin_runtime.running` does with real processes."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import ErrorCode, RetriableError, RpcFault
from animus_plugin_runtime.connection import Connection
from animus_plugin_runtime.handshake import shake_hands
from animus_plugin_runtime.running import DRAIN_SECONDS, EXIT_SECONDS, SHUTDOWN_SECONDS, TERM_SECONDS, Ending, Launch
from animus_simulation.loop import SimulatedProcess, VirtualLoop
from animus_simulation.pipe import Pipe

__all__ = ["Child", "RunningPlugin", "launch"]


class Child(NamedTuple):
    """A started process with its pipes."""

    process: SimulatedProcess
    stdin: Pipe
    stdout: Pipe


Start = Callable[[str], Child]
"""Starts the process of the plugin of that name, now."""


class RunningPlugin:
    """As `animus_plugin_runtime.running.RunningPlugin`."""

    def __init__(self, loop: VirtualLoop, launch: Launch, child: Child, connection: Connection, sweep: Any) -> None:
        self.connection, self._launch, self._child, self._sweep = connection, launch, child, sweep
        self.ended: asyncio.Future[Ending] = loop.create_future()
        self._exit: asyncio.Future[None] = loop.create_future()
        child.process.on_end.append(lambda: self._exit.done() or self._exit.set_result(None))
        self._watch = asyncio.create_task(self._watch_end())

    @property
    def name(self) -> str:
        return self._launch.candidate.name

    async def stop(self) -> Ending:
        if self.connection.is_open:
            with contextlib.suppress(RpcFault):
                await self.connection.call_raw(methods.SHUTDOWN, timeout_seconds=SHUTDOWN_SECONDS)
            self.connection.notify(methods.EXIT)
            self.connection.channel.close_input()
            await asyncio.wait({self._exit}, timeout=EXIT_SECONDS)
        self.connection.fail(self._died("it was stopped"))
        return await asyncio.shield(self.ended)

    def end(self, reason: str) -> None:
        self.connection.end_reason = reason
        self.connection.fail(self._died(reason))

    async def _watch_end(self) -> None:
        ended = asyncio.create_task(self.connection.wait_ended())
        await asyncio.wait({self._exit, ended}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({self._exit, ended}, timeout=DRAIN_SECONDS)
        ended.cancel()
        detail = self.connection.end_reason or "it has ended"
        self.connection.fail(self._died(detail))
        await self.connection.close()
        await asyncio.wait({self._exit}, timeout=TERM_SECONDS)
        self._child.process.end()
        await self._sweep()
        self.ended.set_result(Ending(None, detail, [], [], []))

    def _died(self, detail: str) -> RetriableError:
        message = f"plugin {self.name!r} is gone: {detail}"
        return RetriableError(message, code=ErrorCode.HOST_PLUGIN_DIED, data={"plugin": self.name})


async def launch(loop: VirtualLoop, start: Start, sweep: Any, wanted: Launch) -> RunningPlugin:
    """As `animus_plugin_runtime.running.launch_plugin`: start a plugin and shake hands."""
    child = start(wanted.candidate.name)
    connection = Connection(
        wanted.candidate.name,
        pid=child.process.pid,
        on_request=wanted.on_request,
        observers=wanted.observers,
        quota=wanted.quota,
        monotonic=loop.time,
    )
    running = RunningPlugin(loop, wanted, child, connection, sweep)
    try:
        await connection.channel.open(child.stdout, child.stdin)
        await shake_hands(connection, wanted.offer)
    except BaseException as error:
        reason = str(error) if isinstance(error, Exception) else "its start was cancelled"
        connection.fail(RetriableError(reason, code=ErrorCode.HOST_PLUGIN_DIED))
        await asyncio.shield(running.ended)
        raise
    return running
