"""Workflows of one command through the runner, against a bare loop that starts the same commands and syncs twice each.

Run with ``.venv/bin/python bench/runner_commands.py [count] [rounds]`` (1,000 and 3). The loop does one after the
other what nobody can leave out: a line before, the process, a line after, both on disk. The runner is asked for
`FLIGHT` runs at a time, over its pipe; each is made, begun, judged and completed in its journal, and its process is
recorded before it starts. Goal: at most 2 times the loop's time.
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runner_host import RunnerHost, disturbed

GOAL = 2.0
FLIGHT = 32
WORKFLOWS = """
tools_allowlist: ["true"]
phases:
  one: {mode: command, command: {program: /bin/true}}
workflows:
  - {id: w, worktree: skip, phases: [one]}
"""


def bare_loop(folder: Path, count: int) -> float:
    began = time.perf_counter()
    with (folder / "journal").open("ab", buffering=0) as journal:
        for number in range(count):
            journal.write(b"started %d\n" % number)
            os.fsync(journal.fileno())
            subprocess.run(["/bin/true"], check=True, stdin=subprocess.DEVNULL, capture_output=True)
            journal.write(b"done %d\n" % number)
            os.fsync(journal.fileno())
    return time.perf_counter() - began


def through_runner(folder: Path, count: int, flight: int) -> float:
    with RunnerHost(folder, WORKFLOWS) as host:
        host.execute("w", "warm")
        began = time.perf_counter()
        begun = 0
        while begun < min(flight, count):
            host.begin_execute("w", f"run-{begun}")
            begun += 1
        for done, (_, result) in enumerate(host.finished(), 1):
            assert result["workflow_status"] == "completed", result
            if done == count:
                break
            if begun < count:
                host.begin_execute("w", f"run-{begun}")
                begun += 1
        took = time.perf_counter() - began
    assert not list((folder / "state" / "processes").iterdir()), "a process is still on record"
    return took


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    rows: dict[str, list[float]] = {"bare loop": []} | {f"runner, {flight} at a time": [] for flight in (FLIGHT, 1)}
    before = disturbed()
    # Nothing is removed before the end: a file system that avoids inodes given back a moment ago (ext4 does) makes new
    # ones several times slower then, and that is the cost of the removal, not of the runs.
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(rounds):
            for name in random.sample(list(rows), len(rows)):
                folder = Path(scratch, f"{name} {number}")
                folder.mkdir()
                flight = FLIGHT if f" {FLIGHT} " in name else 1
                took = bare_loop(folder, count) if name == "bare loop" else through_runner(folder, count, flight)
                rows[name].append(took)
    print("| what | ms a command (min-max of rounds) | ratio | goal |\n|---|---|---|---|")
    for name, values in rows.items():
        ratio = statistics.median(took / floor for took, floor in zip(values, rows["bare loop"], strict=True))
        each = [took * 1000 / count for took in values]
        goal = f"<= {GOAL}: {'met' if ratio <= GOAL else 'missed'}" if str(FLIGHT) in name else ""
        print(f"| {name} | {statistics.median(each):.2f} ({min(each):.2f}-{max(each):.2f}) | {ratio:.2f} | {goal} |")
    print(f"{rounds} rounds of {count} commands; {before} before, {disturbed()} after")


if __name__ == "__main__":
    main()
