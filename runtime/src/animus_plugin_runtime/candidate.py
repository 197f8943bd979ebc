"""A plugin that was found, whether or not it can be used."""

from pathlib import Path

import msgspec

from animus_plugin_protocol.wire.lifecycle import PluginManifest

__all__ = ["PREFIX", "Candidate", "Source", "short_name"]

PREFIX = "animus-"


class Source:
    """Where a plugin was found, in the order in which places win."""

    PROJECT = "project"
    REGISTRY = "registry"
    USER = "user"
    ENVIRONMENT = "environment"
    PATH = "path"


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One plugin that was found.

    Attributes:
        name: short, without ``animus-`` and without a file suffix.
        source: one of `Source`.
        argv: how it is started; ``--manifest`` is appended to ask for its manifest.
        path: the file that runs, or the metadata directory of the distribution.
        fingerprint: changes when the program changes.
        distribution, version: of an installed distribution.
        trusted: whether it may run at all.
        sha256: of the trusted file; checked again right before it is started.
        manifest: what it says of itself; None before it was asked and when it did not say.
        problem: why it cannot be used, and what to do.
        shadowed_by: where the plugin of the same name that wins was found.
    """

    name: str
    source: str
    argv: tuple[str, ...]
    path: Path
    fingerprint: str
    distribution: str | None = None
    version: str | None = None
    trusted: bool = True
    sha256: str | None = None
    manifest: PluginManifest | None = None
    problem: str | None = None
    shadowed_by: str | None = None

    @property
    def is_usable(self) -> bool:
        """Whether it may be started: trusted, asked, nothing wrong, not shadowed."""
        return self.trusted and self.problem is None and self.shadowed_by is None and self.manifest is not None

    def serves(self, kind: str) -> bool:
        """Whether its manifest names `kind`."""
        return self.manifest is not None and self.manifest.serves_kind(kind)

    def answers_to(self, name: str) -> bool:
        """Whether `name` means this plugin: its short name, its manifest's, or a provider's tool name."""
        manifest_name = "" if self.manifest is None else self.manifest.name
        return short_name(name) in {self.name, short_name(manifest_name)} or self.name == f"provider-{name}"


def short_name(name: str) -> str:
    """``animus-queue-default.py`` and ``queue-default`` are the same plugin."""
    stem = name[:-3] if name.endswith((".py", ".sh")) else name
    return stem.removeprefix(PREFIX)
