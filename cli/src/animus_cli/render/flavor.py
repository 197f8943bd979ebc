"""``flavor`` commands."""

from typing import Any

from animus_cli.table import Column, facts, paragraph, table
from animus_cli.terminal import Screen
from animus_plugin_protocol.wire.control import FlavorListResult, FlavorUseResult

__all__ = ["contents", "current", "difference", "installed", "used"]

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


def current(record: dict[str, Any], screen: Screen) -> list[str]:
    """The flavor and the holders of its roles."""
    lines = facts([("flavor", f"{record['id']} {record['version']}"), ("title", record["title"])], screen)
    rows = [[role, name] for role, name in record["roles"].items()]
    rows += [["provider", name] for name in record["providers"]]
    lines += ["", *table([Column("ROLE"), Column("PLUGIN", flexible=True)], rows, screen)]
    for problem in record["problems"]:
        lines += paragraph(f"problem: {problem}", screen)
    return [*lines, "next: animus daemon preflight"] if record["problems"] else lines


def contents(record: dict[str, Any], screen: Screen) -> list[str]:
    """What a flavor asks for."""
    lines = facts(
        [
            ("flavor", f"{record['id']} {record['version']}"),
            ("title", record["title"]),
            ("about", record["description"]),
        ],
        screen,
    )
    rows = [[role, ", ".join(names)] for role, names in sorted(record["roles"].items())]
    lines += ["", *table([Column("ROLE"), Column("PLUGIN", flexible=True)], rows, screen)]
    columns = [Column("DISTRIBUTION"), Column("FOR"), Column("NEEDED"), Column("INSTALLED")]
    needs = [
        [
            need["distribution"],
            need["section"],
            "required" if need["required"] else "recommended",
            "yes" if need["installed"] else "no",
        ]
        for need in record["needs"]
    ]
    return [*lines, "", *table(columns, needs, screen)]


def difference(record: dict[str, Any], screen: Screen) -> list[str]:
    """How the project differs from a flavor."""
    if not record["missing"] and not record["roles"] and not record["without_role"]:
        return [f"This project is as the flavor {record['flavor']!r} says."]
    lines: list[str] = []
    if record["roles"]:
        rows = [
            [row["role"], ", ".join(row["flavor"]) or "-", ", ".join(row["project"]) or "-"] for row in record["roles"]
        ]
        lines += table([Column("ROLE"), Column("FLAVOR", flexible=True), Column("HERE", flexible=True)], rows, screen)
    if record["without_role"]:
        lines += paragraph(f"Found and in no role: {', '.join(record['without_role'])}", screen)
    if record["missing"]:
        lines += paragraph(f"Not installed: {', '.join(record['missing'])}", screen)
        lines.append(f"next: {record['install_command']}")
    return lines
