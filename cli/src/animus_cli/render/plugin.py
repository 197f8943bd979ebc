"""``plugin`` commands."""

import sys

from animus_cli.table import Column, paragraph, table
from animus_cli.terminal import Screen, clean
from animus_plugin_protocol.wire.control import PluginListResult, PluginRow, PluginTrustResult

__all__ = ["found", "trusted"]

_COLUMNS = [
    Column("PLUGIN"),
    Column("VERSION"),
    Column("KINDS", flexible=True),
    Column("ROLES", flexible=True),
    Column("SOURCE"),
    Column("NOTE", flexible=True),
]


def found(result: PluginListResult, screen: Screen) -> list[str]:
    """The plugins, what was left out, and which environments were searched."""
    lines = ["No plugin was found."]
    if result.plugins:
        rows = [
            [row.name, row.version or "", ",".join(row.kinds), ",".join(row.roles), row.source, _note(row)]
            for row in result.plugins
        ]
        lines = table(_COLUMNS, rows, screen)
    for row in result.plugins:
        if not row.trusted:
            lines += [
                clean(f"{row.name} is not trusted and is not run."),
                clean(f"next: animus plugin trust {row.location}"),
            ]
    for warning in result.warnings:
        lines += paragraph(f"warning: {warning.plugin}: {warning.message}", screen)
    lines += ["", "Searched:", *(f"  {clean(place)}" for place in result.searched)]
    return [*lines, f"Plugins for this environment are installed with: {sys.executable} -m pip install NAME"]


def trusted(result: PluginTrustResult, screen: Screen) -> list[str]:
    """What was trusted, and what ends it."""
    text = f"Trusted {result.path} as it is now (sha256 {result.sha256[:12]}…)."
    return paragraph(f"{text} If the file changes, it has to be trusted again.", screen)


def _note(row: PluginRow) -> str:
    if row.problem:
        return row.problem
    if not row.trusted:
        return "not trusted"
    return "" if row.in_flavor else "installed, not in flavor"
