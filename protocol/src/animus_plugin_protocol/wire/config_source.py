"""The config_source kind (protocol section 10)."""

from typing import Any

from animus_plugin_protocol.wire.dispatch import Actor
from animus_plugin_protocol.wire.presence import Wire, always

__all__ = [
    "CacheToken",
    "ConfigChangedNote",
    "ConfigDiagnostic",
    "ConfigLoadParams",
    "ConfigLoadResult",
    "ConfigModel",
    "ConfigValidateResult",
    "ConfigWriteParams",
    "ConfigWriteResult",
]


class ConfigLoadParams(Wire, frozen=True, kw_only=True):
    """Which project's configuration is meant (load and validate)."""

    project_root: str
    repo_scope: str | None = None
    actor: Actor | None = None


class ConfigModel(Wire, frozen=True, kw_only=True):
    """The compiled configuration: schema ``animus.workflow-config.v2``, version 2."""

    schema: str
    version: int
    config: Any


class CacheToken(Wire, frozen=True, kw_only=True):
    """Equal configurations have equal versions; `external_inputs` marks what the version cannot see."""

    version: str
    external_inputs: bool = always(default=False)


class ConfigLoadResult(Wire, frozen=True, kw_only=True):
    """The configuration and its token."""

    config: ConfigModel
    cache_token: CacheToken


class ConfigDiagnostic(Wire, frozen=True, kw_only=True):
    """A finding; severity is ``error`` or ``warning``. Lines and columns count from 1."""

    severity: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None


class ConfigValidateResult(Wire, frozen=True, kw_only=True):
    """All findings; none means the configuration is good."""

    diagnostics: list[ConfigDiagnostic] = []


class ConfigWriteParams(Wire, frozen=True, kw_only=True):
    """Replace the configuration (capability ``config_write``)."""

    project_root: str
    config: Any
    repo_scope: str | None = None


class ConfigWriteResult(Wire, frozen=True, kw_only=True):
    """The token of what was written."""

    cache_token: CacheToken | None = None


class ConfigChangedNote(Wire, frozen=True, kw_only=True):
    """The configuration changed (capability ``config_watch``)."""

    version: str | None = None
