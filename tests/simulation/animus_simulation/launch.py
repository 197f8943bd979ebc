"""Processes of plugins as their host sees them: in place of those of `animus_plugin_runtime.process`."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from animus_plugin_runtime.candidate import Candidate
from animus_plugin_runtime.running import Launch, RunningPlugin, launch_plugin
from animus_simulation.loop import SimulatedProcess
from animus_simulation.pipe import Pipe

__all__ = ["Child", "candidate", "launch"]


class _Silence(asyncio.ReadTransport):
    """The standard error of a plugin that says nothing there."""

    def read_by(self, protocol: asyncio.BaseProtocol) -> asyncio.ReadTransport:
        return self

    def close(self) -> None:
        pass


class Child:
    """A started process with its pipes (`animus_plugin_runtime.process.PluginProcess`)."""

    def __init__(self, process: SimulatedProcess, stdin: Pipe, stdout: Pipe, sweep: Callable[[], object]) -> None:
        self.pid, self.stdin, self.stdout, self.stderr = process.pid, stdin, stdout, _Silence()
        self._process, self._sweep = process, sweep
        self._ended = asyncio.Event()
        process.on_end.append(self._ended.set)

    async def wait_exit(self) -> int:
        await self._ended.wait()
        return self._process.exit_code

    async def stop(self, *, term_seconds: float, kill_seconds: float) -> bool:
        """As far as it has not begun to end, a plugin does not outlive SIGTERM."""
        self._process.end()
        return True

    async def clear_up(self, *, is_gone: bool) -> list[Any]:
        self._sweep()
        return []


def candidate(name: str) -> Candidate:
    """A plugin that is not on any disk."""
    return Candidate(name=name, source="simulation", argv=(name,), path=Path("/nowhere", name), fingerprint=name)


def launch(start: Callable[[str], Child], wanted: Launch) -> Awaitable[RunningPlugin]:
    """`launch_plugin` with a simulated process."""

    async def start_process(plugin: Candidate, **_of_the_system: Any) -> Any:
        return start(plugin.name)

    return launch_plugin(wanted, start=start_process)
