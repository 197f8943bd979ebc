"""``agent`` commands."""

from typing import Any

from animus_cli.spending import spent_in, spent_text
from animus_cli.table import Column, ago, parse_moment, table
from animus_cli.terminal import Screen

__all__ = ["page", "working"]

_PROFILES = [
    Column("AGENT"),
    Column("TOOL"),
    Column("MODEL", flexible=True),
    Column("PROGRAM", flexible=True),
    Column("ABOUT", flexible=True),
]
_WORKING = [
    Column("RUN"),
    Column("SUBJECT", flexible=True),
    Column("PHASE", flexible=True),
    Column("AGENT"),
    Column("SINCE"),
    Column("USED", flexible=True),
    Column("WAITS", flexible=True),
]


def page(rows: list[dict[str, Any]], screen: Screen) -> list[str]:
    """A table of profiles."""
    if not rows:
        return ["The workflow files define no agent. next: animus init"]
    keys = ("id", "tool", "model", "program", "description")
    return table(_PROFILES, [[str(row.get(key) or "") for key in keys] for row in rows], screen)


def working(rows: list[dict[str, Any]], screen: Screen) -> list[str]:
    """A table of agents at work."""
    if not rows:
        return ["No agent is at work."]
    cells = [
        [
            row["run"],
            row["subject"] or "",
            str(row["path"] or ""),
            str(row["target"] or ""),
            ago(parse_moment(row["started_at"]), screen),
            spent_text(spent_in(row)),
            row["waiting"] or "",
        ]
        for row in rows
    ]
    return table(_WORKING, cells, screen)
