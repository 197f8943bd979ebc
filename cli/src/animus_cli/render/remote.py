"""Text for a client that lays nothing out itself: a daemon finds this by the entry point group ``animus.renderers``."""

import datetime
from typing import Any

from animus_cli.envelope import success_line
from animus_cli.render import lines_for
from animus_cli.terminal import Screen

__all__ = ["text"]


def text(operation_name: str, result: Any, *, width: int | None, colour: bool, as_json: bool) -> str:
    """What the command of an operation prints for `result`: its lines, or its envelope."""
    if as_json:
        return success_line(result) + "\n"
    screen = Screen(width=width, colour=colour, now=datetime.datetime.now(datetime.UTC))
    return "".join(f"{line}\n" for line in lines_for(operation_name, result, screen))
