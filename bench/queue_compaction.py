"""How long an acknowledged operation of animus-queue-default waits while a million entries are compacted.

A queue with `--entries` entries waiting gets one operation after the other (enqueue, lease, complete in turns), each
durable before the next, from the start of a compaction until both files are tidied up. The same number of operations
without a compaction stands beside it, and so does the floor, `pwrite` of 200 bytes and `fdatasync`.

Usage: ``python bench/queue_compaction.py [--entries 1000000] [--directory DIR] [--json FILE]``
"""

import argparse
import gc
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from queue_restart import fill, request

from animus_queue_default.clock import SystemClock
from animus_queue_default.model.lease import LeaseTerms, fence_of
from animus_queue_default.model.status import Outcome
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.storage.store import Store

IDLE_TURNS = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--directory", default=None)
    parser.add_argument("--json", default=None, help="write the figures there too, for bench/queue_page.py")
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="animus-bench-", dir=arguments.directory))
    try:
        table = run(root, arguments.entries)
    finally:
        shutil.rmtree(root)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"load": os.getloadavg()[0], "rows": table}, indent=1) + "\n")


class Worker:
    """One operation after the other, each timed."""

    def __init__(self, store: Store, first: int) -> None:
        self._store = store
        self._queue = FencedQueue(store, SystemClock(), LeaseTerms())
        self._number = first

    def turn(self) -> list[float]:
        self._number += 1
        number = self._number
        times = [self._timed(lambda: self._queue.enqueue(request(number)))]
        leased: list[object] = []
        times.append(self._timed(lambda: leased.extend(self._queue.lease(1, "bench", [f"w{number}"]).leased)))
        fence = fence_of(leased[0])  # type: ignore[arg-type] # entries
        assert fence is not None
        times.append(self._timed(lambda: self._queue.complete(fence, Outcome.COMPLETED)))
        return times

    def _timed(self, act: object) -> float:
        start = time.perf_counter()
        self._store.begin(create=True)
        act()  # type: ignore[operator] # an operation
        self._store.commit()
        return time.perf_counter() - start


def floor_times(root: Path, turns: int) -> list[float]:
    descriptor, end, times = os.open(root / "floor", os.O_RDWR | os.O_CREAT), 0, []
    for _ in range(turns):
        start = time.perf_counter()
        os.pwrite(descriptor, b"x" * 200, end)
        os.fdatasync(descriptor)
        end += 200
        times.append(time.perf_counter() - start)
    return times


def start_compaction(store: Store) -> None:
    """Have the journal compacted, as if all of it were waste."""
    store.begin()
    kept, store.state.live_bytes = store.state.live_bytes, 0
    store.commit()
    store.state.live_bytes = kept


def run(root: Path, entries: int) -> dict[str, dict[str, float | str]]:
    directory = root / "queue"
    fill(directory, entries)
    store = Store(directory, SystemClock())
    store.begin()
    store.commit()
    gc.collect()
    gc.freeze()
    worker = Worker(store, entries)
    results = {"no compaction": [seconds for _ in range(IDLE_TURNS // 3) for seconds in worker.turn()]}
    start_compaction(store)
    during: list[float] = []
    while not (directory / "journal-00000002.log").exists():
        during += worker.turn()
    tidying = [seconds for _ in range(IDLE_TURNS // 3) for seconds in worker.turn()]
    results |= {"during the compaction": during, "tidying up after it": tidying}
    results["floor"] = floor_times(root, IDLE_TURNS)
    print(f"{entries:,} entries, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
    print("| ms | operations | median | p99 | p99.9 | longest |\n|---|---|---|---|---|---|")
    table: dict[str, dict[str, float | str]] = {}
    for name, times in results.items():
        ranked = sorted(times)
        row = {
            "median": statistics.median(ranked),
            "p99": ranked[int(len(ranked) * 0.99)],
            "p99.9": ranked[int(len(ranked) * 0.999)],
            "longest": ranked[-1],
        }
        figures = " | ".join(f"{1_000 * seconds:.2f}" for seconds in row.values())
        cells = f"| {name} | {len(ranked):,} | {figures} |"
        table[name] = {column: 1_000 * seconds for column, seconds in row.items()} | {"cells": cells}
        print(cells)
    return table


if __name__ == "__main__":
    main()
