"""Dispatches a second through the whole path, as a ratio to a loop that starts the same command and syncs twice.

The floor is what any durable dispatcher has to pay: one process start and two fsyncs a piece of work. Run with
`uv run python bench/dispatch.py [count] [pool]`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mark_workflow import SCRIPT, WORKFLOWS


def floor(folder: Path, count: int) -> float:
    """Start the same command `count` times, syncing a line before and after each."""
    environ = {**os.environ, "ANIMUS_PROJECT_ROOT": str(folder), "ANIMUS_SUBJECT_ID": "x"}
    began = time.perf_counter()
    with (folder / "journal").open("ab", buffering=0) as journal:
        for number in range(count):
            journal.write(b"started %d\n" % number)
            os.fdatasync(journal.fileno())
            subprocess.run(["sh", "-c", SCRIPT], env=environ, check=True)
            journal.write(b"done %d\n" % number)
            os.fdatasync(journal.fileno())
    return count / (time.perf_counter() - began)


def animus(folder: Path, environ: dict[str, str], *words: str) -> str:
    command = [str(Path(sys.executable).parent / "animus"), *words]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def whole_path(folder: Path, environ: dict[str, str], count: int, pool: int) -> float:
    """Enqueue `count` dispatches on distinct subjects before the daemon starts, then time the drain."""
    (folder / ".animus").mkdir()
    (folder / ".animus/workflows.yaml").write_text(WORKFLOWS)
    sys.path.insert(0, "")
    from animus_control.client import ControlClient  # noqa: PLC0415 - the floor runs without it
    from animus_control.project import find_project  # noqa: PLC0415
    from animus_plugin_protocol.wire import control  # noqa: PLC0415

    os.environ.update(environ)
    animus(folder, environ, "daemon", "start", "--pool-size", str(pool))
    client = ControlClient.connect(find_project(folder, os.environ))
    assert client is not None
    wanted = [control.SubjectCreateParams(title=f"number {number}") for number in range(count)]
    subjects = [client.call("subject/create", params).id for params in wanted]
    began = time.perf_counter()
    for subject in subjects:
        client.call("queue/enqueue", control.QueueEnqueueParams(subject=subject, workflow_ref="mark"))
    while client.call("queue/stats", control.EmptyParams()).total:
        time.sleep(0.01)
    rate = count / (time.perf_counter() - began)
    marks = (folder / "marks").read_text().split()
    assert sorted(marks) == sorted(subjects), "not exactly once"
    animus(folder, environ, "daemon", "stop")
    return rate


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    pool = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    with tempfile.TemporaryDirectory() as scratch:
        plain, project = Path(scratch, "f"), Path(scratch, "p")
        plain.mkdir()
        project.mkdir()
        environ = {**os.environ, "ANIMUS_CONFIG_DIR": str(Path(scratch, "a"))}
        base = floor(plain, count)
        rate = whole_path(project, environ, count, pool)
    row = {"dispatches": count, "pool": pool, "floor_per_s": round(base, 1), "animus_per_s": round(rate, 1)}
    print(json.dumps(row))
    print(f"ratio to the floor: {rate / base:.3f}")


if __name__ == "__main__":
    main()
