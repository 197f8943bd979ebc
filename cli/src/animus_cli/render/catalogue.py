"""``plugin search``, ``browse``, ``install``, ``uninstall`` and ``update``."""

from animus_cli.table import Column, table
from animus_cli.terminal import Screen, clean
from animus_plugin_protocol.wire.control import CatalogueResult, PluginInstallResult, PluginUpdateResult, UnitResult

__all__ = ["installed", "page", "uninstalled", "updated"]

_COLUMNS = [
    Column("PLUGIN"),
    Column("VERSION"),
    Column("KIND"),
    Column("INSTALLED"),
    Column("FLAVORS", flexible=True),
    Column("ABOUT", flexible=True),
]
_NEXT = "next: animus daemon restart"


def page(result: CatalogueResult, screen: Screen) -> list[str]:
    """A table of plugins."""
    if not result.entries:
        return ["No such plugin is installed or named by an installed flavor."]
    rows = [
        [row.name, row.version, row.kind, "yes" if row.installed else "no", ",".join(row.tags), row.description or ""]
        for row in result.entries
    ]
    missing = [row.id for row in result.entries if not row.installed]
    return [*table(_COLUMNS, rows, screen), *([clean(f"next: animus plugin install {missing[0]}")] if missing else [])]


def installed(result: PluginInstallResult, _screen: Screen) -> list[str]:
    """What was done, or what would be."""
    if result.installed:
        return [clean(f"Installed {result.plugin}. A daemon that runs does not use it yet."), _NEXT]
    steps = [clean(f"  {step}") for step in result.steps]
    return [clean(f"To install {result.plugin}:"), *steps, clean(f"next: animus plugin install {result.plugin} --yes")]


def uninstalled(_result: UnitResult, _screen: Screen) -> list[str]:
    """It is gone."""
    return ["Removed. A daemon that runs still uses it.", _NEXT]


def updated(result: PluginUpdateResult, screen: Screen) -> list[str]:
    """From which version to which."""
    if not result.updates:
        return ["Everything is at its latest version."]
    rows = [[row.name, row.from_version, row.to_version, "yes" if row.applied else "no"] for row in result.updates]
    lines = table([Column("DISTRIBUTION"), Column("FROM"), Column("TO"), Column("DONE")], rows, screen)
    return [*lines, _NEXT] if any(row.applied for row in result.updates) else lines
