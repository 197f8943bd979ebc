"""The two options of a listing that is cut into pages here."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import click

__all__ = ["Page", "page_of", "page_options"]

ROWS = 50
"""How many rows a page has, if nothing else is said."""

_Item = TypeVar("_Item")


class Page(NamedTuple):
    """Where a page stands among all rows; `more` is the remark below it, or None on the last one."""

    total: int
    more: str | None


def page_options() -> tuple[click.Option, click.Option]:
    """``--limit`` and ``--offset``, as the listings of the control socket have them."""
    return (
        click.Option(
            ["--limit"], type=click.IntRange(min=1), default=ROWS, show_default=True, metavar="N", help="Rows a page."
        ),
        click.Option(["--offset"], type=click.IntRange(min=0), default=0, metavar="N", help="Rows to leave out."),
    )


def page_of(items: Sequence[_Item], *, limit: int, offset: int) -> tuple[list[_Item], Page]:
    """The rows of the page, and where it stands."""
    rows = list(items[offset : offset + limit])
    shown = offset + len(rows)
    more = f"{len(rows)} of {len(items)}; more with --offset {shown}" if shown < len(items) else None
    return rows, Page(len(items), more)
