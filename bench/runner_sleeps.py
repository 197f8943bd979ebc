"""Three hundred runs that sleep a second, all at once, with 1,024 descriptors: when the last ends; cancels meanwhile.

Run with ``.venv/bin/python bench/runner_sleeps.py [runs] [rounds]`` (300 and 3). The runner is started under
``ulimit -n 1024`` (soft and hard) and may execute all runs at once. Meanwhile runs of their own, which sleep for five
minutes, are cancelled one after the other: from the moment all runs are asked for until the last one is over. A cancel
is answered when its processes are gone. Goals: the last run is over within 3 s of when one run alone is; a cancel is
answered within 100 ms (the median; the longest is shown).
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from runner_host import RunnerHost, disturbed

OVER_SECONDS, CANCEL_MS = 3.0, 100.0
DESCRIPTORS, CANCELS, PAUSE_SECONDS = 1024, 12, 0.1
WORKFLOWS = """
tools_allowlist: [sleep]
phases:
  short: {mode: command, command: {program: sleep, args: ["1"]}}
  long: {mode: command, command: {program: sleep, args: ["300"]}}
workflows:
  - {id: short, worktree: skip, phases: [short]}
  - {id: long, worktree: skip, phases: [long]}
"""
LIMITED = ["/bin/sh", "-c", f'ulimit -n {DESCRIPTORS} && exec "$@"', "sh"]
RUNNER = [*LIMITED, sys.executable, "-P", "-m", "animus_workflow_runner_default"]


class Found(NamedTuple):
    """Seconds of one run alone and of all at once; milliseconds until each cancel was answered."""

    alone: float
    together: float
    cancels: list[float]


def measure(folder: Path, runs: int) -> Found:
    environ = {"ANIMUS_RUNNER_MAX_RUNS": str(runs + CANCELS)}
    with RunnerHost(folder, WORKFLOWS, environ=environ, command=RUNNER) as host:
        began = time.perf_counter()
        host.execute("short", "alone")
        alone = time.perf_counter() - began

        begun: set[int] = set()
        ended: dict[int, float] = {}

        def watch(frame: dict[str, object]) -> None:
            if frame.get("method") == "$/progress":
                begun.add(frame["params"]["id"])
            elif "method" not in frame:
                ended[frame["id"]] = time.perf_counter()

        host.on_frame = watch
        long = [host.begin_execute("long", f"long-{number}") for number in range(CANCELS)]
        while not begun.issuperset(long):
            host.handle(PAUSE_SECONDS)
        began = time.perf_counter()
        short = [host.begin_execute("short", f"run-{number}") for number in range(runs)]
        cancels = []
        for number, run in enumerate(long):
            asked = time.perf_counter()
            host.call("workflow/signal", {"workflow_id": f"long-{number}", "signal": "cancel"})
            cancels.append((time.perf_counter() - asked) * 1000)
            assert host.finish(run)["workflow_status"] == "cancelled"
            host.handle(PAUSE_SECONDS)
        results = [host.finish(run)["workflow_status"] for run in short]
        assert results == ["completed"] * runs, results
        return Found(alone, max(ended[run] for run in short) - began, cancels)


def row(name: str, values: list[float], unit: str, goal: float | None = None) -> str:
    middle = statistics.median(values)
    verdict = "" if goal is None else f"<= {goal:g}: {'met' if middle <= goal else 'missed'}"
    return f"| {name} | {middle:.2f} {unit} ({min(values):.2f}-{max(values):.2f}) | {verdict} |"


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    before = disturbed()
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            found.append(measure(Path(folder), runs))
    print("| what | median (min-max) | goal |\n|---|---|---|")
    print(row("one run of `sleep 1`", [item.alone for item in found], "s"))
    print(row(f"{runs} at once, longer by", [item.together - item.alone for item in found], "s", OVER_SECONDS))
    print(row("cancel answered", [ms for item in found for ms in item.cancels], "ms", CANCEL_MS))
    print(f"{rounds} rounds of {CANCELS} cancels; {before} before, {disturbed()} after")


if __name__ == "__main__":
    main()
