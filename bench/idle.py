"""What an idle daemon costs: context switches, CPU time and memory of it and its plugins over a minute.

Run with `uv run python bench/idle.py [seconds]`. The goal: no more voluntary switches in the daemon than
heartbeats, none in a plugin. At every tenth heartbeat the queue is asked one question, and then it wakes.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

SETTLE_SECONDS = 45
"""Until the timers of the last run have rung: its lease was to be renewed after 40 s."""


class Sample(NamedTuple):
    line: str
    voluntary: int
    cpu_ticks: int
    rss_kib: int


def samples(marker: bytes) -> dict[int, Sample]:
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if marker not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            switches = sum(
                int(line.split()[1])
                for thread in (entry / "task").iterdir()
                for line in (thread / "status").read_text().splitlines()
                if line.startswith("voluntary_ctxt_switches")
            )
            status = dict(line.split(":", 1) for line in (entry / "status").read_text().splitlines() if ":" in line)
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            rss = int(status["VmRSS"].split()[0])
            found[int(entry.name)] = Sample(line, switches, int(fields[11]) + int(fields[12]), rss)
        except (OSError, ProcessLookupError):
            continue
    return found


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch, "p")
        project.mkdir()
        environ = {**os.environ, "ANIMUS_CONFIG_DIR": str(Path(scratch, "a"))}
        command = str(Path(sys.executable).parent / "animus")
        for words in (["init"], ["daemon", "start"], ["workflow", "run", "--sync"]):
            subprocess.run([command, *words], cwd=project, env=environ, check=False, stdout=subprocess.DEVNULL)
        marker = f"ANIMUS_CONFIG_DIR={scratch}/a".encode()
        time.sleep(SETTLE_SECONDS)
        before = samples(marker)
        time.sleep(seconds)
        after = samples(marker)
        print(f"{'voluntary switches':>18} {'cpu ms':>7} {'rss KiB':>8}  process")
        for pid, last in sorted(after.items()):
            first = before.get(pid)
            if first is not None:
                ticks = 1000 // os.sysconf("SC_CLK_TCK")
                print(
                    f"{last.voluntary - first.voluntary:>18} {(last.cpu_ticks - first.cpu_ticks) * ticks:>7}"
                    f" {last.rss_kib:>8}  {last.line[:80]}"
                )
        subprocess.run([command, "daemon", "stop"], cwd=project, env=environ, check=False)


if __name__ == "__main__":
    main()
