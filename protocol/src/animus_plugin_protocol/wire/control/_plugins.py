"""Plugins and flavors, on the control socket."""

from typing import Annotated, Any

from msgspec import Meta

from animus_plugin_protocol.wire.lifecycle import PluginManifest
from animus_plugin_protocol.wire.presence import Wire, always

__all__ = [
    "CatalogueEntry",
    "CatalogueResult",
    "FlavorListResult",
    "FlavorRow",
    "FlavorUseParams",
    "FlavorUseResult",
    "PluginBrowseParams",
    "PluginCallParams",
    "PluginInfoResult",
    "PluginInstallParams",
    "PluginInstallResult",
    "PluginListParams",
    "PluginListResult",
    "PluginNameParams",
    "PluginPingResult",
    "PluginRow",
    "PluginSearchParams",
    "PluginTrustParams",
    "PluginTrustResult",
    "PluginUpdate",
    "PluginUpdateParams",
    "PluginUpdateResult",
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


class PluginNameParams(Wire, frozen=True, kw_only=True):
    """Which plugin."""

    name: Annotated[str, Meta(description="The plugin, as plugin list names it.")]


class PluginInfoResult(Wire, frozen=True, kw_only=True):
    """One plugin. Nobody signs plugins, so `signature_verified` is never true."""

    name: str
    version: str
    kind: str
    source: str | None = None
    signature_verified: bool = always(default=False)
    description: str | None = None
    binary_path: str | None = None


class PluginPingResult(Wire, frozen=True, kw_only=True):
    """Whether a plugin, started for it if need be, answers."""

    ok: bool
    latency_ms: int | None = None
    error: str | None = None


class PluginInstallParams(Wire, frozen=True, kw_only=True):
    """Install a distribution with plugins, packs or a flavor into the environment of this Animus."""

    source: Annotated[str, Meta(description="A name on the package index, or the path or address of a wheel.")]
    version: Annotated[str | None, Meta(description="Exactly this version.")] = None
    yes: Annotated[bool, Meta(description="Do it; without this, only say what would be done.")] = False
    allow_unsigned: Annotated[bool, Meta(description="Also what does not come from the package index.")] = False


class PluginInstallResult(Wire, frozen=True, kw_only=True):
    """The distribution, and what was done or, without `yes`, would be done."""

    plugin: str
    steps: list[str] = []
    installed: bool = always(default=False)


class PluginSearchParams(Wire, frozen=True, kw_only=True):
    """Look for plugins among what is installed and what the installed flavors name."""

    query: Annotated[str, Meta(description="Part of the name or the description.")]
    kind: Annotated[str | None, Meta(description="Only plugins of this kind.")] = None
    tag: Annotated[str | None, Meta(description="Only what has this tag, such as a flavor's name.")] = None


class PluginBrowseParams(Wire, frozen=True, kw_only=True):
    """All of it; with one of the two, only what is installed or only what is not."""

    kind: Annotated[str | None, Meta(description="Only plugins of this kind.")] = None
    installed: Annotated[bool, Meta(description="Only what is installed.")] = False
    available: Annotated[bool, Meta(description="Only what is not installed.")] = False


class CatalogueEntry(Wire, frozen=True, kw_only=True):
    """A plugin that is installed or could be. `tags` are the flavors that name it; `version` may be unknown."""

    id: str
    name: str
    version: str
    kind: str
    description: str | None = None
    url: str | None = None
    tags: list[str] = []
    installed: bool = always(default=False)


class CatalogueResult(Wire, frozen=True, kw_only=True):
    """What was found, by name."""

    entries: list[CatalogueEntry]


class PluginUpdateParams(Wire, frozen=True, kw_only=True):
    """Bring installed plugins to their latest version."""

    name: Annotated[str | None, Meta(description="The plugin; all that are installed if left out.")] = None
    tag: Annotated[str | None, Meta(description="Only what has this tag, such as a flavor's name.")] = None
    dry_run: Annotated[bool, Meta(description="Only say what would be done.")] = False


class PluginUpdate(Wire, frozen=True, kw_only=True):
    """One distribution with a newer version."""

    name: str
    from_version: str
    to_version: str
    applied: bool


class PluginUpdateResult(Wire, frozen=True, kw_only=True):
    """What changed or, in a dry run, would change."""

    updates: list[PluginUpdate]


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
