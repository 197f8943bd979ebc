"""``daemon config`` and ``daemon preflight``: what the next daemon starts with, and whether it could start."""

from typing import Any

import click
import msgspec

from animus_cli.commands.plain import command
from animus_cli.diagnosis.agents import check_environment
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.table import Column, facts, paragraph, table
from animus_cli.terminal import Screen
from animus_composition.manifest import load_manifest
from animus_composition.settings import RUNS_PER_RUNNER, load_settings, save_settings
from animus_kernel.serving.instance import instance_holder

__all__ = ["ROLE_MISSING", "config", "preflight"]

ROLE_MISSING = 2
"""Exit code of ``daemon preflight`` when a role that is needed has no plugin."""


@command(
    "config",
    "Show what a daemon starts with; options store new values.",
    click.Option(
        ["--pool-size"],
        type=click.IntRange(min=1, max=RUNS_PER_RUNNER),
        metavar="N",
        help="Runs under way at once; runs that wait for somebody do not count.",
    ),
    click.Option(
        ["--heartbeat-secs", "heartbeat_seconds"],
        type=click.FloatRange(min=1),
        metavar="N",
        help="How often the daemon compares the queue with what it knows.",
    ),
    click.Option(
        ["--plugin-processes"],
        type=click.IntRange(min=4),
        metavar="N",
        help="Plugin processes at once; an idle one makes room for one that is needed.",
    ),
)
def config(
    invocation: Invocation, *, pool_size: int | None, heartbeat_seconds: float | None, plugin_processes: int | None
) -> None:
    """Read the settings, or store some. A living daemon keeps its own until it is restarted."""
    project = invocation.project()
    options = {
        "pool_size": pool_size,
        "heartbeat_seconds": heartbeat_seconds,
        "plugin_processes": plugin_processes,
    }
    given = {name: value for name, value in options.items() if value is not None}
    fixed = sorted(given.keys() & load_manifest(project).daemon.keys())
    if fixed:
        raise CommandError(
            "conflict",
            f"{', '.join(fixed)} stands in [daemon] of {project.manifest_path}, and what stands there wins",
            next_step=f"edit {project.manifest_path}",
        )
    settings = load_settings(project, **given)
    if given:
        project.ensure_state()
        save_settings(project, settings)
    holder = instance_holder(project)
    restart = bool(given) and holder is not None
    record = msgspec.structs.asdict(settings) | {"stored": sorted(given), "takes_a_restart": restart}
    invocation.show(record, lambda screen: _settings_lines(record, screen))


@command(
    "preflight", "Say whether a daemon could start: every role and its plugin. Ends with 2 if a needed one is missing."
)
def preflight(invocation: Invocation) -> int:
    """Bind the roles without starting anything."""
    from animus_composition.assembly import assemble  # noqa: PLC0415 - start-up: help pages need no discovery
    from animus_composition.roles import REQUIRED_ROLES  # noqa: PLC0415 - as above

    assembly = assemble(invocation.project())
    roles = assembly.roles
    missing = [
        {
            "role": role,
            "required": role in REQUIRED_ROLES,
            "problem": error.message,
            "install_command": error.remediation.get("install_command"),
        }
        for role, error in roles.problems.items()
    ]
    bound = {role: holder.name for role, holder in roles.holders.items()}
    bound |= {"provider": ", ".join(plugin.name for plugin in roles.providers)} if roles.providers else {}
    is_satisfied = not any(row["required"] for row in missing)
    warnings = [finding._asdict() for finding in check_environment(assembly)]
    record = {"schema": "animus.daemon.preflight.v1", "ok": is_satisfied, "satisfied": bound, "missing": missing}
    record["warnings"] = warnings
    invocation.show(record, lambda screen: _preflight_lines(record, screen))
    return 0 if is_satisfied else ROLE_MISSING


def _settings_lines(record: dict[str, Any], screen: Screen) -> list[str]:
    lines = facts(
        [
            ("pool size", str(record["pool_size"])),
            ("heartbeat", f"{record['heartbeat_seconds']:.0f} s"),
            ("paused", "yes" if record["paused"] else "no"),
        ],
        screen,
    )
    return [*lines, "next: animus daemon restart"] if record["takes_a_restart"] else lines


def _preflight_lines(record: dict[str, Any], screen: Screen) -> list[str]:
    rows = [[role, "ok", plugin] for role, plugin in sorted(record["satisfied"].items())]
    rows += [[row["role"], "error" if row["required"] else "warning", row["problem"]] for row in record["missing"]]
    lines = table([Column("ROLE"), Column("STATE", status=True), Column("PLUGIN", flexible=True)], rows, screen)
    for row in record["missing"]:
        lines += ["", *paragraph(row["problem"], screen)]
        if row["install_command"]:
            lines.append(f"next: {row['install_command']}")
    for finding in record["warnings"]:
        lines += ["", *paragraph(f"warning: {finding['message']}", screen), f"next: {finding['fix_command']}"]
    return lines if record["missing"] else [*lines, "", "A daemon can start. next: animus daemon start"]
