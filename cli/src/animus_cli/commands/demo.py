"""``demo``: see the whole thing work, without leaving a trace."""

import os
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager

import click

from animus_cli.commands.plain import command
from animus_cli.demonstration.interruption import clean_up_undisturbed, ended_by_signals, reap_children
from animus_cli.demonstration.place import Place, fill, new_place, remove_place, require_git, run_tests
from animus_cli.demonstration.story import Outcome, Story
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.live import progress_on
from animus_cli.render import subject, workflow
from animus_cli.terminal import Screen
from animus_kernel.endpoint import socket_path
from animus_kernel.errors import KernelError
from animus_kernel.launch import stop_daemon

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
    with ended_by_signals(seconds=None if manual else LONGEST_SECONDS), _place(invocation, keep=keep) as place:
        fill(place)
        _introduce(invocation, place)
        progress = None
        if not invocation.json:
            progress = progress_on(sys.stdout, invocation.screen(), height=shutil.get_terminal_size().lines)
        story = Story(place, tell=invocation.tell, progress=progress, manual=manual)
        outcome = story.play()
        if progress is not None:
            progress.finish()
        if outcome.run.status != "completed":
            reason = outcome.run.reason or "see above"
            raise CommandError("run_failed", f"the demo's run {outcome.run.status}: {reason}", details=outcome.record())
        kept = {"folder": str(place.folder)} if keep else {}
        invocation.show(outcome.record() | kept, lambda screen: _summary(outcome, screen))


@contextmanager
def _place(invocation: Invocation, *, keep: bool) -> Generator[Place]:
    """The place, with ANIMUS_CONFIG_DIR in it; afterwards no process and (unless kept) no file of it is left."""
    place = new_place()
    before = os.environ.get("ANIMUS_CONFIG_DIR")
    os.environ["ANIMUS_CONFIG_DIR"] = str(place.home)
    try:
        yield place
    finally:
        with clean_up_undisturbed():
            _end_daemon(invocation, place)
            if before is None:
                del os.environ["ANIMUS_CONFIG_DIR"]
            else:
                os.environ["ANIMUS_CONFIG_DIR"] = before
            if keep:
                invocation.tell(f"\nKept: {place.folder} (remove it with: rm -r {place.folder})")
            else:
                remove_place(place)


def _end_daemon(invocation: Invocation, place: Place) -> None:
    story = Story(place, tell=invocation.tell, progress=None, manual=False)
    try:
        stop_daemon(story.project, timeout_seconds=_STOP_SECONDS)
    except KernelError as error:
        invocation.tell(f"warning: {error.message}")
    if not reap_children(seconds=_STOP_SECONDS):
        invocation.tell("warning: the demo's daemon is still ending")
    endpoint = socket_path(story.project)
    if place.folder not in endpoint.parents:  # the folder's path was too long for a socket
        shutil.rmtree(endpoint.parent, ignore_errors=True)


def _introduce(invocation: Invocation, place: Place) -> None:
    failing = [line for line in run_tests(place) if line.startswith(("FAIL:", "AssertionError", "Ran "))]
    invocation.tell("A task goes from the queue to the merge. The agent is a script that is wrong at first;")
    invocation.tell("the daemon, the tests, the gate and the git repository are real.\n")
    invocation.tell(f"project   {place.project}, one commit, one failing test:")
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
