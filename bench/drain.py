"""Drain a long queue, exactly once, and watch what grows: memory of each process, the journals, the files of runs.

The dispatches are enqueued while the daemon is paused, then drained; each leaves one mark. A row is printed at each
tenth of the way. Linux only (memory is read from ``/proc``). Run by hand with
`uv run python bench/drain.py [count] [pool]`; the default of 10,000 takes a while.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mark_workflow import WORKFLOWS

from animus_control.client import ControlClient
from animus_control.project import find_project
from animus_plugin_protocol.wire import control

ROWS = 10
LOOK_SECONDS = 0.2
MIB = 1024 * 1024


class Sample(NamedTuple):
    """What there was when `done` dispatches were done: memory by process and bytes by place, both in MiB."""

    done: int
    seconds: float
    memory: dict[str, float]
    files: dict[str, float]


def processes(config: Path) -> Iterator[tuple[str, float]]:
    """The daemon and its plugins: module and resident memory in MiB."""
    marker = f"ANIMUS_CONFIG_DIR={config}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
            if marker not in (entry / "environ").read_bytes().split(b"\0") or "-m" not in words:
                continue
            pages = int((entry / "statm").read_text().split()[1])
        except OSError:
            continue
        yield words[words.index("-m") + 1].removeprefix("animus_"), pages * os.sysconf("SC_PAGE_SIZE") / MIB


def sizes(state: Path) -> dict[str, float]:
    """Bytes below each part of the state directory, in MiB."""
    found: dict[str, float] = {}
    for part in state.iterdir():
        files = [part] if part.is_file() else [path for path in part.rglob("*") if path.is_file()]
        name = part.name.replace("workflow.db-wal", "workflow.db").replace("workflow.db-shm", "workflow.db")
        found[name] = found.get(name, 0.0) + sum(path.stat().st_size for path in files if path.exists()) / MIB
    return {name: size for name, size in found.items() if size >= 0.005}


def animus(folder: Path, *words: str) -> None:
    command = [str(Path(sys.executable).parent / "animus"), *words]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)


def enqueue(client: ControlClient, count: int) -> tuple[list[str], float]:
    """Make subjects and enqueue them; their ids and how many a second were enqueued."""
    made = [client.call("subject/create", control.SubjectCreateParams(title=f"number {n}")).id for n in range(count)]
    began = time.perf_counter()
    for subject in made:
        client.call("queue/enqueue", control.QueueEnqueueParams(subject=subject, workflow_ref="mark"))
    return made, count / (time.perf_counter() - began)


def drain(client: ControlClient, state: Path, config: Path, count: int) -> list[Sample]:
    """Let the daemon work until the queue is empty; a sample at the start and at each tenth."""
    samples: list[Sample] = []
    began = time.perf_counter()
    client.call("daemon/resume", control.EmptyParams())
    while True:
        done = count - client.call("queue/stats", control.EmptyParams()).total
        if done >= len(samples) * count // ROWS:
            samples.append(Sample(done, time.perf_counter() - began, dict(processes(config)), sizes(state)))
            print(row(samples), flush=True)
        if done == count:
            return samples
        time.sleep(LOOK_SECONDS)


def row(samples: list[Sample]) -> str:
    last = samples[-1]
    rate = 0.0
    if len(samples) > 1:
        rate = (last.done - samples[-2].done) / (last.seconds - samples[-2].seconds)
    parts = [f"{name} {size:.1f}" for name, size in sorted((last.memory | last.files).items())]
    return f"{last.done:>7} done  {rate:6.1f}/s  " + "  ".join(parts)


def growth(samples: list[Sample]) -> dict[str, float]:
    """MiB a thousand dispatches, from the first tenth (when all is loaded) to the end."""
    first, last = samples[1], samples[-1]
    before, after = first.memory | first.files, last.memory | last.files
    thousands = (last.done - first.done) / 1000
    return {name: round((after[name] - before.get(name, 0.0)) / thousands, 3) for name in sorted(after)}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    pool = sys.argv[2] if len(sys.argv) > 2 else "4"
    with tempfile.TemporaryDirectory() as scratch:
        folder, config = Path(scratch, "p"), Path(scratch, "a")
        (folder / ".animus").mkdir(parents=True)
        (folder / ".animus/workflows.yaml").write_text(WORKFLOWS)
        os.environ["ANIMUS_CONFIG_DIR"] = str(config)
        project = find_project(folder)
        animus(folder, "daemon", "start", "--pool-size", pool)
        try:
            client = ControlClient.connect(project)
            assert client is not None
            client.call("daemon/pause", control.EmptyParams())
            subjects, enqueue_rate = enqueue(client, count)
            samples = drain(client, project.state_dir, config, count)
            client.close()
        finally:
            animus(folder, "daemon", "stop")
        marks = (folder / "marks").read_text().split()
        assert sorted(marks) == sorted(subjects), f"not exactly once: {len(marks)} marks of {count}"
    seconds = samples[-1].seconds
    report = {"dispatches": count, "pool": int(pool), "enqueued_per_s": round(enqueue_rate, 1)}
    print(json.dumps(report | {"drained_per_s": round(count / seconds, 1), "seconds": round(seconds, 1)}))
    print("each was done once; MiB a thousand dispatches:", json.dumps(growth(samples)))


if __name__ == "__main__":
    main()
