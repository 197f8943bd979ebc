"""What a durable step costs across processes: host, runner and back over pipes, each verdict synced by then.

Run with ``.venv/bin/python bench/runner_step.py [rounds] [--peers DIR]``. With ``--peers`` LangGraph (SqliteSaver) and
DBOS, both on SQLite, take the same steps in the same rounds; ``DIR`` is made with ``uv venv`` and filled if it is not
there. Without it the table holds our rows and the floors, and says so. Goal: 1 ms at the median for a step that does
nothing.

*Gate approved* is the step itself: the host says the verdict of a phase, and the runner answers when it is in the
journal (SQLite, WAL, ``synchronous=FULL``). The other rows are whole phases, from the begin of one to the begin of the
next: an agent's, for which the host plays the agent and answers at once (three writes, each synced: the call, its
answer, the verdict with the next begin), and a command's (one write). A peer's step is a function of its own process.
"""

import argparse
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from runner_host import RunnerHost, disturbed

STEPS, RUNS = 20, 15
GOAL_MS = 1.0
PEERS = ("langgraph", "dbos")
PACKAGES = ("langgraph", "langgraph-checkpoint-sqlite", "dbos")
FLOOR = "floor: one SQLite commit, answered over a pipe"
SPAWN = "floor: start /bin/true, one SQLite commit"
GATE = "runner: gate approved by a signal"
EMPTY = "runner: agent phase, answered at once"
TRUE = "runner: command phase, /bin/true"
ROW = "x" * 2000
"""About what a step of ours writes."""
ECHO = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL"); db.execute("PRAGMA synchronous = FULL")
db.execute("CREATE TABLE step (number INTEGER PRIMARY KEY, body TEXT)")
while data := os.read(0, 65536):
    db.execute("INSERT INTO step (body) VALUES (?)", (sys.argv[2],))
    os.write(1, data)
"""
KINDS = {
    "a": "mode: agent, agent: worker, directive: Do it",
    "c": "mode: command, command: {program: /bin/true}",
    "g": "mode: manual, manual: {instructions: Look}",
}
PHASES = "".join(f"  {kind}{n}: {{{body}}}\n" for kind, body in KINDS.items() for n in range(STEPS))
WORKFLOWS = f"""
tools_allowlist: ["true"]
agents:
  worker: {{tool: bench, system_prompt: You do things.}}
phases:
{PHASES}
workflows:
""" + "".join(
    f"  - {{id: {kind}, worktree: skip, phases: [{', '.join(f'{kind}{n}' for n in range(STEPS))}]}}\n" for kind in KINDS
)


class Steps(NamedTuple):
    """The seconds of the steps of a round, and what is to be said about how they were made."""

    seconds: list[float]
    remark: str = ""


def between(marks: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(marks)]


def piped_commits(folder: Path) -> Steps:
    with subprocess.Popen(
        [sys.executable, "-c", ECHO, str(folder / "floor.db"), ROW],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        marks: list[float] = []
        for _ in range(STEPS * RUNS):
            process.stdin.write(b"x\n")
            process.stdout.read(2)
            marks.append(time.perf_counter())
        process.stdin.close()
    return Steps(between(marks))


def spawns(folder: Path) -> Steps:
    database = sqlite3.connect(folder / "spawns.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE step (number INTEGER PRIMARY KEY, body TEXT)")
    marks = [time.perf_counter()]
    for _ in range(STEPS * RUNS):
        subprocess.run(["/bin/true"], check=True)
        database.execute("INSERT INTO step (body) VALUES (?)", (ROW,))
        marks.append(time.perf_counter())
    database.close()
    return Steps(between(marks))


def phases(folder: Path, kind: str) -> Steps:
    """Runs of phases of one kind: `kind` is the workflow's id."""
    seconds: list[float] = []
    marks: list[float] = []

    def mark(frame: dict[str, Any]) -> None:
        begun = frame.get("method") == "$/progress" and frame["params"]["value"]["kind"] == "started"
        if begun:
            marks.append(time.perf_counter())

    with RunnerHost(folder, WORKFLOWS) as host:
        host.execute(kind, "warm")
        host.on_frame = mark
        for number in range(RUNS):
            marks.clear()
            result = host.execute(kind, f"run-{number}")
            assert result["workflow_status"] == "completed", result
            assert len(marks) == STEPS
            seconds += between(marks)
    return Steps(seconds)


def gates(folder: Path) -> Steps:
    seconds: list[float] = []
    with RunnerHost(folder, WORKFLOWS) as host:
        for number in range(RUNS):
            result = host.execute("g", f"run-{number}")
            for _ in range(STEPS):
                assert result["workflow_status"] == "paused", result
                began = time.perf_counter()
                host.call("workflow/signal", {"workflow_id": f"run-{number}", "signal": "approve"})
                seconds.append(time.perf_counter() - began)
                result = host.execute("g", f"run-{number}")
            assert result["workflow_status"] == "completed", result
    return Steps(seconds)


def peer(folder: Path, name: str, kind: str, python: Path) -> Steps:
    script = Path(__file__).with_name("runner_step_peers.py")
    done = subprocess.run(
        [str(python), str(script), name, kind, str(RUNS), str(STEPS), str(folder)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    said = json.loads(done.stdout.splitlines()[-1])
    return Steps(said["seconds"], said["settings"])


def peers_python(folder: Path) -> Path:
    """The interpreter of an environment with the peers, made if need be."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        subprocess.run(["uv", "pip", "install", "--quiet", "--python", str(python), *PACKAGES], check=True)
    return python


def cases(python: Path | None) -> dict[str, Callable[[Path], Steps]]:
    found: dict[str, Callable[[Path], Steps]] = {
        FLOOR: piped_commits,
        GATE: gates,
        EMPTY: lambda folder: phases(folder, "a"),
        SPAWN: spawns,
        TRUE: lambda folder: phases(folder, "c"),
    }
    if python is not None:
        for name in PEERS:
            for kind in ("empty", "true"):
                found[f"{name}: {kind} step"] = lambda folder, name=name, kind=kind: peer(folder, name, kind, python)
    return found


def show(rows: dict[str, list[float]], remarks: dict[str, str]) -> None:
    print("| step | p50 ms (min-max of rounds) | ratio to the floor | goal |\n|---|---|---|---|")
    for name, values in rows.items():
        base = rows[SPAWN if "true" in name else FLOOR]
        ratio = statistics.median(value / floor for value, floor in zip(values, base, strict=True))
        middle = statistics.median(values)
        goal = f"<= {GOAL_MS}: {'met' if middle <= GOAL_MS else 'missed'}" if name in {EMPTY, GATE} else ""
        print(f"| {name} | {middle:.3f} ({min(values):.3f}-{max(values):.3f}) | {ratio:.2f} | {goal} |")
    for name, remark in sorted(set(remarks.items())):
        print(f"{name}: {remark}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--peers", type=Path, help="a folder for an environment with the peers; made if not there")
    given = parser.parse_args()
    todo = cases(None if given.peers is None else peers_python(given.peers))
    rows: dict[str, list[float]] = {name: [] for name in todo}
    remarks: dict[str, str] = {}
    before = disturbed()
    with tempfile.TemporaryDirectory() as scratch:  # emptied at the end; see runner_commands
        for number in range(given.rounds):
            for place, name in enumerate(random.sample(list(todo), len(todo))):
                folder = Path(scratch, f"{number}-{place}")
                folder.mkdir()
                steps = todo[name](folder)
                rows[name].append(statistics.median(steps.seconds) * 1000)
                if steps.remark:
                    remarks[name.partition(":")[0]] = steps.remark
    show(rows, remarks)
    if given.peers is None:
        print("No --peers DIR: LangGraph and DBOS were not measured.")
    print(f"{given.rounds} rounds of {STEPS * RUNS} steps; {before} before, {disturbed()} after")


if __name__ == "__main__":
    main()
