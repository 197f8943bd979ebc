"""What an acknowledged operation of animus-queue-default costs, beside two other designs and the disk's own floor.

The floor is a loop of `pwrite` of 200 bytes and `fdatasync` on a growing file. Beside it stand, with the same entries:

* this queue, in the process, with a batch for each operation;
* SQLite in WAL mode with ``synchronous=FULL``, one table and an index, a transaction for each operation;
* the whole queue in one JSON file that is written anew and renamed, with both syncs, as many small queues do it;
* the rate of enqueues through the plugin's process, with 1 and 64 requests in flight.

Each round runs every case once, in shuffled order, with as many writes to the floor right before and right after it, so
that a disk that others use is slow for both. A ratio is the median of the rounds' ratios of the two medians. What was
leased is replaced beforehand, untimed. The table ends with the smallest cost the pipe itself allows: requests decoded
and replies encoded, and nothing else done.

Usage: ``python bench/queue_operations.py [--rounds 7] [--sizes 100,10000,1000000] [--directory DIR] [--json FILE]``
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

import msgspec
from queue_peers import Floor, Sqlite, WholeFile, dispatch

from animus_plugin_protocol.codec import decode_line, decode_params, encode_result
from animus_plugin_protocol.frames import Frame
from animus_plugin_protocol.wire.queue import QueueEnqueueParams, QueueEnqueueResult
from animus_queue_default.clock import SystemClock
from animus_queue_default.model.identity import mint_id
from animus_queue_default.model.lease import LeaseTerms
from animus_queue_default.model.request import Request
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.operations.unfenced import Queue
from animus_queue_default.storage.store import Store

PIPE_TURNS = 20_000
OPERATIONS = 300
RPC_SECONDS = 0.5
FILL_BATCH = 5_000


class Bench:
    """One queue with `size` entries waiting."""

    def __init__(self, directory: Path, size: int) -> None:
        clock = SystemClock()
        self._store = Store(directory / f"queue-{size}", clock)
        self._queue = Queue(self._store, clock, LeaseTerms())
        self._fenced = FencedQueue(self._store, clock, LeaseTerms())
        self._numbers = itertools.count()
        self._requests: list[Request] = []
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

    def prepare(self, operation: str, turns: int) -> None:
        """Make requests beforehand, which is the asker's work, or entries to lease."""
        self._requests = [self._request() for _ in range(turns)]
        if operation == "lease":
            self._store.begin(create=True)
            while self._requests:
                self._queue.enqueue(self._requests.pop())
            self._store.commit()

    def enqueue(self) -> None:
        self._store.begin(create=True)
        self._queue.enqueue(self._requests.pop())
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


def pipe_microseconds() -> float:
    """What it takes to read one enqueue off the wire and to put its reply there, with the queue left out."""
    decoder = msgspec.json.Decoder(QueueEnqueueParams)
    frame = {"jsonrpc": "2.0", "id": 1, "method": "queue/enqueue", "params": {"subject_dispatch": dispatch(1)}}
    line = json.dumps(frame, separators=(",", ":")).encode()
    result = QueueEnqueueResult(enqueued=True, entry_id=mint_id(), subject_id="task:TASK-1")
    start = time.perf_counter_ns()
    for _ in range(PIPE_TURNS):
        envelope = decode_line(line)
        assert isinstance(envelope, Frame)
        decode_params(decoder, envelope.params, "queue/enqueue")
        encode_result(envelope.id, result, "queue/enqueue")
    return (time.perf_counter_ns() - start) / 1_000 / PIPE_TURNS


def timed(act: Callable[[], None]) -> float:
    start = time.perf_counter_ns()
    act()
    return (time.perf_counter_ns() - start) / 1_000


def medians(act: Callable[[], None], floor: Callable[[], None], operations: int = OPERATIONS) -> tuple[float, float]:
    """Microseconds an operation takes, and a write to the floor before and after."""
    before = [timed(floor) for _ in range(OPERATIONS)]
    costs = [timed(act) for _ in range(operations)]
    after = [timed(floor) for _ in range(OPERATIONS)]
    return statistics.median(costs), statistics.median(before + after)


def rate_and_floor(rate: Callable[[], float], floor: Callable[[], None]) -> tuple[float, float]:
    """Microseconds an operation takes at `rate`, and a write to the floor on average before and after."""
    before = statistics.mean(timed(floor) for _ in range(OPERATIONS))
    each = 1e6 / rate()
    after = statistics.mean(timed(floor) for _ in range(OPERATIONS))
    return each, (before + after) / 2


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.4g} ({min(values):,.4g}-{max(values):,.4g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", default="100,10000,1000000")
    parser.add_argument("--directory", default=None, help="where to write; its disk is what is measured")
    parser.add_argument("--json", default=None, help="write the figures there too, for bench/queue_page.py")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="animus-bench-", dir=arguments.directory))
    try:
        table = run(directory, [int(size) for size in arguments.sizes.split(",")], arguments.rounds)
    finally:
        shutil.rmtree(directory)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"load": os.getloadavg()[0], "rows": table}, indent=1) + "\n")


def build_cases(directory: Path, sizes: list[int]) -> dict[str, Callable[[], tuple[float, float]]]:
    floor, rpc = Floor(directory).write, Rpc(directory)
    cases: dict[str, Callable[[], tuple[float, float]]] = {}
    for size in sizes:
        designs = {
            "queue": (Bench(directory, size), OPERATIONS),
            "SQLite": (Sqlite(directory, size), OPERATIONS),
            "whole file": (WholeFile(directory, size), max(1, min(60, 100_000 // size))),
        }
        for name, (bench, turns) in designs.items():
            for operation, act in (("enqueue", bench.enqueue), ("lease", bench.lease)):
                cases[f"{name} {operation}, {size:,} waiting"] = (
                    lambda bench=bench, operation=operation, act=act, turns=turns: (
                        bench.prepare(operation, turns) or medians(act, floor, turns)
                    )
                )
    for in_flight in (1, 64):
        cases[f"rpc enqueue, {in_flight} in flight"] = lambda count=in_flight: rate_and_floor(
            lambda: rpc.rate(count), floor
        )
    cases["rpc, decode and encode alone"] = lambda: (pipe_microseconds(), statistics.median(map(timed, [floor] * 60)))
    return cases


def run(directory: Path, sizes: list[int], rounds: int) -> dict[str, dict[str, float | str]]:
    cases = build_cases(directory, sizes)
    gc.collect()
    gc.freeze()
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name in random.sample(list(cases), len(cases)):
            results[name].append(cases[name]())
    print(f"{rounds} rounds of {OPERATIONS} operations, shuffled; load {os.getloadavg()[0]:.1f} on {os.cpu_count()}\n")
    print("| case | us per acknowledged operation | floor, us | cost / floor | rate / floor rate |")
    print("|---|---|---|---|---|")
    table: dict[str, dict[str, float | str]] = {}
    for name, pairs in results.items():
        ratio = statistics.median(cost / base for cost, base in pairs)
        costs, bases = [cost for cost, _ in pairs], [base for _, base in pairs]
        cells = f"| {name} | {spread(costs)} | {spread(bases)} | {ratio:,.2f} | {1 / ratio:,.2f} |"
        table[name] = {"us": statistics.median(costs), "ratio": ratio, "cells": cells}
        print(cells)
    return table


if __name__ == "__main__":
    main()
