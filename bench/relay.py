"""What it costs that the kernel stands between two plugins: a ``host/call`` there and back, as a ratio to bare pipes.

Run with `uv run python bench/relay.py [calls] [rounds]`. Both ends are the same few lines of code in processes of their
own (bench/relay_peer.py). In the floor a loop of ``os.read`` and ``os.write`` copies between their pipes, so that each
frame makes the same two hops; in the other case the kernel's own relay decodes, checks rights, routes and answers.
Besides, a call of the host itself, without anybody to relay for. All share one core.
"""

import asyncio
import datetime
import json
import os
import random
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from relay_peer import CHUNK, TEXT

from animus_plugin_protocol.wire.lifecycle import HostCallsOffer, InitExtensions, PluginManifest, ProjectBinding
from animus_plugin_runtime import Candidate, Connection, HostOffer
from animus_plugin_runtime.agent_session import AgentSessions
from animus_plugin_runtime.host_call import HostCalls
from animus_plugin_runtime.running import Launch, RunningPlugin, launch_plugin
from animus_process import ProcessLedger

PEER = Path(__file__).with_name("relay_peer.py")
GOAL = 2.0


def undisturbed(durations: list[float]) -> float:
    """The tenth part of the way from the shortest: what it takes while nothing else wants the core."""
    return sorted(durations)[len(durations) // 10]


def bare_pipes(count: int) -> float:
    """Seconds of a line there and back through a loop that only copies."""
    command = [sys.executable, str(PEER)]
    caller, callee = (
        subprocess.Popen([*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        for words in (("bare", str(count)), ("echo",))
    )
    assert caller.stdin is not None and caller.stdout is not None  # noqa: PT018 - both or neither
    assert callee.stdin is not None and callee.stdout is not None  # noqa: PT018 - both or neither
    to = {caller.stdout.fileno(): callee.stdin.fileno(), callee.stdout.fileno(): caller.stdin.fileno()}
    poll = select.epoll()
    for source in to:
        poll.register(source, select.EPOLLIN)
    while True:
        for source, _ in poll.poll():
            data = os.read(source, 65536)
            if data.startswith(b"["):
                while not data.endswith(b"\n"):
                    data += os.read(source, 65536)
                callee.stdin.close()
                caller.stdin.close()
                return undisturbed(json.loads(data))
            os.write(to[source], data)


class Pair:
    """The two ends as plugins, and the kernel's relay between them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._running = folder, dict[str, RunningPlugin]()
        self._calls = HostCalls(self, folder, AgentSessions(), lambda: datetime.datetime.now(datetime.UTC))

    async def connection_for(self, kind: str, name: str | None) -> Connection:
        assert kind == "provider"
        assert name is not None
        return self._running[name].connection

    def open_connection(self, kind: str, name: str | None) -> Connection | None:
        return self._running[name].connection if kind == "provider" and name else None

    async def start(self, name: str, kind: str) -> None:
        manifest = PluginManifest(
            name=f"bench-{name}", version="1.0.0", plugin_kind=kind, description="", protocol_version="1.1.0"
        )
        argv = (sys.executable, str(PEER), name)
        found = Candidate(name=name, source="user", argv=argv, path=PEER, fingerprint="", manifest=manifest)
        root = str(self._folder)
        extensions = InitExtensions(
            project_binding=ProjectBinding(project_root=root, repo_scope="p", state_dir=root),
            host_calls=HostCallsOffer(version=1),
        )
        offer = HostOffer(name="bench", version="1.0.0", extensions=extensions)
        launch = Launch(found, offer, self._folder, ProcessLedger(self._folder / "processes"), self._calls.serve)
        self._running[name] = await launch_plugin(launch)

    async def relayed(self, count: int) -> float:
        connection = self._running["caller"].connection
        return undisturbed(await connection.call("bench/run", {"count": count}, timeout_seconds=None))

    async def direct(self, count: int) -> float:
        connection, taken = self._running["callee"].connection, []
        for _ in range(count // CHUNK):
            began = time.perf_counter()
            for _ in range(CHUNK):
                await connection.call_raw("bench/echo", {"text": TEXT}, timeout_seconds=30)
            taken.append((time.perf_counter() - began) / CHUNK)
        return undisturbed(taken)

    async def stop(self) -> None:
        for one in self._running.values():
            await one.stop()


async def measure(folder: Path, count: int, rounds: int) -> dict[str, list[float]]:
    pair, found = Pair(folder), dict[str, list[float]](bare=[], relayed=[], direct=[])
    await pair.start("caller", "custom")
    await pair.start("callee", "provider")
    for _ in range(rounds):
        order = [*found]
        random.shuffle(order)
        for name in order:
            case = {"relayed": pair.relayed, "direct": pair.direct}.get(name)
            found[name].append(await case(count) if case else await asyncio.to_thread(bare_pipes, count))
    await pair.stop()
    return found


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # where processes run decides more than the code
    with tempfile.TemporaryDirectory() as scratch:
        found = asyncio.run(measure(Path(scratch), count, rounds))
    for name, taken in found.items():
        print(f"{name:>8} {statistics.median(taken) * 1e6:7.1f} us there and back")
    ratios = [ours / floor for ours, floor in zip(found["relayed"], found["bare"], strict=True)]
    print(f"relayed to bare: {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}); goal {GOAL:g}")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
