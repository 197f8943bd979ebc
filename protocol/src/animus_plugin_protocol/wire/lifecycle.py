"""Handshake, manifest and the methods every plugin shares (protocol sections 2 and 3)."""

from typing import Any

from animus_plugin_protocol.wire.dispatch import Actor
from animus_plugin_protocol.wire.presence import Wire, always, always_list, always_null

__all__ = [
    "CancelParams",
    "EnvRequirement",
    "HealthCheckResult",
    "HostCallsOffer",
    "HostCapabilities",
    "HostInfo",
    "InitExtensions",
    "InitializeParams",
    "InitializeResult",
    "KindCapability",
    "LogEntryNote",
    "McpTool",
    "PackRoot",
    "PluginCapabilities",
    "PluginInfo",
    "PluginManifest",
    "ProgressNote",
    "ProjectBinding",
]


class HostInfo(Wire, frozen=True, kw_only=True):
    """Who the host is."""

    name: str
    version: str


class HostCapabilities(Wire, frozen=True, kw_only=True):
    """What the host can take."""

    streaming: bool = always(default=False)
    progress: bool = always(default=False)
    cancellation: bool = always(default=False)


class ProjectBinding(Wire, frozen=True, kw_only=True):
    """The one project a plugin process serves for its whole life.

    ``state_dir`` is an extension of ours: the repo-scoped state directory the plugin keeps its files below.
    A host that does not send it leaves the plugin to derive ``~/.animus/<repo_scope>`` itself.
    """

    project_root: str = ""
    repo_scope: str = ""
    state_dir: str | None = None


class HostCallsOffer(Wire, frozen=True, kw_only=True):
    """The host answers ``host/call`` requests of plugins (our extension, version 1)."""

    version: int


class PackRoot(Wire, frozen=True, kw_only=True):
    """One resolved pack: where its ``pack.toml`` lies. ``source`` is ``project``, ``installed`` or ``bundled``."""

    id: str
    version: str
    root: str
    source: str = "bundled"


class InitExtensions(Wire, frozen=True, kw_only=True):
    """The extensions of ``initialize`` we know; unknown ones are skipped."""

    project_binding: ProjectBinding | None = None
    host_calls: HostCallsOffer | None = None
    actor: Actor | None = None
    packs: list[PackRoot] = []


class InitializeParams(Wire, frozen=True, kw_only=True):
    """What the host says first."""

    protocol_version: str
    host_info: HostInfo
    capabilities: HostCapabilities
    init_extensions: InitExtensions = InitExtensions()


class PluginInfo(Wire, frozen=True, kw_only=True):
    """Who the plugin is. ``plugin_kinds`` lists the kinds served besides the primary one."""

    name: str
    version: str
    plugin_kind: str
    plugin_kinds: list[str] = []
    description: str | None = None


class McpTool(Wire, frozen=True, kw_only=True):
    """A tool the plugin offers to agents."""

    name: str
    description: str | None = None
    input_schema: Any = None


class PluginCapabilities(Wire, frozen=True, kw_only=True):
    """What the plugin can do; ``methods`` holds wire methods and capability strings."""

    methods: list[str] = always_list()
    streaming: bool = always(default=False)
    progress: bool = always(default=False)
    cancellation: bool = always(default=False)
    projections: list[str] = []
    subject_kinds: list[str] = []
    mcp_tools: list[McpTool] = []


class KindCapability(Wire, frozen=True, kw_only=True):
    """The version of a kind's contract and that kind's own capability struct."""

    crate_version: str
    extra: Any = None


class InitializeResult(Wire, frozen=True, kw_only=True):
    """What the plugin answers to ``initialize``."""

    protocol_version: str
    plugin_info: PluginInfo
    capabilities: PluginCapabilities
    kind_capabilities: dict[str, KindCapability] = {}


class EnvRequirement(Wire, frozen=True, kw_only=True):
    """An environment variable the plugin wants forwarded."""

    name: str
    description: str | None = None
    sensitive: bool = always(default=False)
    required: bool = always(default=False)


class PluginManifest(Wire, frozen=True, kw_only=True):
    """What a plugin prints for ``--manifest``: everything a host needs before it runs the plugin."""

    name: str
    version: str
    plugin_kind: str
    description: str
    protocol_version: str
    plugin_kinds: list[str] = []
    capabilities: list[str] = always_list()
    env_required: list[EnvRequirement] = []
    notification_buffer_size: int | None = None
    supports_mcp: bool | None = None

    def serves_kind(self, kind: str) -> bool:
        """Whether this plugin serves `kind`, as its primary kind or as one of the others."""
        return self.plugin_kind == kind or kind in self.plugin_kinds


class HealthCheckResult(Wire, frozen=True, kw_only=True):
    """Status is ``healthy``, ``degraded`` or ``unhealthy``."""

    status: str
    uptime_ms: int | None = None
    memory_usage_bytes: int | None = None
    last_error: str | None = None


class CancelParams(Wire, frozen=True, kw_only=True):
    """Names the request to cancel by its id, exactly as it was sent (``"1"`` is not ``1``)."""

    id: Any


class ProgressNote(Wire, frozen=True, kw_only=True):
    """Progress of the request `id`."""

    id: Any
    value: Any


class LogEntryNote(Wire, frozen=True, kw_only=True):
    """One log line of a plugin; ``ts`` is RFC 3339 with microseconds and ``Z``."""

    level: str
    target: str
    message: str
    ts: str
    fields: Any = always_null()
