"""How long animus-queue-default takes to open a queue of a million entries, and how much memory it keeps.

Both are ratios measured in the same round: opening against reading the journal's bytes with one `read` in another fresh
process, both in processor seconds (the files are in the cache, so nothing waits for the disk, and other work on
the machine disturbs less); memory (private dirty pages more than before) against the journal's length. Measured are
three queues: ``waiting``, entries that only wait; ``worked``, of which a tenth was leased and half of that finished;
``compacted``, the same after a compaction; and ``waiting`` without its outline, as after an upgrade.

Usage: ``python bench/queue_restart.py [--entries 1000000] [--rounds 5] [--directory DIR]``
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from animus_queue_default.clock import SystemClock
from animus_queue_default.model.lease import LeaseTerms, fence_of
from animus_queue_default.model.request import Request
from animus_queue_default.model.status import Outcome
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.storage.store import Store

BATCH = 2_000
_OPEN = """
import sys, time
def private():
    return next(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Private_Dirty"))
from pathlib import Path
from animus_queue_default.clock import SystemClock
from animus_queue_default.storage.store import Store
import portalocker, mmap
store = Store(Path(sys.argv[1]), SystemClock())
before, start = private(), time.process_time()
store.begin(); total = store.state.counts.total
seconds = time.process_time() - start
store.commit()
print(seconds, (private() - before) * 1024, total)
"""
_READ = """
import sys, time
from pathlib import Path
paths = [str(path) for path in Path(sys.argv[1]).glob("journal-*.log")]
start = time.process_time()
for path in paths:
    with open(path, "rb") as file:
        data = file.read()
print(time.process_time() - start, 0, 0)
"""


def request(number: int) -> Request:
    content = {
        "subject": {"kind": "animus.task", "id": f"TASK-{number}"},
        "workflow_ref": "animus.task/standard",
        "trigger_source": "bench",
        "requested_at": "2026-01-01T00:00:00Z",
    }
    return Request(
        subject=f"task:TASK-{number}",
        subject_key=f"TASK-{number}",
        workflow_ref="animus.task/standard",
        dispatch=json.dumps(content, separators=(",", ":")).encode(),
        priority=number % 4,
        task_id=f"TASK-{number}",
    )


def fill(directory: Path, entries: int) -> None:
    store = Store(directory, SystemClock())
    queue = FencedQueue(store, SystemClock(), LeaseTerms())
    for first in range(0, entries, BATCH):
        store.begin(create=True)
        for number in range(first, min(first + BATCH, entries)):
            queue.enqueue(request(number))
        store.commit()
    store.close()


def work(directory: Path, entries: int) -> None:
    store = Store(directory, SystemClock())
    queue = FencedQueue(store, SystemClock(), LeaseTerms())
    for first in range(0, entries // 10, 50):
        store.begin()
        leased = queue.lease(50, "bench", [f"w{first + place}" for place in range(50)]).leased
        for entry in leased[::2]:
            fence = fence_of(entry)
            assert fence is not None
            queue.complete(fence, Outcome.COMPLETED)
        store.commit()
    store.close()


def compact(directory: Path) -> None:
    store = Store(directory, SystemClock(), compaction_floor_bytes=1)
    names = set(directory.glob("journal-*.log"))
    store.begin()
    store.state.live_bytes = 0  # as if all of it were waste
    store.commit()
    while set(directory.glob("journal-*.log")) == names:
        store.begin()
        store.commit()
    store.close()


def measure(program: str, directory: Path) -> tuple[float, float, int]:
    done = subprocess.run([sys.executable, "-c", program, str(directory)], check=True, capture_output=True, text=True)
    seconds, memory, total = done.stdout.split()
    return float(seconds), float(memory), int(total)


def journal_bytes(directory: Path) -> int:
    """The journal without the room made behind its last frame."""
    (path,) = directory.glob("journal-*.log")
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 1_000_000))
        tail = file.read()
    return size - (len(tail) - len(tail.rstrip(b"\0")))


def bare(directory: Path) -> Path:
    """The same queue without its outline; it gets one when it is opened, so this is done each time."""
    copy = directory.with_name(f"{directory.name}-bare")
    if not copy.exists():
        copy.mkdir()
        for path in directory.iterdir():
            os.link(path, copy / path.name)
    for path in copy.glob("outline-*"):
        path.unlink()
    return copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", default=None)
    parser.add_argument("--json", default=None, help="write the figures there too, for bench/queue_page.py")
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="animus-bench-", dir=arguments.directory))
    try:
        table = run(root, arguments.entries, arguments.rounds)
    finally:
        shutil.rmtree(root)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"load": os.getloadavg()[0], "rows": table}, indent=1) + "\n")


def run(root: Path, entries: int, rounds: int) -> dict[str, dict[str, float | str]]:
    queues = {name: root / name for name in ("waiting", "worked", "compacted")}
    fill(queues["waiting"], entries)
    for name, source in (("worked", "waiting"), ("compacted", "worked")):
        shutil.copytree(queues[source], queues[name])
        work(queues[name], entries) if name == "worked" else compact(queues[name])
    cases = {name: (lambda path=path: path) for name, path in queues.items()}
    cases["waiting, no outline"] = lambda: bare(queues["waiting"])
    results: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name in random.sample(list(cases), len(cases)):
            directory = cases[name]()
            seconds, memory, _ = measure(_OPEN, directory)
            floor, _, _ = measure(_READ, directory)
            results[name].append((seconds, seconds / floor, memory, memory / journal_bytes(directory)))
    print(f"{entries:,} entries, {rounds} rounds, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
    print("| queue | journal MB | open, CPU s | / read the bytes | memory MB | / journal |\n|---|---|---|---|---|---|")
    table: dict[str, dict[str, float | str]] = {}
    for name, rows in results.items():
        seconds, ratio, memory, share = (statistics.median(column) for column in zip(*rows, strict=True))
        size = journal_bytes(queues[name.split(",")[0]]) / 1e6
        cells = f"| {name} | {size:.0f} | {seconds:.2f} | {ratio:.1f} | {memory / 1e6:.0f} | {share:.2f} |"
        table[name] = {"ratio": ratio, "share": share, "cells": cells}
        print(cells, flush=True)
    return table


if __name__ == "__main__":
    start = time.perf_counter()
    main()
    print(f"\ntook {time.perf_counter() - start:.0f} s")
