"""One use of the command line: the global flags, the project, and how a result reaches the reader."""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from animus_cli.envelope import success_line
from animus_cli.failure import CommandError
from animus_cli.terminal import Screen, screen_of
from animus_control.operations import Operation, Place
from animus_control.project import Project, find_project

__all__ = ["Invocation", "daemon_not_running", "global_options", "invocation_of"]


class Invocation:
    """What the global flags said, and the ways out.

    Attributes:
        json: print envelopes instead of text.
        project_root: the folder given with ``--project-root``, or None for the current one.
    """

    def __init__(self) -> None:
        self.json = False
        self.project_root: Path | None = None
        self._had_daemon = False

    def folder(self) -> Path:
        """The folder the command is about.

        Raises:
            CommandError: it is no folder.
        """
        folder = Path.cwd() if self.project_root is None else self.project_root
        if not folder.is_dir():
            raise CommandError(
                "invalid_input",
                f"--project-root: {str(folder)!r} is not a directory",
                next_step="name the folder that holds the project",
                remediation="invalid_input",
            )
        return folder

    def project(self) -> Project:
        """The project that folder belongs to."""
        return find_project(self.folder(), os.environ)

    def screen(self) -> Screen:
        """How to lay out what goes to stdout."""
        return screen_of(sys.stdout)

    def call(self, operation: Operation, params: Any, *, project: Project | None = None) -> Any:
        """Run `operation`: in the daemon if one lives and it can do it, else in this process.

        Raises:
            CommandError: only a daemon can do it and none runs.
            animus_control.errors.ControlError: the operation was refused or failed.
        """
        project = self.project() if project is None else project
        if operation.place is not Place.LOCAL:
            from animus_control.client import ControlClient  # noqa: PLC0415 - start-up: local operations need no socket

            client = ControlClient.connect(project)
            if client is not None:
                self._had_daemon = True
                with client:
                    return client.call(operation.name, params)
            if operation.place is Place.DAEMON:
                raise daemon_not_running(project)
        from animus_kernel.serving.session import run_operation  # noqa: PLC0415 - start-up: this loads asyncio and the runtime

        return run_operation(project, operation.name, params)

    def show(self, data: Any, lines: Callable[[Screen], Iterable[str]]) -> None:
        """Print a result: the envelope of `data`, or the lines for people."""
        if self.json:
            sys.stdout.write(success_line(data) + "\n")
        else:
            text = "\n".join(lines(self.screen()))
            if text:
                sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def tell(self, text: str) -> None:
        """Print a remark for people; programs do not get it."""
        if not self.json:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def remark_missing_daemon(self) -> None:
        """Say that what was asked for waits, if the call before found no daemon."""
        if not self._had_daemon:
            self.tell("No daemon serves this project, so it waits. next: animus daemon start")


def daemon_not_running(project: Project) -> CommandError:
    """The refusal of what only a daemon can do."""
    return CommandError(
        "unavailable",
        f"no daemon serves {str(project.root)!r}",
        next_step="animus daemon start",
        remediation="daemon_not_running",
    )


def invocation_of(context: click.Context) -> Invocation:
    """The invocation a command belongs to."""
    found = context.find_object(Invocation)
    if found is None:
        raise LookupError("a command was run outside of an invocation")
    return found


def global_options() -> list[click.Option]:
    """``--json`` and ``--project-root``, which every command and every group takes."""
    return [
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            expose_value=False,
            callback=_set_json,
            help="Print one line of JSON instead of text.",
        ),
        click.Option(
            ["--project-root"],
            metavar="PATH",
            expose_value=False,
            callback=_set_project_root,
            help="The project; the one around the current folder if left out.",
        ),
    ]


def _set_json(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
    if value:
        invocation_of(context).json = True


def _set_project_root(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
    if value is not None:
        invocation_of(context).project_root = Path(value)
