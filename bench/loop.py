"""What the plugin loop costs: start, round trips, messages in flight, memory at rest, each against a floor or a peer.

Run with ``.venv/bin/python bench/loop.py [rounds]``. Both processes of a round trip share one core, or placement
decides; starts have all cores, or the host sees the answer only when the plugin's imports let it run. A value is that
of the tenth of its chunks or starts that was disturbed least. The plugin answers ``queue/drop`` with 200 bytes, once
inline and once with a plain handler (``worker``). Goals (ratios; absolute times are of the machine): cold start <= 1.1
bare interpreters; blocking typed round trip <= 1.4 raw pipe echoes; asyncio host <= 2.3 and >= 30 times the pings of
the MCP SDK; 64 in flight >= 80 times; idle PSS <= 2.0 bare interpreters, no context switch.
"""

import asyncio
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.entry import HANDSHAKE_FILE
from animus_plugin_protocol.wire.lifecycle import PluginManifest
from animus_plugin_protocol.wire.queue import QueueEntryParams, QueueMutationResult
from animus_plugin_runtime import HostOffer, SupervisedPlugin, discover
from animus_plugin_runtime.candidate import Candidate
from animus_process import ProcessLedger

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 5
CALLS, CHUNK, FLIGHT, IDLE_SECONDS = 6000, 100, 64, 3.0
HERE = Path(__file__).resolve().parent
BARE = [sys.executable, "-I", "-S", "-c"]
ECHO = "import os\nwhile d := os.read(0, 65536): os.write(1, d)"
INITIALIZE = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocol_version":"1.1.0",'
    b'"host_info":{"name":"b","version":"1.0.0"},"capabilities":{}}}\n'
)
ENTRY = QueueEntryParams(entry_id="e" * 120)
MODES = ("inline", "worker")


def packages(folder: Path) -> None:
    """The plugin as two packages: one that keeps its answer to ``initialize``, one that does not."""
    for name in ("kept", "plain"):
        package = folder / name / "bench_plugin"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        shutil.copy(HERE / "loop_plugin.py", package / "serving.py")
    writing = "from animus_plugin_protocol.handshake_file import main; main(['bench_plugin.serving:inline'])"
    path = f"import sys; sys.path.insert(0, {str(folder / 'kept')!r}); "
    subprocess.run([sys.executable, "-c", path + writing], check=True)
    assert (folder / "kept" / "bench_plugin" / HANDSHAKE_FILE).exists()


def command(folder: Path, package: str, mode: str) -> list[str]:
    starting = f"from animus_plugin_protocol.entry import start; start('bench_plugin.serving:{mode}')"
    return [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(folder / package)!r}); {starting}"]


def by_our_host(package: str) -> list[str]:
    """How discovery has an installed plugin started that keeps its answer."""
    return next(list(row.argv) for row in discover(None, HERE, {}, probe=False).plugins if package in row.argv)


def spawned(argv: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def ended(process: "subprocess.Popen[bytes]") -> None:
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


def undisturbed(durations: list[float]) -> float:
    """The tenth part of the way from the shortest: what it takes while nothing else wants the core."""
    return sorted(durations)[len(durations) // 10]


def per_call(call: Callable[[], object]) -> float:
    """Seconds of a call, of the chunks that were not disturbed."""
    chunks = []
    for _ in range(CALLS // CHUNK):
        began = time.perf_counter()
        for _ in range(CHUNK):
            call()
        chunks.append((time.perf_counter() - began) / CHUNK)
    return undisturbed(chunks)


def run_through(argv: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(argv, check=True)
    return time.perf_counter() - began


def cold_start(argv: list[str]) -> float:
    began = time.perf_counter()
    process = spawned(argv)
    process.stdin.write(INITIALIZE)
    assert b'"result"' in process.stdout.readline()
    took = time.perf_counter() - began
    ended(process)
    return took


def first_call(argv: list[str]) -> float:
    began = time.perf_counter()
    process = spawned(argv)
    process.stdin.write(
        INITIALIZE
        + b'{"jsonrpc":"2.0","method":"initialized"}\n{"jsonrpc":"2.0","id":2,"method":"queue/drop",'
        + b'"params":{"entry_id":"e"}}\n'
    )
    process.stdout.readline()
    assert b'"changed"' in process.stdout.readline()
    took = time.perf_counter() - began
    ended(process)
    return took


def raw_echo() -> float:
    process = spawned([*BARE, ECHO])
    source, sink, data = process.stdout.fileno(), process.stdin.fileno(), b"x" * 199 + b"\n"

    def echo() -> None:
        os.write(sink, data)
        os.read(source, 65536)

    took = per_call(echo)
    ended(process)
    return took


class Request(msgspec.Struct):
    id: int
    method: str
    params: QueueEntryParams
    jsonrpc: str = "2.0"


class Answer(msgspec.Struct):
    id: int
    result: QueueMutationResult


def blocking_round_trip(argv: list[str]) -> float:
    process = spawned(argv)
    source, sink = process.stdout.fileno(), process.stdin.fileno()
    os.write(sink, INITIALIZE + b'{"jsonrpc":"2.0","method":"initialized"}\n')
    os.read(source, 65536)
    decoder, encoder = msgspec.json.Decoder(Answer), msgspec.json.Encoder()

    def call() -> None:
        os.write(sink, encoder.encode(Request(1, methods.QUEUE_DROP, ENTRY)) + b"\n")
        assert decoder.decode(os.read(source, 65536)).result.changed

    took = per_call(call)
    ended(process)
    return took


async def asyncio_rates(argv: list[str], folder: Path) -> tuple[float, float, float, float]:
    """Seconds a call with one and with `FLIGHT` in flight: of a typed call, and of ``$/ping``."""
    manifest = PluginManifest(
        name="bench", version="1.0.0", plugin_kind="queue", description="Answers.", protocol_version="1.1.0"
    )
    candidate = Candidate(name="bench", source="user", argv=tuple(argv), path=folder, fingerprint="", manifest=manifest)
    offer, ledger = HostOffer(name="bench", version="1.0.0"), ProcessLedger(folder / "processes")
    plugin = SupervisedPlugin(candidate, offer, ledger=ledger, project_root=folder)
    connection = await plugin.connection()

    found = []
    for method, params in ((methods.QUEUE_DROP, ENTRY), (methods.PING, None)):
        for flight in (1, FLIGHT):
            marks = [time.perf_counter()]

            async def calls(method: str, params: Any, count: int, marks: list[float]) -> None:
                for _ in range(count):
                    await connection.call(method, params, timeout_seconds=30)
                    marks.append(time.perf_counter())

            await asyncio.gather(
                *(calls(method, params, CALLS * (1 + flight // 16) // flight, marks) for _ in range(flight))
            )
            step = CHUNK * (1 + flight // 16)
            found.append(undisturbed([later - earlier for earlier, later in pairwise(marks[::step])]) / step)
    await plugin.stop()
    one, many, ping_one, ping_many = found
    return one, many, ping_one, ping_many


def peer_rates() -> tuple[float, float, float]:
    """The MCP SDK: pings a second with one and `FLIGHT` in flight, milliseconds from spawn to initialized."""
    done = subprocess.run(
        [sys.executable, str(HERE / "loop_peer.py"), "call"], check=True, capture_output=True, text=True, timeout=120
    )
    one, many, started = map(float, done.stdout.split())
    return one, many, started


def at_rest(argv: list[str], opening: bytes = b"", calls: int = 0) -> tuple[int, int]:
    """PSS in KiB, and context switches of `IDLE_SECONDS`; after `calls`, which a plugin may have had threads for."""
    process = spawned(argv)
    if opening:
        process.stdin.write(opening)
        process.stdout.readline()
    if calls:
        process.stdin.write(b'{"jsonrpc":"2.0","method":"initialized"}\n')
    for number in range(calls):
        process.stdin.write(msgspec.json.encode(Request(number, methods.QUEUE_DROP, ENTRY)) + b"\n")
        assert b'"changed"' in process.stdout.readline()
    time.sleep(1.0)
    before = switches(process.pid)
    time.sleep(IDLE_SECONDS)
    found = pss(process.pid), switches(process.pid) - before
    ended(process)
    return found


def pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def switches(pid: int) -> int:
    return sum(
        int(line.split()[1])
        for task in Path(f"/proc/{pid}/task").iterdir()
        for line in (task / "status").read_text().splitlines()
        if line.startswith("voluntary_ctxt_switches")
    )


class Table:
    """Values by row and round."""

    def __init__(self) -> None:
        self.rows: dict[str, list[float]] = {}

    def add(self, name: str, value: float) -> None:
        self.rows.setdefault(name, []).append(value)

    def show(self, name: str, base: str, unit: str, goal: str, *, scale: float = 1.0, over: bool = False) -> None:
        """A row and the median of its ratios to `base` in the same round."""
        values = self.rows[name]
        ratio = statistics.median(value / floor for value, floor in zip(values, self.rows[base], strict=True))
        low, middle, high = min(values) * scale, statistics.median(values) * scale, max(values) * scale
        verdict = (
            "" if goal == "-" else ("met" if (ratio >= float(goal) if over else ratio <= float(goal)) else "missed")
        )
        sign = ">=" if over else "<="
        told = "" if goal == "-" else f"goal {sign} {goal}: {verdict}"
        print(f"| {name:46} | {middle:9.1f} {unit} ({low:.1f}-{high:.1f}) | {ratio:6.2f} | {told} |")


def cold_starts(table: Table, folder: Path) -> None:
    bare, empty = [*BARE, "pass"], [sys.executable, "-c", "pass"]
    cases = {
        "answer kept, plugin imported after": command(folder, "kept", "inline"),
        "plugin imported first": command(folder, "plain", "inline"),
        "subject-default, console script": [str(Path(sys.executable).with_name("animus-subject-default"))],
        "subject-default, python -m": [sys.executable, "-P", "-m", "animus_subject_default"],
        "subject-default, by our host": by_our_host("animus_subject_default"),
    }
    table.add("bare interpreter, start to exit", undisturbed([run_through(bare) for _ in range(10)]))
    table.add("empty interpreter of the venv", undisturbed([run_through(empty) for _ in range(10)]))
    for name, argv in cases.items():
        table.add(f"initialized: {name}", undisturbed([cold_start(argv) for _ in range(10)]))
    for package in ("kept", "plain"):
        argv = command(folder, package, "inline")
        table.add(f"first call answered, {package}", undisturbed([first_call(argv) for _ in range(10)]))


def main() -> None:
    cores = os.sched_getaffinity(0)
    core = min(cores)
    table = Table()
    has_peer = importlib.util.find_spec("mcp") is not None
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packages(folder)
        for _ in range(ROUNDS):
            os.sched_setaffinity(0, cores)
            cold_starts(table, folder)
            os.sched_setaffinity(0, {core})
            table.add("raw pipe echo of 200 B", raw_echo())
            if has_peer:
                one, many, started = peer_rates()
                table.add("MCP SDK: pings/s, one in flight", one)
                table.add(f"MCP SDK: pings/s, {FLIGHT} in flight", many)
                table.add("initialized: MCP SDK server", started / 1e3)
            for mode in MODES:
                argv = command(folder, "kept", mode)
                table.add(f"blocking host, typed, {mode}", blocking_round_trip(argv))
                single, pipelined, ping, pings = asyncio.run(asyncio_rates(argv, folder))
                table.add(f"asyncio host, typed, {mode}", single)
                table.add(f"messages/s, {FLIGHT} in flight, {mode}", 1 / pipelined)
                table.add(f"pings/s, one in flight, {mode}", 1 / ping)
                table.add(f"pings/s, {FLIGHT} in flight, {mode}", 1 / pings)
        report(table, has_peer=has_peer)
        base, _ = at_rest([*BARE, "import os; os.read(0, 1)"])
        for mode in MODES:
            memory, switched = at_rest(command(folder, "kept", mode), INITIALIZE)
            print(
                f"| {f'idle, {mode}':46} | {memory:9d} KiB PSS | {memory / base:6.2f} | "
                f"goal <= 2.0: {'met' if memory / base <= 2.0 else 'missed'}; {switched} context switches |"
            )
            memory, switched = at_rest(command(folder, "kept", mode), INITIALIZE, calls=1000)
            row = f"idle after 1000 calls, {mode}"
            print(f"| {row:46} | {memory:9d} KiB PSS | {memory / base:6.2f} | {switched} context switches |")
    print(f"\n{ROUNDS} rounds on core {core}; load {load:.1f} before, {os.getloadavg()[0]:.1f} after")


def report(table: Table, *, has_peer: bool) -> None:
    bare, raw = "bare interpreter, start to exit", "raw pipe echo of 200 B"
    print("| what | median (min-max of rounds) | ratio | goal |\n|---|---|---|---|")
    for name in (name for name in table.rows if "interpreter" in name or name.startswith(("initialized", "first"))):
        table.show(name, bare, "ms", "1.1" if "by our host" in name else "-", scale=1e3)
    table.show(raw, raw, "us", "-", scale=1e6)
    for mode in MODES:
        table.show(f"blocking host, typed, {mode}", raw, "us", "1.4", scale=1e6)
        table.show(f"asyncio host, typed, {mode}", raw, "us", "2.3", scale=1e6)
        table.show(
            f"messages/s, {FLIGHT} in flight, {mode}", f"messages/s, {FLIGHT} in flight, {mode}", "k/s", "-", scale=1e-3
        )
    if not has_peer:
        print("The MCP SDK is not installed: its rows are left out.")
        return
    one, many = "MCP SDK: pings/s, one in flight", f"MCP SDK: pings/s, {FLIGHT} in flight"
    table.show(one, one, "k/s", "-", scale=1e-3)
    table.show(many, many, "k/s", "-", scale=1e-3)
    for mode in MODES:
        table.show(f"pings/s, one in flight, {mode}", one, "k/s", "30", scale=1e-3, over=True)
        table.show(f"pings/s, {FLIGHT} in flight, {mode}", many, "k/s", "80", scale=1e-3, over=True)


if __name__ == "__main__":
    main()
