"""``workflow checkpoints`` commands."""

from typing import Any

from animus_cli.render.plugin import answered
from animus_cli.table import Column, ago, facts, parse_moment, table
from animus_cli.terminal import Screen
from animus_plugin_protocol.wire.control import CheckpointResult

__all__ = ["one", "page"]

_COLUMNS = [
    Column("CHECKPOINT", right=True),
    Column("BECAUSE"),
    Column("PHASE", flexible=True),
    Column("ATTEMPT", right=True),
    Column("STATUS", status=True),
    Column("TAKEN"),
]


def page(rows: list[dict[str, Any]], screen: Screen) -> list[str]:
    """A row per checkpoint."""
    cells = [
        [
            str(row.get("num")),
            str(row.get("reason") or ""),
            str(row.get("path") or row.get("phase_id") or ""),
            str(row.get("attempt") or ""),
            str(row.get("status") or ""),
            ago(parse_moment(row.get("created_at")), screen),
        ]
        for row in rows
    ]
    return table(_COLUMNS, cells, screen) if cells else ["There are no checkpoints."]


def one(result: CheckpointResult, screen: Screen) -> list[str]:
    """What the runner put into it, as JSON."""
    head = facts([("run", result.id), ("checkpoint", str(result.number))], screen)
    return [*head, "", *answered(result.blob, screen)]
