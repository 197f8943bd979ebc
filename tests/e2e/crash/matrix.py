"""Kills a process at every frame of a dispatch and looks what became of the run: the rows of docs/crash-matrix.md.

``python tests/e2e/crash/matrix.py [minutes] [workers]`` runs as many points as the time allows, in a shuffled order,
and writes `matrix.json`. The frames are those between daemon, queue and runner from the enqueue to the end; they are
counted in a dispatch that nobody disturbs. The client asks again, with the same key, until its wish is answered.
"""

import concurrent.futures
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from animus_control.client import ControlClient
from animus_control.errors import ControlError
from animus_control.project import Project, find_project
from animus_plugin_protocol.wire.control import EmptyParams, QueueEnqueueParams, WorkflowListParams
from animus_plugin_protocol.wire.dispatch import SubjectDispatch, SubjectRef

RESULTS = Path(__file__).with_name("matrix.json")
VICTIMS = ("daemon", "runner", "queue", "everything")
IDEMPOTENCY = ("idempotent", "unknown")
PHASES = ("first", "second", "third")
DELAY_SECONDS = 0.1
"""So long after a frame the kill is repeated: in the middle of a phase, if one was begun."""

DELAYED = 5
"""The first frame for which that is done; before it no phase runs."""

POINT_SECONDS = 90.0
"""After so long a run that neither ended nor said why counts as stuck."""

_DAEMON = Path(__file__).with_name("point_daemon.py")
_WORKFLOWS = """
default_workflow_ref: steps
tools_allowlist: [sh]
phases:
{phases}
workflows:
  - id: steps
    worktree: skip
    phases: [first, second, third]
"""
_PHASE = """  {name}:
    mode: command
    idempotency: {idempotency}
    command:
      program: sh
      args: [-c, 'echo "$ANIMUS_RUN_ID {name} $ANIMUS_PHASE_ATTEMPT" >> "$ANIMUS_PROJECT_ROOT/ledger"; sleep 0.2']
"""
_ENDS = {"run_completed", "run_failed", "run_escalated", "run_cancelled", "run_paused", "entry_held"}


class Point(NamedTuple):
    """Who is killed at which frame, or so many seconds later, in a run of which phases."""

    victim: str
    number: int
    idempotency: str
    delay: float = 0.0


class Outcome(NamedTuple):
    """What became of it. `faults` is empty when nothing was lost, nothing doubled and everything said."""

    point: Point
    frame: str
    end: str
    repeated: int
    faults: list[str]
    frames: int


class Scene:
    """One project with one wish."""

    def __init__(self, folder: Path, point: Point) -> None:
        self.point = point
        self.root, self.notes, self.ledger = folder / "p", folder / "notes", folder / "p" / "ledger"
        (self.root / ".animus").mkdir(parents=True)
        phases = "".join(_PHASE.format(name=name, idempotency=point.idempotency) for name in PHASES)
        (self.root / ".animus/workflows.yaml").write_text(_WORKFLOWS.format(phases=phases))
        self.environ = {**os.environ, "HOME": str(folder), "ANIMUS_CONFIG_DIR": str(folder / "a")}
        self.project: Project = find_project(self.root, self.environ)
        self.daemon: subprocess.Popen[bytes] | None = None
        self.deadline = time.monotonic() + POINT_SECONDS

    def need_daemon(self) -> None:
        """Start it, or again when it is dead; until the kill it is one that kills."""
        if self.daemon is not None and self.daemon.poll() is None:
            return
        self.project.ensure_state()
        number = 0 if self.has_killed() else self.point.number
        ready, ready_fd = os.pipe()
        words = [sys.executable, "-P", str(_DAEMON), self.point.victim, str(number)]
        words += [str(self.point.delay), str(self.notes)]
        words += ["--project-root", str(self.root), "--ready-fd", str(ready_fd)]
        with self.project.log_path.open("ab") as log:
            self.daemon = subprocess.Popen(
                words, cwd=self.root, env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, pass_fds=[ready_fd],
            )  # fmt: skip
        os.close(ready_fd)
        os.read(ready, 1000)  # ready, or its end
        os.close(ready)

    def call(self, name: str, params: Any) -> Any:
        """Ask the daemon, started again as often as needed, until it answers."""
        while True:
            self.need_daemon()
            client = ControlClient.connect(self.project)
            if client is not None:
                with contextlib.closing(client):
                    try:
                        return client.call(name, params, timeout_seconds=60)
                    except ControlError as error:
                        if error.category not in {"unavailable", "timeout", "internal"}:
                            raise
            self.pause(name)

    def pause(self, what: str) -> None:
        if time.monotonic() > self.deadline:
            message = f"{what} not within {POINT_SECONDS} s"
            raise TimeoutError(message)
        time.sleep(0.03)

    def enqueue(self) -> None:
        subject = SubjectRef(kind="custom", id="one", title="one")
        wish = SubjectDispatch(
            subject=subject, workflow_ref="steps", trigger_source="manual", requested_at="2026-01-01T00:00:00Z"
        )
        self.call("queue/enqueue", QueueEnqueueParams(subject_dispatch=wish, idempotency_key="one"))

    def has_killed(self) -> bool:
        return self.point.number == 0 or any(line.startswith("KILLED") for line in self.lines(self.notes))

    @staticmethod
    def lines(path: Path) -> list[str]:
        return path.read_text().splitlines() if path.exists() else []

    def ends(self) -> list[dict[str, Any]]:
        rows = [json.loads(line) for line in self.lines(self.project.events_path) if line.endswith("}")]
        return [row for row in rows if row["event_type"] in _ENDS]

    def wait_end(self) -> None:
        """Wait for an end that is told; then for a quiet queue."""
        while True:
            self.need_daemon()
            if self.ends():
                rows = self.call("workflow/list", WorkflowListParams()).runs
                total = self.call("queue/stats", EmptyParams()).total
                is_over = rows and rows[0].status not in {"running", "pending"}
                if self.has_killed() and is_over and (total == 0 or rows[0].status == "paused"):
                    return
            self.pause("the end")

    def stop(self) -> None:
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                self.daemon.wait(60)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()

    def survivors(self) -> list[int]:
        marker = f"ANIMUS_CONFIG_DIR={self.environ['ANIMUS_CONFIG_DIR']}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if marker in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found


def judge(scene: Scene) -> tuple[str, int, list[str]]:
    """How it ended, how many effects were repeated by the rule for idempotent phases, and what is wrong."""
    faults = _not_killed(scene)
    runs = scene.call("workflow/list", WorkflowListParams()).runs
    if len(runs) != 1:
        return "several", 0, [f"{len(runs)} runs for one wish"]
    [run] = runs
    lines = [line.split() for line in scene.lines(scene.ledger)]
    effects = Counter((name, attempt) for _, name, attempt in lines)
    if {line[0] for line in lines} - {run.id}:
        faults.append("effects of another run")
    order = [PHASES.index(name) for _, name, _ in lines]
    if order != sorted(order):
        faults.append("a committed phase ran again")
    if {attempt for _, attempt in effects} - {"1"}:
        faults.append("an attempt that nobody asked for")
    if run.status == "completed":
        faults += [f"lost: {name}" for name in PHASES if not effects[name, "1"]]
    elif run.status == "paused":
        waiting = run.waiting
        if waiting is None or waiting.kind != "blocked" or not waiting.reason or not waiting.command:
            faults.append("it waits and does not say why")
        if scene.point.idempotency == "idempotent":
            faults.append("parked although its phases may be repeated")
    else:
        faults.append(f"it ended as {run.status}")
    repeated = sum(count - 1 for count in effects.values())
    if scene.point.idempotency == "unknown" and repeated:
        faults.append("doubled")
    return run.status, repeated, faults


def _not_killed(scene: Scene) -> list[str]:
    killed = len(VICTIMS) - 1 if scene.point.victim == "everything" else 1
    was = scene.point.number == 0 or f"KILLED {killed}" in scene.lines(scene.notes)
    return [] if was else ["not killed as meant"]


def run_point(point: Point) -> Outcome:
    """Make one point happen, in a directory of its own."""
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    scene = Scene(folder, point)
    end, repeated = "stuck", 0
    try:
        scene.need_daemon()
        scene.enqueue()
        scene.wait_end()
        end, repeated, faults = judge(scene)
    except (TimeoutError, ControlError) as error:
        faults = [str(error)]
    finally:
        scene.stop()
    left = scene.survivors()
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if left:
        faults.append(f"{len(left)} processes survived the daemon")
    lines = scene.lines(scene.notes)
    frame = lines[lines.index("KILL") - 1] if "KILL" in lines else ""
    if not faults:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        sys.stdout.write(f"{point}: {faults}; see {folder}\n")
    return Outcome(point, frame, end, repeated, faults, _length(lines))


def _length(frames: list[str]) -> int:
    """How many of the frames are the dispatch's own: until the queue was asked what comes next. The rest is ours."""
    asked = [number for number, line in enumerate(frames, start=1) if line.endswith("answer to queue/next_deadline")]
    return max(asked, default=0)


def length_of(idempotency: str) -> int:
    """How many frames an undisturbed dispatch takes up to its told end."""
    outcome = run_point(Point("daemon", 0, idempotency))
    if outcome.faults or outcome.end != "completed":
        message = f"the undisturbed dispatch went wrong: {outcome}"
        raise RuntimeError(message)
    return outcome.frames


def main(arguments: list[str]) -> int:
    """Run points until the time is over; returns 1 when one went wrong."""
    minutes = float(arguments[0]) if arguments else 60.0
    workers = int(arguments[1]) if len(arguments) > 1 else 2
    deadline = time.monotonic() + minutes * 60
    frames = length_of("idempotent")
    points = [
        Point(victim, number, idempotency)
        for victim in VICTIMS
        for idempotency in IDEMPOTENCY
        for number in range(1, frames + 1)
    ]
    points += [point._replace(delay=DELAY_SECONDS) for point in points if point.number >= DELAYED]
    random.Random(8).shuffle(points)  # noqa: S311 - an order, no secret
    outcomes: list[Outcome] = []

    def one(point: Point) -> None:
        if time.monotonic() < deadline:
            outcomes.append(run_point(point))
            if len(outcomes) % 20 == 0:
                sys.stdout.write(f"{len(outcomes)} of {len(points)}\n")
                sys.stdout.flush()
                write(outcomes, len(points), frames)

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, points))
    write(outcomes, len(points), frames)
    return int(any(outcome.faults for outcome in outcomes))


def write(outcomes: list[Outcome], possible: int, frames: int) -> None:
    """Keep what was found, sorted, for the page."""
    rows = [{**outcome._asdict(), "point": outcome.point._asdict()} for outcome in sorted(outcomes)]
    for row in rows:
        del row["frames"]
    text = json.dumps({"possible": possible, "frames": frames, "outcomes": rows}, indent=1)
    RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
