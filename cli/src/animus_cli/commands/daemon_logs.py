"""``daemon logs``: what the daemon and its plugins wrote to their standard error."""

import os
from pathlib import Path

import click

from animus_cli.commands.plain import command
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.terminal import clean

__all__ = ["TAIL_BYTES", "logs"]

TAIL_BYTES = 4 * 1024 * 1024
"""No more than this much of the end of the log is read."""


@command(
    "logs",
    "Print the end of the daemon's log: its own messages and what its plugins wrote.",
    click.Option(["--limit"], type=click.IntRange(min=1), default=100, show_default=True, metavar="N", help="Lines."),
    click.Option(["--search"], metavar="TEXT", help="Only lines that contain this."),
)
def logs(invocation: Invocation, *, limit: int, search: str | None) -> None:
    """Print the latest lines.

    Raises:
        CommandError: no daemon has ever written a log here.
    """
    path = invocation.project().log_path
    if not path.is_file():
        message = f"there is no log at {str(path)!r}: no daemon was started for this project yet"
        raise CommandError("not_found", message, next_step="animus daemon start")
    lines = [line for line in _tail(path) if search is None or search in line]
    record = {"path": str(path), "lines": lines[-limit:], "truncated": len(lines) > limit}
    invocation.show(record, lambda _: [clean(line) for line in lines[-limit:]])


def _tail(path: Path) -> list[str]:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - TAIL_BYTES, 0))
        return file.read().decode(errors="replace").splitlines()
