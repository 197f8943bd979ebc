"""What is installed and in force: plugins and packs."""

from typing import Any

from animus_cli.table import Column, facts, paragraph, table
from animus_cli.terminal import Screen, clean
from animus_plugin_protocol.wire.control import PluginRow

__all__ = ["pack", "packs", "plugin"]


def plugin(row: PluginRow, screen: Screen) -> list[str]:
    """Everything about a plugin, and what it takes to use it."""
    manifest = row.manifest
    lines = facts(
        [
            ("plugin", row.name),
            ("version", row.version or ""),
            ("about", manifest.description if manifest else ""),
            ("kinds", ", ".join(row.kinds)),
            ("roles", ", ".join(row.roles)),
            ("source", row.source),
            ("location", row.location),
            ("trusted", "yes" if row.trusted else "no"),
            ("capabilities", ", ".join(manifest.capabilities) if manifest else ""),
            ("environment", ", ".join(variable.name for variable in manifest.env_required) if manifest else ""),
            ("problem", row.problem or ""),
        ],
        screen,
    )
    if not row.trusted:
        lines.append(clean(f"next: animus plugin trust {row.location}"))
    return lines


def packs(record: dict[str, Any], screen: Screen) -> list[str]:
    """A table of packs."""
    rows = [
        [
            row["id"],
            row["version"],
            row["source"],
            ", ".join(row.get("subjects", {}).get("kinds", [])),
            ", ".join(row.get("workflows", {}).get("exports", [])),
        ]
        for row in record["packs"]
    ]
    columns = [
        Column("PACK"),
        Column("VERSION"),
        Column("SOURCE"),
        Column("SUBJECTS", flexible=True),
        Column("WORKFLOWS", flexible=True),
    ]
    lines = table(columns, rows, screen) if rows else ["No pack is in force."]
    lines += [record["more"]] if "more" in record else []
    for problem in record["problems"]:
        lines += paragraph(f"problem: {problem}", screen)
    return lines


def pack(record: dict[str, Any], screen: Screen) -> list[str]:
    """One pack."""
    projection = record.get("projection", {})
    return facts(
        [
            ("pack", f"{record['id']} {record['version']}"),
            ("title", record["title"]),
            ("about", record.get("description", "")),
            ("source", record["source"]),
            ("root", record["root"]),
            ("subjects", ", ".join(record.get("subjects", {}).get("kinds", []))),
            ("workflows", ", ".join(record.get("workflows", {}).get("exports", []))),
            ("projection", ", ".join(f"{run}: {status}" for run, status in projection.items())),
        ],
        screen,
    )
