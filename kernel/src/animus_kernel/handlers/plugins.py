"""Plugins that were found, and trusting the ones a repository brought."""

from pathlib import Path
from typing import Any

import msgspec

from animus_composition.assembly import assemble
from animus_composition.roles import RoleTable
from animus_control.errors import ControlError
from animus_control.project import Project
from animus_kernel.kernel import Kernel
from animus_kernel.routing.seam import CALL_SECONDS
from animus_plugin_protocol.wire import control
from animus_plugin_runtime import Candidate, Discovery, TrustStore, discover
from animus_plugin_runtime.errors import TrustError

__all__ = ["call", "list_plugins", "trust"]


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


async def call(kernel: Kernel, params: control.PluginCallParams) -> Any:
    """Whatever a plugin answers to a method."""
    connection = await kernel.plugins.connection_named(params.name)
    return msgspec.json.decode(await connection.call_raw(params.method, params.params, timeout_seconds=CALL_SECONDS))


def trust(project: Project, params: control.PluginTrustParams) -> control.PluginTrustResult:
    """Trust a file as it is now."""
    path = Path(params.path).absolute() if Path(params.path).exists() else project.root / params.path
    try:
        digest = TrustStore(project.config_dir / "trust.json").trust(path)
    except TrustError as error:
        raise ControlError("not_found" if not path.exists() else "invalid_request", str(error)) from error
    return control.PluginTrustResult(path=str(path), sha256=digest)


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
