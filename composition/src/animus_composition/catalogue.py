"""The plugins there are: found in the places that are searched, or named by an installed flavor and still missing.

These are the operations ``plugin/list``, ``info``, ``search``, ``browse`` and ``trust``. They need neither a daemon nor
the network: there is no index of plugins, and what a flavor names is what is known of the world.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from animus_composition.assembly import assemble
from animus_composition.flavor import Flavor, find_flavors
from animus_composition.roles import RoleTable
from animus_control.errors import ControlError
from animus_control.project import Project
from animus_plugin_protocol.wire import control
from animus_plugin_runtime import Candidate, Discovery, TrustStore, discover
from animus_plugin_runtime.errors import TrustError

__all__ = ["browse", "candidate_named", "info", "list_plugins", "search", "tags_of", "trust"]

_KINDS = {
    "subjects": "subject_backend",
    "providers": "provider",
    "transports": "transport_backend",
    "triggers": "trigger_backend",
    "packs": "pack",
}
"""A section of a flavor and the kind of what it asks for, where the two are not the same word."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def list_plugins(project: Project, params: control.PluginListParams) -> control.PluginListResult:
    """Every plugin, used or not, and why not; the flavor may be broken and the list still be there."""
    warnings: list[control.PluginWarning] = []
    roles: RoleTable | None = None
    found: Discovery
    try:
        _, _, found, roles = assemble(project)
    except ControlError as error:
        warnings.append(control.PluginWarning(plugin="", message=error.message))
        found = discover(project.root, project.config_dir)
    rows = [_row(plugin, roles) for plugin in found.plugins if params.kind is None or plugin.serves(params.kind)]
    page = rows[params.offset : params.offset + params.limit]
    warnings += [control.PluginWarning(plugin="", message=message) for message in found.warnings]
    return control.PluginListResult(plugins=page, total=len(rows), warnings=warnings, searched=found.searched)


def info(project: Project, params: control.PluginNameParams) -> control.PluginInfoResult:
    """One plugin, the one that wins its name."""
    plugin = candidate_named(project, params.name)
    manifest = plugin.manifest
    return control.PluginInfoResult(
        name=plugin.name,
        version=(manifest.version if manifest else plugin.version) or "",
        kind=manifest.plugin_kind if manifest else "",
        source=plugin.source,
        description=(manifest.description if manifest else None) or plugin.problem,
        binary_path=str(plugin.path),
    )


def search(project: Project, params: control.PluginSearchParams) -> control.CatalogueResult:
    """What is installed or named by a flavor and has the words in its name or description."""
    words = params.query.casefold()
    entries = [
        entry
        for entry in _entries(project)
        if words in f"{entry.id} {entry.name} {entry.description or ''}".casefold()
        and params.kind in {None, entry.kind}
        and (params.tag is None or params.tag in entry.tags)
    ]
    return control.CatalogueResult(entries=entries)


def browse(project: Project, params: control.PluginBrowseParams) -> control.CatalogueResult:
    """All of it, or the installed part, or the rest."""
    wanted = {params.installed, not params.available} if params.installed != params.available else {True, False}
    entries = [entry for entry in _entries(project) if entry.installed in wanted and params.kind in {None, entry.kind}]
    return control.CatalogueResult(entries=entries)


def trust(project: Project, params: control.PluginTrustParams) -> control.PluginTrustResult:
    """Trust a file as it is now."""
    path, here = project.root / params.path, Path(params.path).absolute()
    try:
        path = here if here.exists() else path
        digest = TrustStore(project.config_dir / "trust.json").trust(path)
    except (TrustError, ValueError, OSError) as error:
        message = f"{params.path!r} cannot be trusted: {error}"
        missing = isinstance(error, TrustError) and not path.exists()
        raise ControlError("not_found" if missing else "invalid_request", message) from error
    return control.PluginTrustResult(path=str(path), sha256=digest)


def candidate_named(project: Project, name: str) -> Candidate:
    """The plugin called `name`.

    Raises:
        ControlError: ``not_found``, with the names there are.
    """
    plugins = discover(project.root, project.config_dir).plugins
    named = [plugin for plugin in plugins if plugin.answers_to(name)]
    if not named:
        known = ", ".join(plugin.name for plugin in plugins) or "none"
        raise ControlError("not_found", f"there is no plugin {name!r}; found are: {known}")
    return next((plugin for plugin in named if plugin.shadowed_by is None), named[0])


def tags_of(distribution: str) -> list[str]:
    """The installed flavors that name a distribution."""
    flavors = (file.flavor for file in find_flavors())
    return [flavor.id for flavor in flavors if flavor is not None and distribution in _distributions(flavor)]


def _entries(project: Project) -> list[control.CatalogueEntry]:
    here = [_installed(plugin) for plugin in discover(project.root, project.config_dir).plugins]
    known = {entry.id for entry in here}
    missing: dict[str, control.CatalogueEntry] = {}
    for file in find_flavors():
        for name, section in _distributions(file.flavor).items() if file.flavor else ():
            if name not in known and section != "packs":
                kind = _KINDS.get(section, section)
                missing[name] = control.CatalogueEntry(
                    id=name, name=name.removeprefix("animus-"), version="", kind=kind, tags=tags_of(name)
                )
    return sorted([*here, *missing.values()], key=lambda entry: entry.name)


def _installed(plugin: Candidate) -> control.CatalogueEntry:
    manifest = plugin.manifest
    return control.CatalogueEntry(
        id=plugin.distribution or str(plugin.path),
        name=plugin.name,
        version=(manifest.version if manifest else plugin.version) or "",
        kind=manifest.plugin_kind if manifest else "",
        description=manifest.description if manifest else plugin.problem,
        tags=tags_of(plugin.distribution) if plugin.distribution else [],
        installed=True,
    )


def _distributions(flavor: Flavor) -> dict[str, str]:
    """What a flavor names, without versions, and the first section that does."""
    matches: Iterator[tuple[re.Match[str] | None, str]] = (
        (_NAME.match(need.distribution), need.section) for need in flavor.needs()
    )
    return {match[0]: section for match, section in matches if match is not None}


def _row(plugin: Candidate, roles: RoleTable | None) -> control.PluginRow:
    held = roles.roles_of(plugin.name) if roles is not None and plugin.is_usable else []
    manifest = plugin.manifest
    shadowed = f"shadowed by {plugin.shadowed_by}" if plugin.shadowed_by else None
    return control.PluginRow(
        name=plugin.name,
        source=plugin.source,
        location=plugin.distribution or str(plugin.path),
        trusted=plugin.trusted,
        kinds=[manifest.plugin_kind, *manifest.plugin_kinds] if manifest else [],
        version=manifest.version if manifest else plugin.version,
        roles=held,
        in_flavor=bool(held),
        problem=plugin.problem or shadowed,
        manifest=manifest,
    )
