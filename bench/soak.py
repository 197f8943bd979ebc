"""A soak: dispatches for an hour at a steady pace while processes are killed at random; does anything get lost or grow?

Run with `uv run python bench/soak.py [--minutes 60] [--dispatches 10000] [--folder DIR]`. A real daemon with the
default flavor; each dispatch is about a new task and has two phases, one idempotent, one of unknown effect, each of
which appends a line to a ledger. Storms, in which daemon, queue, runner and subject backend are killed, alternate with
calms, in which they may grow old. The bench is client (it repeats each wish under one key until it is answered),
supervisor (it starts a daemon that died again) and operator (it lets a run that parked, saying that a phase may have
had effects, run on by force; such a phase may then have a line more).
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from soak_samples import Clock, Sample, growth, programs, quantile, samples

from animus_composition.settings import DaemonSettings
from animus_control.client import ControlClient
from animus_control.errors import ControlError
from animus_control.project import find_project
from animus_kernel.serving.launch import start_daemon, stop_daemon
from animus_plugin_protocol.wire import control

STORM_MINUTES = 10.0
"""How long a storm lasts, and a calm; scaled for shorter soaks."""

KILL_SECONDS = 7.0
"""On average between two kills of a storm."""

SPARED_SECONDS = 21.0
"""A plugin is not killed again within these: more than three deaths a minute are answered by a cool-down."""

VICTIMS = {"runner": 4, "queue": 3, "subject": 2, "daemon": 2}
SAMPLE_SECONDS, LAG_SECONDS, PATIENCE_SECONDS = 5.0, 0.5, 300.0
GROWTH_PERCENT = 5.0
LEDGER_LINE = 'echo "$ANIMUS_SUBJECT_ID $ANIMUS_RUN_ID $ANIMUS_PHASE_ID $ANIMUS_PHASE_ATTEMPT"'
WORKFLOWS = """
default_workflow_ref: soak
tools_allowlist: [sh]
phases:
{phases}
workflows:
  - id: soak
    worktree: skip
    phases: [repeatable, once]
"""
PHASE = """  {name}:
    mode: command
    idempotency: {idempotency}
    command: {{program: sh, args: [-c, '{line} >> "$ANIMUS_PROJECT_ROOT/ledger"; sleep 0.1']}}
"""
PHASES = {"repeatable": "idempotent", "once": "unknown"}


class Soak:
    """One project under load. The threads share it; each has a connection of its own."""

    def __init__(self, folder: Path, minutes: float, dispatches: int) -> None:
        self.minutes, self.dispatches, self.clock = minutes, dispatches, Clock()
        self.root, self.config = folder / "p", folder / "a"
        (self.root / ".animus").mkdir(parents=True)
        phases = "".join(PHASE.format(name=n, idempotency=i, line=LEDGER_LINE) for n, i in PHASES.items())
        (self.root / ".animus/workflows.yaml").write_text(WORKFLOWS.format(phases=phases))
        os.environ["ANIMUS_CONFIG_DIR"] = str(self.config)
        self.project = find_project(self.root)
        self.asked: list[str] = []
        self.kills: Counter[str] = Counter()
        self.forced: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.silent: list[str] = []
        self.samples: list[Sample] = []
        self.lags: list[float] = []
        self.is_over = threading.Event()
        self.has_daemon = threading.Lock()

    def call(self, link: list[ControlClient], name: str, params: Any) -> Any:
        """Ask until somebody answers; `link` holds the connection of the calling thread."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                link += [] if link else [self._connect()]
                return link[0].call(name, params, timeout_seconds=20)
            except ControlError as error:
                if error.category not in {"unavailable", "timeout", "internal"} or time.monotonic() > until:
                    raise
                if error.category != "internal":
                    for client in link:
                        client.close()
                    link.clear()
                time.sleep(0.1)

    def _connect(self) -> ControlClient:
        client = ControlClient.connect(self.project)
        if client is None:
            raise ControlError("unavailable", "no daemon")
        return client

    def helped(self, work: Callable[[], None]) -> threading.Thread:
        """A thread that does `work`; one that breaks is a fault of the soak."""

        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - whatever it is, the verdict has to name it
                self.silent.append(f"{work.__name__} broke: {error!r}")

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def supervise(self) -> None:
        """Start a daemon whenever there is none."""
        while not self.is_over.is_set():
            with self.has_daemon:
                if "daemon" not in programs(self.config):
                    try:
                        start_daemon(self.project, DaemonSettings())
                    except ControlError as error:
                        self.silent.append(f"a daemon did not start: {error.message}")
            self.is_over.wait(0.3)

    def ask(self) -> None:
        """A new task and its dispatch at a steady pace."""
        link: list[ControlClient] = []
        pause = self.minutes * 60 / self.dispatches
        began = time.monotonic()
        for number in range(self.dispatches):
            task = self.call(link, "subject/create", control.SubjectCreateParams(title=f"number {number}"))
            wish = control.QueueEnqueueParams(subject=task.id, workflow_ref="soak", idempotency_key=f"n{number}")
            self.call(link, "queue/enqueue", wish)
            self.asked.append(task.id)
            time.sleep(max(began + (number + 1) * pause - time.monotonic(), 0))

    def storm(self) -> None:
        """Kill, every other `STORM_MINUTES`."""
        chance = random.Random(1)  # noqa: S311 - an order, no secret
        length = min(STORM_MINUTES, self.minutes / 6)
        spared: dict[str, float] = {}
        while not self.is_over.wait(chance.expovariate(1 / KILL_SECONDS)) and self.clock.minute < self.minutes:
            if int(self.clock.minute / length) % 2:
                continue
            [victim] = chance.choices([*VICTIMS], weights=[*VICTIMS.values()])
            if spared.get(victim, 0) > time.monotonic():
                continue
            spared[victim] = time.monotonic() + SPARED_SECONDS
            with self.has_daemon:
                pid = programs(self.config).get(victim)
                if pid is None:
                    continue
                os.kill(pid, signal.SIGKILL)
                self.kills[victim] += 1
                if victim == "daemon":
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(pid, 0)

    def operate(self) -> None:
        """Free what waits for a person, if it says why."""
        link: list[ControlClient] = []
        while not self.is_over.wait(1):
            for run in self._runs(link, "paused"):
                waiting = run.waiting
                if waiting is None or not waiting.reason or not waiting.command:
                    self.silent.append(f"{run.id} waits and does not say why")
                    continue
                with contextlib.suppress(ControlError):  # it goes on already
                    self.call(link, "workflow/resume", control.WorkflowResumeParams(id=run.id, force=True))
                    self.forced[run.id] += 1
            for entry in self.call(link, "queue/list", control.QueueListParams(status=["held"], limit=500)).entries:
                if not entry.hold_reason:
                    self.silent.append(f"{entry.id} is held and does not say why")
                self.held[entry.id] += 1
                self.call(link, "queue/release", control.QueueEntryIdParams(id=entry.id))
            ended = self._runs(link, "failed", "escalated", "cancelled")
            self.silent += [
                text for run in ended if (text := f"{run.id} {run.status}: {run.reason}") not in self.silent
            ]

    def _runs(self, link: list[ControlClient], *status: str) -> list[control.WorkflowRunSummary]:
        runs: list[control.WorkflowRunSummary] = self.call(
            link, "workflow/list", control.WorkflowListParams(status=list(status), limit=500)
        ).runs
        return runs

    def measure(self) -> None:
        """Sample processes and the loop's lag; a line each minute."""
        link: list[ControlClient] = []
        next_sample = next_line = 0.0
        lags: list[float] = []
        while not self.is_over.wait(LAG_SECONDS):
            minute = self.clock.minute
            text = self.call(link, "daemon/metrics", control.EmptyParams())
            lag = next(line for line in text.splitlines() if line.startswith("animus_loop_lag_seconds "))
            lags.append(float(lag.split()[1]))
            if minute * 60 >= next_sample:
                next_sample = minute * 60 + SAMPLE_SECONDS
                self.samples += samples(self.config, minute)
            if minute >= next_line:
                next_line, self.lags = minute + 1, self.lags + lags
                total = self.call(link, "queue/stats", control.EmptyParams()).total
                self._line(minute, total, lags)
                lags = []

    def _line(self, minute: float, backlog: int, lags: list[float]) -> None:
        latest = {row.program: row for row in self.samples[-8:]}
        row = {
            "minute": round(minute, 1),
            "asked": len(self.asked),
            "backlog": backlog,
            "kills": sum(self.kills.values()),
            "lag_p99_ms": round(quantile(lags, 0.99) * 1000, 1),
            "load": round(os.getloadavg()[0], 1),
            "rss_mib": {name: round(one.rss_kib / 1024, 1) for name, one in latest.items()},
            "descriptors": {name: one.descriptors for name, one in latest.items()},
        }
        print(json.dumps(row), flush=True)

    def settle(self) -> None:
        """Wait until the queue is empty."""
        link: list[ControlClient] = []
        until = time.monotonic() + PATIENCE_SECONDS
        while self.call(link, "queue/stats", control.EmptyParams()).total and time.monotonic() < until:
            time.sleep(0.5)

    def open_ends(self) -> list[str]:
        """The runs that did not end. Of those that did, retention keeps the newest."""
        return [f"{run.id} is {run.status}" for run in self._runs([], "pending", "running", "paused")]


def faults(soak: Soak) -> list[str]:
    """What was lost, doubled or left unsaid."""
    lines = Counter(tuple(line.split()) for line in (soak.root / "ledger").read_text().splitlines())
    runs: dict[str, set[str]] = {}
    done: set[tuple[str, str]] = set()
    found = soak.silent + soak.open_ends()
    for (subject, run, phase, attempt), count in lines.items():
        runs.setdefault(subject, set()).add(run)
        done.add((subject, phase))
        if attempt != "1":
            found.append(f"attempt {attempt} of {phase} in {run}, which nobody asked for")
        if PHASES[phase] == "unknown" and count > 1 + soak.forced[run]:
            found.append(f"doubled: {phase} of {run} has {count} lines and was forced {soak.forced[run]} times")
    missing = [(subject, phase) for subject in soak.asked for phase in PHASES if (subject, phase) not in done]
    found += [f"lost: {phase} of {subject}" for subject, phase in missing]
    found += [f"doubled: {subject} has runs {own}" for subject, own in runs.items() if len(own) > 1]
    return found


def report(soak: Soak) -> int:
    """Print the verdict; 1 when something is wrong."""
    grown = growth(soak.samples, soak.minutes / 6, soak.minutes)
    wrong = faults(soak) + [
        f"{program} grew: {row}"
        for program, row in grown.items()
        if row["growth_percent"] > GROWTH_PERCENT or abs(row["descriptors"]["last"] - row["descriptors"]["first"]) > 5
    ]
    lines = Counter(tuple(line.split()[:3]) for line in (soak.root / "ledger").read_text().splitlines())
    again = Counter(phase for (_, _, phase), count in lines.items() if count > 1)
    verdict = {
        "dispatches": len(soak.asked),
        "kills": dict(soak.kills),
        "phases begun again": dict(again),
        "parked and forced": soak.forced.total(),
        "held and released": soak.held.total(),
        "lag_p99_ms": round(quantile(soak.lags, 0.99) * 1000, 1),
        "wrong": wrong[:20],
    }
    print(json.dumps(verdict))
    for program, row in grown.items():
        print(program, json.dumps(row))
    return int(bool(wrong))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--dispatches", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where everything is left; a temporary one otherwise")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        soak = Soak(given.folder or Path(scratch), given.minutes, given.dispatches)
        start_daemon(soak.project, DaemonSettings())
        helpers = [soak.helped(work) for work in (soak.supervise, soak.storm, soak.operate, soak.measure)]
        try:
            soak.ask()
            soak.settle()
            code = report(soak)
        finally:
            soak.is_over.set()
            for helper in helpers:
                helper.join()
            stop_daemon(soak.project)
    return code


if __name__ == "__main__":
    sys.exit(main())
