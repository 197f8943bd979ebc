"""What the demo does, step by step, with everything real: queue, daemon, runner, worktree, tests, gate and merge."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from animus_cli.demonstration.folder import DemoFolder
from animus_cli.demonstration.interruption import interrupted_afterwards
from animus_cli.failure import CommandError
from animus_cli.json_value import json_object
from animus_cli.live import RUN_ENDINGS, Progress
from animus_composition.settings import load_settings
from animus_control.client import ControlClient
from animus_control.errors import ControlError
from animus_control.project import Project, find_project
from animus_kernel.serving.launch import start_daemon
from animus_plugin_protocol.wire.control import (
    QueueEnqueueParams,
    QueueEnqueueResult,
    SubjectCreateParams,
    SubjectGetParams,
    WorkflowEvent,
    WorkflowEventsParams,
    WorkflowGetParams,
    WorkflowGetResult,
)
from animus_plugin_protocol.wire.subject import Subject
from animus_plugin_protocol.wire.workflow_runner import WaitingFor

__all__ = ["APPROVE_SECONDS", "WORKFLOW", "Outcome", "Story"]

WORKFLOW = "animus.task/standard"
APPROVE_SECONDS = 60.0
"""How long the demo's own ``animus workflow phase approve`` may take."""
_TITLE = "Write 4, 9, 40 and so on with a subtracted letter"
_BODY = (
    "4 is written IIII. It should be IV, as the test in test_roman.py says. The same holds for 9, 40, 90, 400 and 900."
)
_NOTE = "The diff is what was asked for."


class Outcome(NamedTuple):
    """How it ended."""

    run: WorkflowGetResult
    subject: Subject
    log: str
    diff: str

    def record(self) -> dict[str, Any]:
        """The outcome for programs."""
        return {
            "run": msgspec.to_builtins(self.run),
            "subject": msgspec.to_builtins(self.subject),
            "log": self.log.splitlines(),
            "diff": self.diff,
        }


class Story:
    """One demo in one folder.

    Args:
        folder: a filled folder.
        tell: prints a line for the reader.
        progress: shows the run while it goes on; None shows nothing.
        manual: leave the gate to the reader.
    """

    def __init__(
        self, folder: DemoFolder, *, tell: Callable[[str], None], progress: Progress | None, manual: bool
    ) -> None:
        self._folder = folder
        self._tell = tell
        self._progress = progress
        self._manual = manual

    @property
    def project(self) -> Project:
        """The demo's project; its state lies in the folder too."""
        return find_project(self._folder.project, {"ANIMUS_CONFIG_DIR": str(self._folder.home)})

    def play(self) -> Outcome:
        """Start a daemon, deliver the task, and look at the result. The caller stops the daemon.

        Raises:
            CommandError: the run did not come to its end.
            animus_control.errors.ControlError: the daemon refused something.
        """
        project = self.project
        start = self._folder.git("rev-parse", "HEAD")
        with interrupted_afterwards():
            status = start_daemon(project, load_settings(project))
        self._tell(f"daemon    pid {status.pid}, in {self._folder.root}")
        with _connected(project) as client, _connected(project) as watcher:
            events = watcher.stream("workflow/events", WorkflowEventsParams())
            subject: Subject = client.call("subject/create", SubjectCreateParams(title=_TITLE, body=_BODY))
            self._tell(f"subject   {subject.id}: {subject.title}")
            entry: QueueEnqueueResult = client.call(
                "queue/enqueue", QueueEnqueueParams(subject=subject.id, workflow_ref=WORKFLOW)
            )
            self._tell(f"queue     entry {entry.entry_id} for {WORKFLOW}\n")
            run = self._follow(client, events)
            subject = client.call("subject/get", SubjectGetParams(id=subject.id))
        log = self._folder.git("log", "--oneline", "--graph", "--decorate")
        return Outcome(run, subject, log, self._folder.git("diff", "--stat", "--patch", start, "HEAD"))

    def _follow(self, client: ControlClient, events: Iterator[WorkflowEvent]) -> WorkflowGetResult:
        for event in events:
            if self._progress is not None:
                self._progress.show(event)
            if event.kind not in RUN_ENDINGS:
                continue
            run: WorkflowGetResult = client.call("workflow/get", WorkflowGetParams(id=event.workflow_id))
            if event.kind != "run_paused":
                return run
            waiting = run.waiting or msgspec.convert(json_object(event.payload).get("waiting"), WaitingFor | None)
            if waiting is None or waiting.kind != "gate":
                reason = run.reason if waiting is None else waiting.reason
                raise CommandError("run_failed", f"the demo's run stopped and waits: {reason}")
            self._pass_gate(event.workflow_id, waiting)
        raise ControlError("unavailable", "the demo's daemon ended before the run did")

    def _pass_gate(self, run_id: str, waiting: WaitingFor) -> None:
        """Let the reader decide, or decide as the demo: with the command that is printed."""
        if self._progress is not None:
            self._progress.finish()
        words = ["workflow", "phase", "approve", run_id, "--note", _NOTE]
        self._tell(f"\nThe run waits for a person. {waiting.reason}")
        if self._manual:
            where = (
                f"ANIMUS_CONFIG_DIR={shlex.quote(str(self._folder.home))} animus --project-root {self._folder.project}"
            )
            self._tell("Look at the work, then decide in another terminal:")
            self._tell(f"  git -C {self._folder.project} log --all --oneline --graph --patch")
            self._tell(f"  {where} workflow phase approve {run_id}")
            self._tell(f"  {where} workflow phase reject {run_id} --note WHY\n")
            return
        self._tell("The demo approves it, with the command that you would use:")
        self._tell(f"  $ {shlex.join(['animus', *words])}")
        answer = _animus(words, self._folder.project, self._folder.home)
        self._tell("".join(f"  {line}\n" for line in answer.splitlines()))


def _connected(project: Project) -> ControlClient:
    client = ControlClient.connect(project)
    if client is None:
        raise ControlError("unavailable", "the demo's daemon ended right after its start")
    return client


def _animus(words: list[str], project: Path, home: Path) -> str:
    """Run a command of this program as a person would; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "animus_cli", *words],
        cwd=project,
        env=os.environ | {"ANIMUS_CONFIG_DIR": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=APPROVE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise CommandError(
            "run_failed", f"the gate could not be passed: {done.stderr.decode(errors='replace').strip()}"
        )
    return done.stdout.decode(errors="replace").strip()
