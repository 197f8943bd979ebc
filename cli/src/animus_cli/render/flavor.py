"""``flavor`` commands."""

from animus_cli.table import Column, paragraph, table
from animus_cli.terminal import Screen
from animus_plugin_protocol.wire.control import FlavorListResult, FlavorUseResult

__all__ = ["installed", "used"]

_COLUMNS = [
    Column("FLAVOR"),
    Column("VERSION"),
    Column("ACTIVE"),
    Column("TITLE", flexible=True),
    Column("MISSING", flexible=True),
]


def installed(result: FlavorListResult, screen: Screen) -> list[str]:
    """The flavors, which one is active, and what each lacks."""
    if not result.flavors:
        return ["No flavor is installed. next: pip install animus-flavor-default"]
    rows = [
        [row.id, row.version, "yes" if row.active else "", row.title, ", ".join(row.missing)] for row in result.flavors
    ]
    return table(_COLUMNS, rows, screen)


def used(result: FlavorUseResult, screen: Screen) -> list[str]:
    """What was recorded, and what still has to be installed."""
    lines = paragraph(f"{result.manifest} now names the flavor {result.id!r}.", screen)
    if result.missing:
        lines += paragraph(f"Not installed yet: {', '.join(result.missing)}", screen)
    return [*lines, f"next: {result.install_command}"] if result.install_command else lines
