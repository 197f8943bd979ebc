"""How long until a daemon is ready, and from the wish to the phase that runs.

Run with `uv run python bench/latency.py [starts] [dispatches]`, on a machine that does nothing else: the load is
part of the result. A start is that of the default flavor, with manifests that are known, from the fork to the answer
that it is ready. A dispatch is counted from before the client asks to the phase's own start in the runner, and to the
event about it at another client; one at a time, so that nothing waits for a slot.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from animus_composition.settings import DaemonSettings
from animus_control.client import ControlClient
from animus_control.project import Project, find_project
from animus_kernel.serving.launch import start_daemon, stop_daemon
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.dispatch import SubjectDispatch, SubjectRef

GOAL_P50_MS, GOAL_P99_MS = 10.0, 50.0
WORKFLOWS = """
default_workflow_ref: nothing
tools_allowlist: ["true"]
phases:
  nothing:
    mode: command
    command: {program: "true", args: []}
workflows:
  - id: nothing
    worktree: skip
    phases: [nothing]
"""


class Watch:
    """Another client, who notes when it hears that a phase was started, and that a run has ended."""

    def __init__(self, client: ControlClient) -> None:
        self.started: dict[str, tuple[float, float]] = {}
        self.ended: dict[str, threading.Event] = {}
        stream = client.stream("daemon/events", control.DaemonEventsParams(follow=True, limit=0))
        threading.Thread(target=self._listen, args=(stream,), daemon=True).start()

    def _listen(self, stream: Iterator[control.DaemonEvent]) -> None:
        for event in stream:
            if event.kind == "phase_started":
                self.started[event.payload["subject_id"]] = (
                    time.time(),
                    datetime.fromisoformat(event.payload["ts"]).timestamp(),
                )
            elif event.kind == "run_completed":
                self.ended[event.payload["subject_id"]].set()


def starts(project: Project, count: int) -> list[float]:
    """Milliseconds from the fork to ready; the first start, which asks every plugin who it is, is not counted."""
    taken = []
    for number in range(count + 1):
        began = time.perf_counter()
        start_daemon(project, DaemonSettings())
        if number:
            taken.append((time.perf_counter() - began) * 1000)
        stop_daemon(project)
    return taken


def bare(count: int) -> list[float]:
    """Milliseconds of an empty interpreter of this environment."""
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def dispatches(client: ControlClient, watch: Watch, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the wish to the phase's start, and to the event about it."""
    started, heard = [], []
    for number in range(count):
        subject = f"custom:n{number}"
        watch.ended[subject] = threading.Event()
        about = SubjectRef(kind="custom", id=f"n{number}", title="one")
        wish = SubjectDispatch(
            subject=about, workflow_ref="nothing", trigger_source="manual", requested_at="2026-01-01T00:00:00Z"
        )
        began = time.time()
        client.call("queue/enqueue", control.QueueEnqueueParams(subject_dispatch=wish))
        if not watch.ended[subject].wait(60):
            raise SystemExit(f"{subject} did not end")
        at_client, at_runner = watch.started[subject]
        if number >= count // 10:  # the first ones warm everything up
            started.append((at_runner - began) * 1000)
            heard.append((at_client - began) * 1000)
    return started, heard


def spread(values: list[float]) -> dict[str, float]:
    cut = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": round(cut[49], 1), "p99": round(cut[98], 1), "min": round(min(values), 1)}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "p")
        (root / ".animus").mkdir(parents=True)
        (root / ".animus/workflows.yaml").write_text(WORKFLOWS)
        os.environ["ANIMUS_CONFIG_DIR"] = str(Path(scratch, "a"))
        project = find_project(root)
        ready, empty = starts(project, rounds), bare(rounds)
        start_daemon(project, DaemonSettings())
        client, other = ControlClient.connect(project), ControlClient.connect(project)
        if client is None or other is None:
            raise SystemExit("the daemon does not answer")
        started, heard = dispatches(client, Watch(other), count)
        stop_daemon(project)
    print(json.dumps({"load before": round(load, 1), "load after": round(os.getloadavg()[0], 1), "dispatches": count}))
    print(f"start to ready, ms: {spread(ready)}; {statistics.median(ready) / statistics.median(empty):.1f}x an empty")
    print(f"  interpreter of {statistics.median(empty):.1f} ms")
    print(f"wish to phase start, ms: {spread(started)} (goal: p50 {GOAL_P50_MS:g}, p99 {GOAL_P99_MS:g})")
    print(f"wish to the event at another client, ms: {spread(heard)}")


if __name__ == "__main__":
    main()
