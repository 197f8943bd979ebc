"""Ten thousand runs that wait for a person: what they cost the process that would go on with them.

Run with ``.venv/bin/python bench/runner_parked.py [runs]`` (10,000). Each run is executed until it waits at its gate;
then nothing of it is left in the process. Goals, from the first `BASE` runs to all of them: no thread, no process, no
descriptor and no task of the event loop more, and at most 20 % more resident memory; a gate is approved as fast as
before. Linux only (read from ``/proc``).
"""

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from runner_host import RunnerHost, disturbed

BASE, FLIGHT, APPROVALS = 200, 32, 50
GOAL = 1.2
MIB = 1024 * 1024
WORKFLOWS = """
phases:
  ask: {mode: manual, manual: {instructions: Look}}
workflows:
  - {id: w, worktree: skip, phases: [ask]}
"""


class Sample(NamedTuple):
    """The runner at rest."""

    parked: int
    memory: float
    threads: int
    children: int
    descriptors: int
    tasks: int
    approve_ms: float
    journal: float


def sample(host: RunnerHost, parked: int) -> Sample:
    place = Path("/proc", str(host.pid))
    children = sum(len((task / "children").read_text().split()) for task in (place / "task").iterdir())
    tasks = host.call("workflow/inspect", {"what": "metrics"})["value"]["tasks"]
    seconds = []
    for number in range(parked - APPROVALS, parked):
        began = time.perf_counter()
        host.call("workflow/signal", {"workflow_id": f"run-{number}", "signal": "approve"})
        seconds.append(time.perf_counter() - began)
    return Sample(
        parked,
        int((place / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB,
        len(list((place / "task").iterdir())),
        children,
        len(list((place / "fd").iterdir())),
        tasks,
        statistics.median(seconds) * 1000,
        sum(path.stat().st_size for path in host.state.glob("workflow.db*")) / MIB,
    )


def park(host: RunnerHost, first: int, last: int) -> None:
    begun = first
    while begun < min(first + FLIGHT, last):
        host.begin_execute("w", f"run-{begun}")
        begun += 1
    for done, (_, result) in enumerate(host.finished(), first + 1):
        assert result["workflow_status"] == "paused", result
        if done == last:
            return
        if begun < last:
            host.begin_execute("w", f"run-{begun}")
            begun += 1


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    before = disturbed()
    marks = [BASE, runs // 4, runs // 2, runs]
    print("| parked | RSS MiB | threads | processes | descriptors | tasks | approve p50 ms | workflow.db MiB | s |")
    print("|---|---|---|---|---|---|---|---|---|")
    samples = []
    with tempfile.TemporaryDirectory() as scratch, RunnerHost(Path(scratch), WORKFLOWS) as host:
        done, began = 0, time.perf_counter()
        for mark in marks:
            park(host, done, mark)
            done = mark
            found = sample(host, mark)
            samples.append(found)
            cells = (found.parked, f"{found.memory:.1f}", found.threads, found.children, found.descriptors, found.tasks)
            more = (f"{found.approve_ms:.2f}", f"{found.journal:.1f}", f"{time.perf_counter() - began:.1f}")
            print("|", " | ".join(map(str, (*cells, *more))), "|", flush=True)
    first, last = samples[0], samples[-1]
    added = {
        name: getattr(last, name) - getattr(first, name) for name in ("threads", "children", "descriptors", "tasks")
    }
    ratio = last.memory / first.memory
    met = "met" if ratio <= GOAL and not any(added.values()) else "missed"
    print(f"added: {json.dumps(added)}; memory {ratio:.2f} times (goal: none, <= {GOAL}): {met}")
    print(f"{before} before, {disturbed()} after")


if __name__ == "__main__":
    main()
