"""How long commands take, as ratios to an empty interpreter of the same environment.

`uv run python bench/command_line.py [bin]` measures the `animus` beside `bin/python` (this environment's if left out),
once without a daemon and once beside one. A development environment finds every package in a folder of its own, which
costs time that an installed one does not take; for numbers as users see them, build wheels and install them:

    uv build --all-packages --wheel --out-dir /tmp/wheels
    uv venv /tmp/v && uv pip install --python /tmp/v --compile-bytecode --find-links /tmp/wheels animus-flavor-default
    uv run python bench/command_line.py /tmp/v/bin
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 80
EMPTY = "an empty interpreter"
GOALS = {"animus version": 1.10, "animus status": 1.20}
CASES = ("version", "status", "daemon status", "queue stats", "queue list", "workflow list", "--help", "subject list")


def measured(argv: dict[str, list[str]], cwd: Path, environ: dict[str, str]) -> dict[str, list[float]]:
    """Milliseconds from start to end of each program, in random order so that none always follows another."""
    taken: dict[str, list[float]] = {name: [] for name in argv}
    for _ in range(ROUNDS):
        for name in random.sample(list(argv), len(argv)):
            began = time.perf_counter()
            subprocess.run(argv[name], cwd=cwd, env=environ, capture_output=True, check=True)
            taken[name].append((time.perf_counter() - began) * 1000)
    return taken


def report(title: str, taken: dict[str, list[float]]) -> None:
    floor = statistics.median(taken[EMPTY])
    print(f"\n{title}\n\n| command | median ms | ratio | goal |\n|---|---|---|---|")
    for name, values in taken.items():
        median = statistics.median(values)
        goal = f"{GOALS[name]:.2f}" if name in GOALS else ""
        print(f"| {name} | {median:.1f} | {median / floor:.2f} | {goal} |")


def main() -> None:
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(sys.executable).parent
    animus = str(place / "animus")
    argv = {EMPTY: [str(place / "python"), "-c", "pass"]}
    argv |= {f"animus {words}": [animus, *words.split()] for words in CASES}
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "p")
        folder.mkdir()
        environ["ANIMUS_CONFIG_DIR"] = str(Path(scratch, "a"))

        def run(*words: str) -> None:
            subprocess.run([animus, *words], cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)

        for number in range(3):
            run("subject", "create", "--title", f"number {number}")
        run("daemon", "start")
        try:
            for words in CASES:  # once, so that everything is compiled and every plugin runs
                run(*words.split())
            report("Beside a daemon:", measured(argv, folder, environ))
        finally:
            run("daemon", "stop")
        report("Without a daemon:", measured(argv, folder, environ))


if __name__ == "__main__":
    main()
