"""``plugin`` commands."""

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import msgspec

from animus_cli.table import Column, paragraph, table
from animus_cli.terminal import Screen, clean
from animus_plugin_protocol.wire.control import PluginListResult, PluginPingResult, PluginRow, PluginTrustResult

__all__ = ["answered", "found", "pinged", "trusted"]

_QUOTED = re.compile(r"'([^']+)' was skipped")
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
        if len(rows) < result.total:
            lines.append(f"{len(rows)} of {result.total}; more with --offset")
    for row in result.plugins:
        if not row.trusted:
            lines += [
                clean(f"{row.name} is not trusted and is not run."),
                clean(f"next: animus plugin trust {row.location}"),
            ]
    for warning in result.warnings:
        about = f"{warning.plugin}: " if warning.plugin else ""
        lines += paragraph(f"warning: {about}{warning.message}", screen)
        path = _without_x(warning.message)
        if path is not None:
            lines.append(clean(f"next: chmod +x {shlex.quote(path)}"))
    lines += ["", "Searched:", *(f"  {clean(place)}" for place in result.searched)]
    return [*lines, f"Plugins for this environment are installed with: {sys.executable} -m pip install NAME"]


def answered(result: Any, _screen: Screen) -> list[str]:
    """What a plugin answered, as JSON."""
    return ["".join(letter if letter.isprintable() else " " for letter in line) for line in _pretty(result)]


def _pretty(value: Any) -> list[str]:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode().splitlines()


def trusted(result: PluginTrustResult, screen: Screen) -> list[str]:
    """What was trusted, and what ends it."""
    text = f"Trusted {result.path} as it is now (sha256 {result.sha256[:12]}…)."
    return paragraph(f"{text} If the file changes, it has to be trusted again.", screen)


def pinged(result: PluginPingResult, _screen: Screen) -> list[str]:
    """How long it took."""
    return [f"It answered in {result.latency_ms} ms."]


def _note(row: PluginRow) -> str:
    if not row.trusted:
        return "not trusted"
    if row.problem:
        return row.problem
    return "" if row.in_flavor else "holds no role: name it in [roles] of animus.toml"


def _without_x(message: str) -> str | None:
    """The file that a warning is about if it would be a plugin with its executable bit."""
    found = _QUOTED.match(message)
    is_plain = found is not None and Path(found[1]).is_file() and not os.access(found[1], os.X_OK)
    return found[1] if found is not None and is_plain else None
