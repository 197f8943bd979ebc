"""Brings work into a state by real means, asks `animus why` about it, does what it says, and looks for progress."""

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

LOOKS = ("animus workflow get", "animus workflow decisions", "animus workflow config validate", "animus output read",
         "animus queue history", "animus daemon events", "animus daemon health", "animus doctor", "animus plugin list",
         "animus schedule history", "animus why")  # fmt: skip
"""Commands that show what is wrong; then somebody has to put it right."""

HEAD = """
default_workflow_ref: quick
tools_allowlist: [sh, sleep, "true", nonesuch]
"""
WAIT = 'until [ -e "$ANIMUS_PROJECT_ROOT/go-$ANIMUS_SUBJECT_NATIVE_ID" ]; do sleep 0.02; done'


class Stage:
    """A project with its daemon. Each scene works on subjects of its own and frees what it stopped."""

    def __init__(self, project: Any, wait_until: Callable[..., Any]) -> None:
        self.project, self.wait_until = project, wait_until
        self.root: Path = project.root
        self.asked: set[str] = set()

    def ready(self, *words: str) -> None:
        """A daemon that runs, is not paused and has four slots."""
        status = self.json("daemon", "status")
        if not status["running"]:
            self.do("daemon", "start", *words)
        elif status["paused"]:
            self.do("daemon", "resume")

    def do(self, *words: str) -> Any:
        """Run a command that has to succeed."""
        done = self.project.look(*words)
        assert done.code == 0, (words, done.err or done.out)
        return done

    def json(self, *words: str) -> Any:
        return self.do(*words, "--json").data

    def define(self, name: str, text: str) -> Path:
        """Definitions of a scene, in a file of their own."""
        return self.project.write(f".animus/workflows/{name}.yaml", text)

    def task(self, title: str = "Do it") -> str:
        return str(self.json("subject", "create", "--title", title)["id"])

    def ask(self, workflow: str, *words: str, task: str | None = None) -> str:
        """Put work on the queue; the subject."""
        subject = task or self.task()
        self.asked.add(subject)
        self.do("queue", "enqueue", "--subject", subject, "--workflow", workflow, *words)
        return subject

    def let(self, subject: str) -> None:
        """What waits for this subject's file goes on."""
        (self.root / f"go-{subject.partition(':')[2]}").touch()

    def entry(self, subject: str) -> str:
        rows = self.json("queue", "list")["entries"]
        return next(str(row["id"]) for row in rows if row["subject_id"] == subject)

    def run(self, subject: str) -> Any:
        """The latest run about a subject, None before it has one."""
        runs = self.json("workflow", "list", "--subject", subject, "--limit", "1")["runs"]
        return runs[0] if runs else None

    def status(self, subject: str) -> str | None:
        run = self.run(subject)
        return None if run is None else str(run["status"])

    def until(self, subject: str, *statuses: str) -> Any:
        """Wait until the latest run about the subject is in one of these."""
        self.wait_until(lambda: self.status(subject) in statuses, what=f"{subject} {statuses}: {self.run(subject)}")
        return self.run(subject)

    def begun(self, subject: str) -> Any:
        """Wait until a phase of the subject's run is under way."""
        self.wait_until(lambda: (self.run(subject) or {}).get("current_phase"), what=f"a phase of {subject}")
        return self.run(subject)

    def cause(self, state: str, target: str) -> Any:
        """Wait until `animus why` tells the state; the row."""
        seen: list[Any] = []

        def told() -> Any:
            seen[:] = self.json("why", target)["causes"]
            assert "unknown" not in [row["state"] for row in seen]
            return next((row for row in seen if row["state"] == state), None)

        try:
            return self.wait_until(told, what=state, seconds=60)
        except AssertionError as error:
            raise AssertionError(f"{state} was not told of {target}: {seen}") from error

    def frees(self, state: str, target: str, *, mend: Callable[[], Any] | None = None) -> Any:
        """`target` is in `state`; run the command that is told, after `mend` if it is one that only shows."""
        row = self.cause(state, target)
        assert row["cause"]
        assert row["owner"]
        command = row["command"]
        if command is None:
            return row
        if not command.startswith(LOOKS):
            if mend is not None:
                mend()
            self.do(*shlex.split(command)[1:])
        else:
            self.project.look(*shlex.split(command)[1:])
            if mend is not None:
                mend()
        return row

    def again(self, subject: str, workflow: str, *words: str) -> None:
        """What ended badly is asked for once more, and completes."""
        self.ask(workflow, *words, task=subject)
        self.until(subject, "completed")


@pytest.fixture(scope="module")
def whole_stage(shared_project: Any, wait_until: Callable[..., Any]) -> Stage:
    shared_project.workflows(
        HEAD
        + f"""
phases:
  quick: {{mode: command, command: {{program: "true"}}}}
  wait:
    mode: command
    idempotency: idempotent
    command: {{program: sh, args: [-c, '{WAIT}']}}
  gate: {{mode: manual, manual: {{instructions: Look at it.}}}}
workflows:
  - {{id: quick, worktree: skip, phases: [quick]}}
  - {{id: wait, worktree: skip, phases: [wait, quick]}}
  - {{id: gated, worktree: skip, phases: [gate, quick]}}
"""
    )
    return Stage(shared_project, wait_until)


@pytest.fixture
def stage(whole_stage: Stage) -> Iterator[Stage]:
    """The stage, with its daemon up; what a scene left waiting goes on after it."""
    whole_stage.ready()
    yield whole_stage
    for subject in whole_stage.asked:
        whole_stage.let(subject)
    whole_stage.asked.clear()
