"""What an acknowledged operation of animus-queue-default costs, as ratios to the disk's own floor.

The floor is a loop of `pwrite` of 200 bytes and `fdatasync` on a growing file, measured in the same rounds: each
round runs every case once, in shuffled order, and a ratio is the median of the rounds' ratios. The cases are a
durable enqueue and a durable fenced lease with 100, 10,000 and 100,000 entries waiting (a million takes half a
minute to fill), and the rate of durable enqueues through the plugin process with 1 and 64 requests in flight.

Usage: ``python bench/queue_operations.py [--rounds 7] [--sizes 100,10000,100000] [--directory DIR]``
"""

import argparse
import gc
import itertools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from animus_queue_default.clock import SystemClock
from animus_queue_default.model.lease import LeaseTerms
from animus_queue_default.model.request import Request
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.operations.unfenced import Queue
from animus_queue_default.storage.store import Store

OPERATIONS = 60
RPC_SECONDS = 0.5
FLOOR_BYTES = 200
FILL_BATCH = 5_000


def dispatch(number: int) -> dict[str, object]:
    return {
        "subject": {"kind": "animus.task", "id": f"TASK-{number}"},
        "workflow_ref": "animus.task/standard",
        "trigger_source": "bench",
        "requested_at": "2026-01-01T00:00:00Z",
    }


class Floor:
    def __init__(self, directory: Path) -> None:
        self._descriptor = os.open(directory / "floor", os.O_RDWR | os.O_CREAT)
        self._end = 0

    def write(self) -> None:
        os.pwrite(self._descriptor, b"x" * FLOOR_BYTES, self._end)
        os.fdatasync(self._descriptor)
        self._end += FLOOR_BYTES


class Bench:
    """One queue with `size` entries waiting."""

    def __init__(self, directory: Path, size: int) -> None:
        clock = SystemClock()
        self._store = Store(directory / f"queue-{size}", clock)
        self._queue = Queue(self._store, clock, LeaseTerms())
        self._fenced = FencedQueue(self._store, clock, LeaseTerms())
        self._numbers = itertools.count()
        for _ in range(0, size, FILL_BATCH):
            self._store.begin(create=True)
            for _ in range(min(FILL_BATCH, size)):
                self._queue.enqueue(self._request())
            self._store.commit()

    def _request(self) -> Request:
        number = next(self._numbers)
        content = json.dumps(dispatch(number), separators=(",", ":")).encode()
        return Request(
            subject=f"task:TASK-{number}", subject_key=f"TASK-{number}", workflow_ref="animus.task/standard",
            dispatch=content, priority=number % 4,
        )  # fmt: skip

    def enqueue(self) -> None:
        request = self._request()
        self._store.begin(create=True)
        self._queue.enqueue(request)
        self._store.commit()

    def lease(self) -> None:
        self._store.begin()
        handout = self._fenced.lease(1, "bench", ["w"])
        self._store.commit()
        assert len(handout.leased) == 1


class Rpc:
    """The plugin as a process."""

    def __init__(self, directory: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "animus_queue_default"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._write, self._read = self._process.stdin.fileno(), self._process.stdout.fileno()
        binding = {"project_root": str(directory), "repo_scope": "bench", "state_dir": str(directory / "state")}
        hello = {"protocol_version": "1.1.0", "host_info": {"name": "bench", "version": "1.0.0"}, "capabilities": {}}
        hello["init_extensions"] = {"project_binding": binding}
        self._send({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello})
        self._rest = b""
        self._replies()
        self._send({"jsonrpc": "2.0", "method": "initialized"})
        self._numbers = itertools.count(1)
        frame = {"jsonrpc": "2.0", "id": 0, "method": "queue/enqueue", "params": {"subject_dispatch": dispatch(0)}}
        text = json.dumps(frame, separators=(",", ":"))
        self._template = text.replace('"id":0', '"id":%d').replace("TASK-0", "TASK-%d").encode() + b"\n"

    def rate(self, in_flight: int) -> float:
        """Acknowledged enqueues a second."""
        done = sent = 0
        start = time.perf_counter()
        end = start + RPC_SECONDS
        self._enqueue(in_flight)
        sent = in_flight
        while done < sent:
            replies = self._replies()
            done += replies
            if time.perf_counter() < end:
                self._enqueue(replies)
                sent += replies
        return done / (time.perf_counter() - start)

    def close(self) -> None:
        os.close(self._write)
        self._process.wait(10)

    def _enqueue(self, count: int) -> None:
        # From a template: the host's encoding is not what is measured.
        frames = [self._template % (number, number) for number in itertools.islice(self._numbers, count)]
        os.write(self._write, b"".join(frames))

    def _send(self, frame: dict[str, object]) -> None:
        os.write(self._write, json.dumps(frame).encode() + b"\n")

    def _replies(self) -> int:
        data = self._rest + os.read(self._read, 65_536)
        assert b'"error"' not in data, data[:500]
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        return data.count(b"\n")


def median_microseconds(act: Callable[[], None]) -> float:
    samples = []
    for _ in range(OPERATIONS):
        start = time.perf_counter_ns()
        act()
        samples.append((time.perf_counter_ns() - start) / 1_000)
    return statistics.median(samples)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.4g} ({min(values):,.4g}-{max(values):,.4g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", default="100,10000,100000")
    parser.add_argument("--directory", default=None, help="where to write; its disk is what is measured")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="animus-bench-", dir=arguments.directory))
    try:
        run(directory, [int(size) for size in arguments.sizes.split(",")], arguments.rounds)
    finally:
        shutil.rmtree(directory)


def run(directory: Path, sizes: list[int], rounds: int) -> None:
    floor, rpc = Floor(directory), Rpc(directory)
    cases: dict[str, Callable[[], float]] = {"floor": lambda: median_microseconds(floor.write)}
    for size in sizes:
        bench = Bench(directory, size)
        cases[f"enqueue, {size:,} waiting"] = lambda act=bench.enqueue: median_microseconds(act)
        cases[f"fenced lease, {size:,} waiting"] = lambda act=bench.lease: median_microseconds(act)
    for in_flight in (1, 64):
        cases[f"rpc enqueue, {in_flight} in flight"] = lambda count=in_flight: 1e6 / rpc.rate(count)
    gc.collect()
    gc.freeze()
    results: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        names = list(cases)
        random.shuffle(names)
        for name in names:
            results[name].append(cases[name]())
    rpc.close()
    print(f"{rounds} rounds of {OPERATIONS} operations, shuffled; microseconds: median of round medians (min-max)\n")
    print("| case | us per acknowledged operation | cost / floor | rate / floor rate |\n|---|---|---|---|")
    for name, values in results.items():
        ratios = [value / base for value, base in zip(values, results["floor"], strict=True)]
        ratio = statistics.median(ratios)
        print(f"| {name} | {spread(values)} | {ratio:.2f} | {1 / ratio:.2f} |")


if __name__ == "__main__":
    main()
