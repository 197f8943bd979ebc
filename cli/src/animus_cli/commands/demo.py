"""``demo``: see the whole thing work, without leaving a trace."""

import os
import shutil
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager

import click

from animus_cli.commands.plain import command
from animus_cli.demonstration.folder import DemoFolder, fill, new_folder, remove_folder, require_git, run_tests
from animus_cli.demonstration.interruption import clean_up_undisturbed, ended_by_signals, reap_children
from animus_cli.demonstration.story import Outcome, Story
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.live import progress_on
from animus_cli.render import subject, workflow
from animus_cli.terminal import Screen
from animus_control.endpoint import socket_path
from animus_control.errors import ControlError
from animus_kernel.serving.instance import instance_holder
from animus_kernel.serving.launch import stop_daemon

__all__ = ["demo"]

LONGEST_SECONDS = 180.0
"""The demo ends itself after this long; with ``--manual`` it waits for the reader as long as it takes."""
_STOP_SECONDS = 10


@command(
    "demo",
    "Watch a task go from the queue to the merge: a scripted agent, real tests, a gate, a real git repository.",
    click.Option(["--manual"], is_flag=True, help="Leave the gate to you: print the command and wait."),
    click.Option(["--keep"], is_flag=True, help="Keep the folder and say where it is."),
)
def demo(invocation: Invocation, *, manual: bool, keep: bool) -> None:
    """Play the demo in a temporary folder; the daemon is stopped and the folder removed whatever happens."""
    require_git()
    with ended_by_signals(seconds=None if manual else LONGEST_SECONDS), _demo_folder(invocation, keep=keep) as folder:
        fill(folder)
        _introduce(invocation, folder)
        progress = None
        if not invocation.json:
            progress = progress_on(sys.stdout, invocation.screen(), height=shutil.get_terminal_size().lines)
        story = Story(folder, tell=invocation.tell, progress=progress, manual=manual)
        outcome = story.play()
        if progress is not None:
            progress.finish()
        if outcome.run.status != "completed":
            reason = outcome.run.reason or "see above"
            raise CommandError("run_failed", f"the demo's run {outcome.run.status}: {reason}", details=outcome.record())
        kept = {"folder": str(folder.root)} if keep else {}
        invocation.show(outcome.record() | kept, lambda screen: _summary(outcome, screen))


@contextmanager
def _demo_folder(invocation: Invocation, *, keep: bool) -> Generator[DemoFolder]:
    """The folder, with ANIMUS_CONFIG_DIR in it; afterwards no process and (unless kept) no file of it is left."""
    folder = new_folder()
    before = os.environ.get("ANIMUS_CONFIG_DIR")
    os.environ["ANIMUS_CONFIG_DIR"] = str(folder.home)
    try:
        yield folder
    finally:
        with clean_up_undisturbed():
            try:
                _end_daemon(invocation, folder)
            finally:
                if before is None:
                    del os.environ["ANIMUS_CONFIG_DIR"]
                else:
                    os.environ["ANIMUS_CONFIG_DIR"] = before
                if keep:
                    invocation.tell(f"\nKept: {folder.root} (remove it with: rm -r {folder.root})")
                else:
                    remove_folder(folder)


def _end_daemon(invocation: Invocation, folder: DemoFolder) -> None:
    project = Story(folder, tell=invocation.tell, progress=None, manual=False).project
    try:
        stop_daemon(project, timeout_seconds=_STOP_SECONDS)
    except ControlError as error:
        invocation.tell(f"warning: {error.message}")
        holder = instance_holder(project)
        if holder is not None and holder.pid is not None:
            os.kill(holder.pid, signal.SIGKILL)  # its plugins end when their host is gone
    reap_children(seconds=_STOP_SECONDS)
    endpoint = socket_path(project)
    if folder.root not in endpoint.parents:  # the folder's path was too long for a socket
        shutil.rmtree(endpoint.parent, ignore_errors=True)


def _introduce(invocation: Invocation, folder: DemoFolder) -> None:
    failing = [line for line in run_tests(folder) if line.startswith(("FAIL:", "AssertionError", "Ran "))]
    invocation.tell("A task goes from the queue to the merge. The agent is a script that is wrong at first;")
    invocation.tell("the daemon, the tests, the gate and the git repository are real.\n")
    invocation.tell(f"project   {folder.project}, one commit, one failing test:")
    for line in failing:
        invocation.tell(f"            {line}")


def _summary(outcome: Outcome, screen: Screen) -> list[str]:
    return [
        "",
        screen.paint("What happened", "bold"),
        *workflow.one(outcome.run, screen),
        "",
        screen.paint("git log --oneline --graph", "bold"),
        *outcome.log.splitlines(),
        "",
        screen.paint("What was merged", "bold"),
        *outcome.diff.splitlines(),
        "",
        screen.paint("The task", "bold"),
        *subject.one(outcome.subject, screen),
        "",
        "In your own project: animus init",
    ]
