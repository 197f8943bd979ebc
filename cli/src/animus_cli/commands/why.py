"""``why``: the causes of where a subject, an entry or a run is, who owns each, and the command that frees it."""

import datetime
from typing import Any

import click

from animus_cli.causes.picture import Picture, take_picture
from animus_cli.causes.states import UNKNOWN, Cause, explain
from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation
from animus_cli.table import paragraph
from animus_cli.terminal import Screen, clean
from animus_control.operations import OPERATIONS
from animus_kernel.version import VERSION

__all__ = ["queue_why", "why"]

_HELP = "Say why a subject, an entry or a run is where it is, who has to act, and the command that frees it."


@command("why", _HELP, click.Argument(["target"], metavar="SUBJECT|ENTRY|RUN"))
def why(invocation: Invocation, *, target: str) -> None:
    """Look at everything that could be the cause, without changing anything."""
    _explain(invocation, target)


@command("why", "Say why an entry of the queue does not run.", click.Argument(["entry"], metavar="ENTRY"))
def queue_why(invocation: Invocation, *, entry: str) -> None:
    """As ``animus why``."""
    _explain(invocation, entry)


def _explain(invocation: Invocation, target: str) -> None:
    def ask(name: str, params: Any) -> Any:
        return invocation.call(OPERATIONS[name], params)

    def look() -> tuple[Picture, list[Cause]]:
        picture = take_picture(ask, target, datetime.datetime.now(datetime.UTC), version=VERSION)
        return picture, explain(picture)

    picture, causes = look()
    if causes[0].state == UNKNOWN:  # something went on between the questions of which the picture is made
        picture, causes = look()
    record = {
        "target": target,
        "subject": None if picture.subject is None else picture.subject.id,
        "entry": None if picture.entry is None else picture.entry.id,
        "run": None if picture.run is None else picture.run.id,
        "causes": [cause._asdict() for cause in causes],
    }
    invocation.show(record, lambda screen: _lines(causes, screen))


def _lines(causes: list[Cause], screen: Screen) -> list[str]:
    lines: list[str] = []
    for cause in causes:
        first, *rest = paragraph(f"{cause.state}: {cause.cause} (up to {cause.owner})", screen)
        lines += [first.replace(cause.state, screen.paint(cause.state, "bold"), 1), *("  " + line for line in rest)]
        if cause.command is not None:
            lines.append(f"next: {screen.paint(clean(cause.command), 'bold')}")
    return lines
