"""Plugins and flavors, on the control socket."""

from typing import Annotated, Any

from msgspec import Meta

from animus_plugin_protocol.wire.lifecycle import PluginManifest
from animus_plugin_protocol.wire.presence import Wire, always

__all__ = [
    "FlavorListResult",
    "FlavorRow",
    "FlavorUseParams",
    "FlavorUseResult",
    "PluginCallParams",
    "PluginListParams",
    "PluginListResult",
    "PluginRow",
    "PluginTrustParams",
    "PluginTrustResult",
    "PluginWarning",
]


class PluginListParams(Wire, frozen=True, kw_only=True):
    """Which plugins."""

    kind: Annotated[str | None, Meta(description="Only plugins of this kind.")] = None
    limit: Annotated[int, Meta(description="Rows a page.", ge=1)] = 50
    offset: Annotated[int, Meta(description="Rows to leave out.", ge=0)] = 0


class PluginRow(Wire, frozen=True, kw_only=True):
    """A plugin that was found. Source: ``project``, ``user``, ``installed`` or ``path``."""

    name: str
    source: str
    location: str
    trusted: bool
    kinds: list[str] = []
    version: str | None = None
    roles: list[str] = []
    in_flavor: bool = always(default=False)
    problem: str | None = None
    manifest: PluginManifest | None = None


class PluginWarning(Wire, frozen=True, kw_only=True):
    """Something about a plugin that was found and not used."""

    plugin: str
    message: str


class PluginListResult(Wire, frozen=True, kw_only=True):
    """What was found, in the environments searched; `total` counts the matches before paging."""

    plugins: list[PluginRow]
    total: int
    warnings: list[PluginWarning] = []
    searched: list[str] = []


class PluginCallParams(Wire, frozen=True, kw_only=True):
    """Call a method of one plugin, named as `plugin list` names it."""

    name: Annotated[str, Meta(description="The plugin.")]
    method: Annotated[str, Meta(description="The method, for example queue/stats.")]
    params: Annotated[Any, Meta(description="The method's params, JSON.")] = None


class PluginTrustParams(Wire, frozen=True, kw_only=True):
    """Trust a plugin shipped in a repository, as it is now."""

    path: Annotated[str, Meta(description="The plugin's file.")]


class PluginTrustResult(Wire, frozen=True, kw_only=True):
    """What was trusted."""

    path: str
    sha256: str


class FlavorRow(Wire, frozen=True, kw_only=True):
    """A flavor that is installed."""

    id: str
    version: str
    title: str
    active: bool
    missing: list[str] = []


class FlavorListResult(Wire, frozen=True, kw_only=True):
    """The flavors found; `total` counts them before paging."""

    flavors: list[FlavorRow]
    total: int


class FlavorUseParams(Wire, frozen=True, kw_only=True):
    """Make a flavor this project's."""

    id: Annotated[str, Meta(description="The flavor.")]


class FlavorUseResult(Wire, frozen=True, kw_only=True):
    """What was recorded, and what is still missing with the command that installs it."""

    id: str
    manifest: str
    missing: list[str] = []
    install_command: str | None = None
