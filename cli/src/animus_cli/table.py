"""Aligned tables and wrapped text, as lists of lines."""

import datetime
import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from animus_cli.terminal import Screen, clean, display_width, fit

__all__ = ["Column", "ago", "duration", "facts", "paragraph", "parse_moment", "table"]

_GAP = "  "
_NARROWEST = 8


class Column(NamedTuple):
    """A column: its heading, whether it may be cut to make a row fit, and whether it holds status words."""

    heading: str
    flexible: bool = False
    status: bool = False
    right: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], screen: Screen, *, indent: str = "") -> list[str]:
    """The rows under their headings; on a terminal flexible columns are cut until a row fits."""
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [
        max([display_width(column.heading), *(display_width(row[index]) for row in cells)])
        for index, column in enumerate(columns)
    ]
    if screen.width is not None:
        widths = _shrunk(columns, widths, screen.width - len(indent) - len(_GAP) * (len(columns) - 1))
    headings = [
        _aligned(fit(column.heading, width), width, column) for column, width in zip(columns, widths, strict=True)
    ]
    lines = [(indent + screen.paint(_GAP.join(headings).rstrip(), "dim")).rstrip()]
    for row in cells:
        painted: list[str] = []
        for cell, column, width in zip(row, columns, widths, strict=True):
            text = fit(cell, width)
            padded = _aligned(text, width, column)
            painted.append(padded.replace(text, screen.status(text), 1) if column.status and text else padded)
        lines.append((indent + _GAP.join(painted)).rstrip())
    return lines


def facts(pairs: Iterable[tuple[str, str]], screen: Screen) -> list[str]:
    """Names and values below one another; pairs without a value are left out, long values are wrapped.

    A value that is a status word and nothing else gets its colour.
    """
    kept = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in kept), default=0)
    lines: list[str] = []
    for name, value in kept:
        first, *rest = paragraph(value, screen, indent=" " * (width + 2))
        lines.append(screen.paint(name.ljust(width + 2), "dim") + screen.status(first.strip()))
        lines.extend(rest)
    return lines


def paragraph(text: str, screen: Screen, *, indent: str = "") -> list[str]:
    """Running text, wrapped on a terminal; its own line breaks are kept, long words (commands, paths) are not cut."""
    lines: list[str] = []
    for line in text.splitlines() or [""]:
        kept = clean(line)
        if screen.width is None:
            lines.append((indent + kept).rstrip())
            continue
        lines += textwrap.wrap(
            kept,
            width=max(screen.width, len(indent) + _NARROWEST),
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return lines


def ago(moment: datetime.datetime | None, screen: Screen) -> str:
    """How long ago `moment` was, in its largest unit; empty for None."""
    if moment is None:
        return ""
    return duration((screen.now - moment).total_seconds()) + " ago"


def parse_moment(text: str | None) -> datetime.datetime | None:
    """The moment an RFC 3339 text names (UTC if it names no zone); None if it names none."""
    if text is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)


def duration(seconds: float | None) -> str:
    """A length of time with two digits of precision at most; empty for None."""
    if seconds is None:
        return ""
    if seconds < 0:
        return "0 s"
    if seconds < 10:  # noqa: PLR2004 - below ten seconds the tenths matter
        return f"{seconds:.1f} s"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _aligned(text: str, width: int, column: Column) -> str:
    blank = " " * (width - display_width(text))
    return blank + text if column.right else text + blank


def _shrunk(columns: Sequence[Column], widths: list[int], available: int) -> list[int]:
    """The widths with flexible columns cut, the widest first, until they fit (or cannot get smaller)."""
    widths = list(widths)
    flexible = [index for index, column in enumerate(columns) if column.flexible]
    while sum(widths) > available and flexible:
        widest = max(flexible, key=lambda index: widths[index])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths
