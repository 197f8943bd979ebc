"""What a soak measures: memory and descriptors of each process by its age, and what the daemon says of itself.

Processes are killed all the time, so none lives from the tenth minute to the last. Growth is therefore looked for
between processes of the same age: a value is compared with the others of its program and age class only, and one line
is laid through what is left (least squares with a mean for each class). Its slope is that of the state on disk and
of everything else that outlives a process; what grows within one life shows in the medians by age class.
"""

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

AGE_CLASSES_SECONDS = (30, 60, 120, 240, 480)
"""The lower ends; a younger process has not loaded everything yet and is not compared."""

_NAMES = {
    "animus_kernel": "daemon",
    "animus_queue_default": "queue",
    "animus_workflow_runner_default": "runner",
    "animus_subject_default": "subject",
}


class Sample(NamedTuple):
    """One process at one moment."""

    minute: float
    program: str
    pid: int
    age: float
    rss_kib: int
    descriptors: int


def programs(config: Path) -> dict[str, int]:
    """The pids of daemon and plugins of the project whose state is in `config`, by program."""
    marker = f"ANIMUS_CONFIG_DIR={config}".encode()
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
            if "-m" in words and marker in (entry / "environ").read_bytes().split(b"\0"):
                module = words[words.index("-m") + 1]
                if module in _NAMES:
                    found[_NAMES[module]] = int(entry.name)
        except OSError:
            continue
    return found


def samples(config: Path, minute: float) -> Iterator[Sample]:
    """A sample of each process that is there now."""
    tick, up = os.sysconf("SC_CLK_TCK"), float(Path("/proc/uptime").read_text().split()[0])
    for program, pid in programs(config).items():
        entry = Path(f"/proc/{pid}")
        try:
            started = int((entry / "stat").read_text().rpartition(")")[2].split()[19]) / tick
            pages = int((entry / "statm").read_text().split()[1])
            count = sum(1 for _ in (entry / "fd").iterdir())
        except OSError:
            continue
        yield Sample(minute, program, pid, up - started, pages * os.sysconf("SC_PAGE_SIZE") // 1024, count)


def age_class(age: float) -> int | None:
    """The class of a process of `age` seconds, None below the first."""
    return max((low for low in AGE_CLASSES_SECONDS if low <= age), default=None)


def growth(rows: Iterable[Sample], first_minute: float, last_minute: float) -> dict[str, dict[str, Any]]:
    """By program: growth from `first_minute` to `last_minute` in percent of the mean, and how that was found."""
    found = {}
    by_program = defaultdict(list)
    for row in rows:
        if age_class(row.age) is not None and first_minute <= row.minute <= last_minute:
            by_program[row.program].append(row)
    for program, kept in sorted(by_program.items()):
        by_class = defaultdict(list)
        for row in kept:
            by_class[age_class(row.age)].append(row)
        slope = _slope(by_class.values())
        mean = statistics.fmean(row.rss_kib for row in kept)
        found[program] = {
            "samples": len(kept),
            "lives": len({row.pid for row in kept}),
            "mib": round(mean / 1024, 1),
            "growth_percent": round(100 * slope * (last_minute - first_minute) / mean, 2),
            "mib_by_age": {
                f">= {low} s": round(statistics.median(row.rss_kib for row in rows) / 1024, 1)
                for low, rows in sorted((low, rows) for low, rows in by_class.items() if low is not None)
            },
            "descriptors": _floors(kept),
        }
    return found


def _slope(classes: Iterable[list[Sample]]) -> float:
    """KiB a minute, each class with a mean of its own."""
    upper = lower = 0.0
    for rows in classes:
        minutes, sizes = [row.minute for row in rows], [row.rss_kib for row in rows]
        at, size = statistics.fmean(minutes), statistics.fmean(sizes)
        upper += sum((x - at) * (y - size) for x, y in zip(minutes, sizes, strict=True))
        lower += sum((x - at) ** 2 for x in minutes)
    return upper / lower if lower else 0.0


def _floors(rows: list[Sample]) -> dict[str, int]:
    """The fewest descriptors of each minute: runs under way have some of their own."""
    by_minute = defaultdict(list)
    for row in rows:
        by_minute[int(row.minute)].append(row.descriptors)
    floors = [min(counts) for _, counts in sorted(by_minute.items())]
    return {"first": floors[0], "last": floors[-1], "least": min(floors), "most": max(floors)}


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie; 0 for none."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


class Clock:
    """Minutes since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def minute(self) -> float:
        """Now."""
        return (time.monotonic() - self._began) / 60
