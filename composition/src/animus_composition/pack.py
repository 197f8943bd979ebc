"""Packs: which ones this project has, where they lie, and what their manifests tell the kernel.

Resolution order: the project's override, the machine's installed packs, the wheels in this environment. The first
one with an id wins. The workflows inside a pack are the runner's business; the kernel reads the identity, the kinds
of subjects and the projection.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from animus_composition.document import load_document
from animus_composition.manifest import PackPin, ProjectManifest
from animus_control.errors import ControlError
from animus_control.project import Project
from animus_plugin_protocol.wire.dispatch import canonical_kind
from animus_plugin_protocol.wire.lifecycle import PackRoot
from animus_plugin_protocol.wire.subject import SubjectStatus
from animus_plugin_runtime.package import find_data_packages

__all__ = ["Pack", "PackManifest", "Packs", "resolve_packs"]

_GROUP = "animus.packs"
_FILE = "pack.toml"
_BUILTIN = "builtin"


RunStatus = Literal["pending", "running", "paused", "completed", "failed", "escalated", "cancelled"]


class Ownership(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the pack comes from: ``bundled``, ``installed`` or ``project``."""

    mode: str


class Subjects(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The kinds of subjects the pack owns."""

    kinds: list[str] = []


class Workflows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the workflow files lie and what others may name."""

    root: str = "workflows"
    exports: list[str] = []


class PackManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ``pack.toml``. `projection` maps a run's status to the status its subject gets."""

    schema: Literal["animus.pack.v1"]
    id: str
    version: str
    kind: str
    title: str
    ownership: Ownership
    description: str = ""
    subjects: Subjects = Subjects()
    workflows: Workflows = Workflows()
    projection: dict[RunStatus, SubjectStatus] = {}


class Pack(NamedTuple):
    """A pack in force."""

    root: Path
    source: str
    manifest: PackManifest

    def as_wire(self) -> PackRoot:
        """What a plugin is told about it at its start."""
        return PackRoot(id=self.manifest.id, version=self.manifest.version, root=str(self.root), source=self.source)


class Packs(NamedTuple):
    """The packs in force, and what was found and cannot be used."""

    packs: list[Pack]
    problems: list[str]

    def projection_for(self, kind: str) -> Mapping[str, SubjectStatus]:
        """Run status to subject status for subjects of `kind`; the first pack that owns the kind decides."""
        wanted = canonical_kind(kind)
        for pack in self.packs:
            if wanted in {canonical_kind(owned) for owned in pack.manifest.subjects.kinds}:
                return {str(status): shown for status, shown in pack.manifest.projection.items()}
        return {}


def resolve_packs(project: Project, manifest: ProjectManifest) -> Packs:
    """The packs of the project in resolution order. A broken one is named and stops only itself."""
    chosen: dict[str, Pack] = {}
    problems: list[str] = []
    for root, source in _candidates(project):
        try:
            found = load_document(root / _FILE, PackManifest)
        except ControlError as error:
            problems.append(error.message)
            continue
        if found.id not in chosen and _is_wanted(found, source, manifest.pins.get(found.id)):
            chosen[found.id] = Pack(root, source, found)
    for pin in manifest.pins.values():
        if pin.enabled and pin.id not in chosen:
            wanted = f"{pin.id!r} {pin.version or ''}".rstrip()
            problems.append(f"{project.manifest_path}: the pack {wanted} is pinned and was not found")
    return Packs(list(chosen.values()), problems)


def _is_wanted(found: PackManifest, source: str, pin: PackPin | None) -> bool:
    if pin is None:
        return True
    if pin.version == _BUILTIN:
        return pin.enabled and source == "bundled"
    return pin.enabled and pin.version in {None, found.version}


def _candidates(project: Project) -> Iterator[tuple[Path, str]]:
    for path in sorted((project.authored_dir / "plugins").glob(f"*/{_FILE}")):
        yield path.parent, "project"
    machine = (project.config_dir / "packs").glob(f"*/*/{_FILE}")
    for path in sorted(machine, key=lambda path: _version_key(path.parent.name), reverse=True):
        yield path.parent, "installed"
    for package in sorted(find_data_packages(_GROUP)):
        yield package.directory, "bundled"


def _version_key(text: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else -1 for part in text.split("."))
