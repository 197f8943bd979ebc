"""``agent`` commands."""

import datetime
from typing import Any

from animus_cli.spending import spent_in, spent_text
from animus_cli.table import Column, ago, facts, parse_moment, table
from animus_cli.terminal import Screen, clean
from animus_plugin_protocol.wire.control import AgentStatusResult, UnitResult

__all__ = ["cancelled", "page", "session", "working"]

_PROFILES = [
    Column("AGENT"),
    Column("TOOL"),
    Column("MODEL", flexible=True),
    Column("PROGRAM", flexible=True),
    Column("ABOUT", flexible=True),
]
_WORKING = [
    Column("RUN OR SESSION"),
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
            row["run"] or row["session"],
            row["subject"] or "",
            str(row["path"] or ""),
            str(row["target"] or ""),
            ago(_moment(row["started_at"]), screen),
            spent_text(spent_in(row)),
            row["waiting"] or "",
        ]
        for row in rows
    ]
    return table(_WORKING, cells, screen)


def session(found: AgentStatusResult, screen: Screen) -> list[str]:
    """One session and the end of what its agent said."""
    rows = [
        ("session", found.session_id),
        ("status", found.status),
        ("provider", " ".join(filter(None, (found.provider, found.model)))),
        ("started", ago(found.started_at, screen)),
        ("ended", "" if found.finished_at is None else ago(found.finished_at, screen)),
        ("run", " ".join(filter(None, (found.workflow_id, found.phase_id)))),
        ("error", found.last_error or ""),
    ]
    said = [clean(line.expandtabs()) for line in (found.output or "").splitlines()]
    return [*facts(rows, screen), *(["", *said] if said else [])]


def cancelled(_result: UnitResult, _screen: Screen) -> list[str]:
    """It was told to end."""
    return ["The agent was told to end."]


def _moment(given: Any) -> datetime.datetime | None:
    return given if isinstance(given, datetime.datetime) else parse_moment(given)
