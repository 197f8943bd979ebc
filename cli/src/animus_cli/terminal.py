"""What the output goes to: its width, whether it takes colours, and text made safe for it."""

import datetime
import os
import sys
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple, TextIO

from animus_cli.window import window_of

__all__ = ["Screen", "clean", "display_width", "fit", "screen_of", "use_utf8"]

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_STATUS_COLOURS = {
    "completed": "green",
    "done": "green",
    "ok": "green",
    "ready": "green",
    "running": "cyan",
    "in-progress": "cyan",
    "assigned": "cyan",
    "paused": "yellow",
    "held": "yellow",
    "warning": "yellow",
    "rework": "yellow",
    "manual_pending": "yellow",
    "waiting": "yellow",
    "blocked": "red",
    "failed": "red",
    "error": "red",
    "escalated": "red",
    "cancelled": "red",
}


class Screen(NamedTuple):
    """How to lay text out.

    `width` is in columns; None means that lines are neither cut nor wrapped (the output is a file or a pipe). `now` is
    the moment ages are counted from.
    """

    width: int | None
    colour: bool
    now: datetime.datetime

    def paint(self, text: str, style: str) -> str:
        """`text` in a style (``bold``, ``dim`` or a colour) if the screen takes colours."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colour and text else text

    def status(self, word: str) -> str:
        """A status word in the colour of its meaning."""
        style = _STATUS_COLOURS.get(word)
        return word if style is None else self.paint(word, style)


def screen_of(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Screen:
    """The screen behind `stream`: colours only on a terminal, and never with NO_COLOR or TERM=dumb."""
    width, colour = window_of(stream, environ)
    return Screen(width=width, colour=colour, now=datetime.datetime.now(datetime.UTC))


def clean(text: str) -> str:
    """`text` on one line with control characters replaced: a title must not steer the reader's terminal."""
    if text.isprintable():
        return text
    kept = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(kept.split())


def display_width(text: str) -> int:
    """How many columns `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def fit(text: str, width: int) -> str:
    """`text` cut to `width` columns, with an ellipsis if something was cut."""
    if display_width(text) <= width:
        return text
    kept: list[str] = []
    used = 0
    for character in text:
        used += _columns(character)
        if used > width - 1:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def use_utf8() -> None:
    """Never fail to print: characters the output cannot take are replaced."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
