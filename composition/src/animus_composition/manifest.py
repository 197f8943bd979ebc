"""``animus.toml``: what the project's authors chose, edited by hand."""

from typing import Any

import msgspec

from animus_composition.document import load_document
from animus_control.errors import ControlError
from animus_control.project import Project
from animus_plugin_runtime.durable import write_durably

__all__ = ["DEFAULT_FLAVOR", "PackPin", "ProjectManifest", "load_manifest", "set_flavor"]

DEFAULT_FLAVOR = "default"


class PackPin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[packs]]`` entry. `version` is exact, or ``builtin`` for the one installed with the kernel."""

    id: str
    version: str | None = None
    enabled: bool = True


class ProjectManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. A missing one means all defaults."""

    flavor: str = DEFAULT_FLAVOR
    packs: list[PackPin] | dict[str, Any] = []
    daemon: dict[str, Any] = {}
    roles: dict[str, str | list[str]] = {}
    """Laid over the flavor's: which plugin serves what in this project."""

    @property
    def pins(self) -> dict[str, PackPin]:
        """The pins by pack id."""
        return {pin.id: pin for pin in self.packs} if isinstance(self.packs, list) else {}


def load_manifest(project: Project) -> ProjectManifest:
    """The project's manifest.

    Raises:
        ControlError: ``invalid_request`` naming the file and what is wrong.
    """
    if not project.manifest_path.exists():
        return ProjectManifest()
    manifest = load_document(project.manifest_path, ProjectManifest)
    if isinstance(manifest.packs, dict):
        raise ControlError(
            "invalid_request",
            f"{project.manifest_path}: 'packs' is a table; write one [[packs]] entry for each pack, "
            f"with id = {next(iter(manifest.packs), 'PACK')!r}",
        )
    return manifest


def set_flavor(project: Project, flavor: str) -> None:
    """Record the flavor and leave everything else in the file, comments included, as it is."""
    import tomlkit  # noqa: PLC0415 - slow to import, and only this function needs it

    load_manifest(project)
    path = project.manifest_path
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    document["flavor"] = flavor
    write_durably(path, tomlkit.dumps(document).encode())
    path.chmod(0o644)  # a file of the repository, unlike our own state
