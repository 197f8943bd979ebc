"""What the plugin loop costs: start, round trips, messages in flight, memory at rest, each against a floor.

Run with ``.venv/bin/python bench/loop.py [rounds]``. Both processes share one core, or placement decides. The plugin
answers ``queue/drop`` with 200 bytes, once inline and once on a worker thread. Goals (ratios; absolute times are of the
machine): cold start <= 1.1 bare interpreters; blocking typed round trip <= 1.4 raw pipe echoes; asyncio host <= 2.3;
64 in flight >= 150k messages/s; idle PSS <= 2.0 bare interpreters and no context switch.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.wire.lifecycle import PluginManifest
from animus_plugin_protocol.wire.queue import QueueEntryParams, QueueMutationResult
from animus_plugin_runtime import HostOffer, SupervisedPlugin
from animus_plugin_runtime.candidate import Candidate
from animus_process import ProcessLedger

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 5
CALLS, FLIGHT, IDLE_SECONDS = 4000, 64, 3.0
BARE = [sys.executable, "-I", "-S", "-c"]
ECHO = "import os\nwhile d := os.read(0, 65536): os.write(1, d)"
INITIALIZE = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocol_version":"1.1.0",'
    b'"host_info":{"name":"b","version":"1.0.0"},"capabilities":{}}}\n'
)
ENTRY = QueueEntryParams(entry_id="e" * 120)
MODES = ("inline", "worker")


def command(mode: str) -> list[str]:
    return [sys.executable, "-P", str(Path(__file__).with_name("loop_plugin.py").resolve()), mode]


def spawned(argv: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def ended(process: "subprocess.Popen[bytes]") -> None:
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


def bare_start() -> float:
    began = time.perf_counter()
    subprocess.run([*BARE, "pass"], check=True)
    return time.perf_counter() - began


def cold_start(mode: str) -> float:
    began = time.perf_counter()
    process = spawned(command(mode))
    process.stdin.write(INITIALIZE)
    assert b'"result"' in process.stdout.readline()
    took = time.perf_counter() - began
    ended(process)
    return took


def raw_echo() -> float:
    process = spawned([*BARE, ECHO])
    source, sink, data = process.stdout.fileno(), process.stdin.fileno(), b"x" * 199 + b"\n"
    began = time.perf_counter()
    for _ in range(CALLS):
        os.write(sink, data)
        os.read(source, 65536)
    took = time.perf_counter() - began
    ended(process)
    return took / CALLS


class Answer(msgspec.Struct):
    id: int
    result: QueueMutationResult


def blocking_round_trip(mode: str) -> float:
    process = spawned(command(mode))
    source, sink = process.stdout.fileno(), process.stdin.fileno()
    os.write(sink, INITIALIZE + b'{"jsonrpc":"2.0","method":"initialized"}\n')
    os.read(source, 65536)
    decoder, encoder = msgspec.json.Decoder(Answer), msgspec.json.Encoder()
    began = time.perf_counter()
    for number in range(CALLS):
        frame = {"jsonrpc": "2.0", "id": number, "method": methods.QUEUE_DROP, "params": ENTRY}
        os.write(sink, encoder.encode(frame) + b"\n")
        assert decoder.decode(os.read(source, 65536)).result.changed
    took = time.perf_counter() - began
    ended(process)
    return took / CALLS


async def asyncio_rates(mode: str, folder: Path) -> tuple[float, float]:
    """Seconds a round trip, and messages a second with `FLIGHT` in flight."""
    manifest = PluginManifest(
        name="bench", version="1.0.0", plugin_kind="queue", description="Answers.", protocol_version="1.1.0"
    )
    candidate = Candidate(
        name="bench", source="user", argv=tuple(command(mode)), path=folder, fingerprint="", manifest=manifest
    )
    offer, ledger = HostOffer(name="bench", version="1.0.0"), ProcessLedger(folder / "processes")
    plugin = SupervisedPlugin(candidate, offer, ledger=ledger, project_root=folder)
    connection = await plugin.connection()

    async def calls(count: int) -> None:
        for _ in range(count):
            assert (await connection.call(methods.QUEUE_DROP, ENTRY, timeout_seconds=30)).changed

    began = time.perf_counter()
    await calls(CALLS)
    one = (time.perf_counter() - began) / CALLS
    began = time.perf_counter()
    await asyncio.gather(*(calls(CALLS // FLIGHT * 4) for _ in range(FLIGHT)))
    many = CALLS // FLIGHT * 4 * FLIGHT / (time.perf_counter() - began)
    await plugin.stop()
    return one, many


def at_rest(argv: list[str], opening: bytes = b"") -> tuple[int, int]:
    """PSS in KiB, and context switches of `IDLE_SECONDS`."""
    process = spawned(argv)
    if opening:
        process.stdin.write(opening)
        process.stdout.readline()
    time.sleep(0.5)
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
        if "ctxt_switches" in line
    )


def show(name: str, values: list[float], floor: list[float], unit: str, goal: str, scale: float) -> None:
    ratios = [value / base for value, base in zip(values, floor, strict=True)]
    low, high = min(values) * scale, max(values) * scale
    middle = statistics.median(values) * scale
    print(f"{name:44} {middle:9.1f} {unit} ({low:.1f}-{high:.1f})  {statistics.median(ratios):5.2f}x  goal {goal}")


def main() -> None:
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    bare: list[float] = []
    raw: list[float] = []
    cold: dict[str, list[float]] = {mode: [] for mode in MODES}
    blocking: dict[str, list[float]] = {mode: [] for mode in MODES}
    one: dict[str, list[float]] = {mode: [] for mode in MODES}
    many: dict[str, list[float]] = {mode: [] for mode in MODES}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            bare.append(statistics.median(bare_start() for _ in range(10)))
            raw.append(raw_echo())
            for mode in MODES:
                cold[mode].append(statistics.median(cold_start(mode) for _ in range(10)))
                blocking[mode].append(blocking_round_trip(mode))
                single, pipelined = asyncio.run(asyncio_rates(mode, Path(folder)))
                one[mode].append(single)
                many[mode].append(pipelined)
    print(f"{ROUNDS} rounds on core {core}; medians of rounds (min-max), ratio to the floor of the same round\n")
    show("floor: bare interpreter, start to exit", bare, bare, "ms", "-", 1e3)
    show("floor: raw pipe echo of 200 B", raw, raw, "us", "-", 1e6)
    for mode in MODES:
        show(f"spawn to initialize answered, {mode}", cold[mode], bare, "ms", "1.1x", 1e3)
        show(f"blocking typed round trip, {mode}", blocking[mode], raw, "us", "1.4x", 1e6)
        show(f"asyncio host round trip, {mode}", one[mode], raw, "us", "2.3x", 1e6)
        rates = sorted(many[mode])
        label = f"asyncio host, {FLIGHT} in flight, {mode}"
        print(f"{label:44} {statistics.median(rates) / 1e3:9.1f} k messages/s  goal 150")
    base, _ = at_rest([*BARE, "import os; os.read(0, 1)"])
    for mode in MODES:
        memory, switched = at_rest(command(mode), INITIALIZE)
        print(
            f"{f'idle PSS, {mode}':44} {memory:9d} KiB  {memory / base:5.2f}x  goal 2.0x; {switched} context switches"
        )


if __name__ == "__main__":
    main()
