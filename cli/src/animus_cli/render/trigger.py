"""``trigger`` commands."""

from animus_cli.table import Column, table
from animus_cli.terminal import Screen
from animus_plugin_protocol.wire.control import TriggerListResult

__all__ = ["page"]

_COLUMNS = [
    Column("TRIGGER"),
    Column("TYPE"),
    Column("WORKFLOW", flexible=True),
    Column("STATE", status=True),
    Column("FIRED", right=True),
    Column("WAITING", right=True),
    Column("PROBLEM", flexible=True),
]


def page(result: TriggerListResult, screen: Screen) -> list[str]:
    """A table of triggers."""
    if not result.triggers:
        return ["There are no triggers. They stand under triggers: in .animus/workflows.yaml."]
    rows = [
        [row.id, row.type, row.workflow_ref, "ready" if row.enabled else "disabled", str(row.fired), str(row.waiting),
         row.problem or ""]
        for row in result.triggers
    ]  # fmt: skip
    lines = table(_COLUMNS, rows, screen)
    hidden = result.total - len(rows)
    return lines if hidden <= 0 else [*lines, f"{len(rows)} of {result.total}; more with --offset"]
