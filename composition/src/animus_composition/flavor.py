"""Flavors: a chosen set of plugins and packs, and which plugin serves which role.

The format of ``flavor.toml`` is defined in the README of the default flavor's wheel. A wheel is found through the
entry-point group ``animus.flavors`` and read as data.
"""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from animus_composition.document import REPAIRED, load_document
from animus_composition.limits import PluginLimits
from animus_control.errors import ControlError, missing_plugin
from animus_plugin_runtime.package import find_data_packages

__all__ = [
    "Flavor",
    "FlavorFile",
    "Need",
    "Section",
    "check_roles",
    "find_flavors",
    "install_command",
    "load_flavor",
    "missing_distributions",
]

_GROUP = "animus.flavors"
_DISTRIBUTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Distributions to install, and with that, for what they are needed."""

    required: list[str] = []
    recommended: list[str] = []


class Flavor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ``flavor.toml``."""

    schema: Literal["animus.flavor.v1"]
    id: str
    version: str
    title: str
    roles: dict[str, str | list[str]]
    description: str = ""
    queue: Section = Section()
    workflow_runner: Section = Section()
    config_source: Section = Section()
    workflow_journal: Section = Section()
    subjects: Section = Section()
    providers: Section = Section()
    transports: Section = Section()
    ui: Section = Section()
    triggers: Section = Section()
    packs: Section = Section()
    limits: dict[str, PluginLimits] = {}

    def needs(self) -> "Iterator[Need]":
        """Every distribution that is asked for, once, with the first section that asks for it."""
        seen: set[str] = set()
        for name in self.__struct_fields__:
            section = getattr(self, name)
            if not isinstance(section, Section):
                continue
            for required, rows in ((True, section.required), (False, section.recommended)):
                for row in rows:
                    if row not in seen:
                        seen.add(row)
                        yield Need(row, name, required)

    def bound(self, role: str) -> list[str]:
        """The plugins bound to `role`, in order of preference."""
        value = self.roles.get(role, [])
        return [value] if isinstance(value, str) else value


class Need(NamedTuple):
    """A distribution that a flavor asks for."""

    distribution: str
    section: str
    required: bool


class FlavorFile(NamedTuple):
    """An installed flavor, or why it cannot be used."""

    id: str
    flavor: Flavor | None
    problem: str | None


def find_flavors() -> list[FlavorFile]:
    """The flavors installed in this environment; one that cannot be read comes with the reason."""
    found: list[FlavorFile] = []
    for name, _, folder, _ in find_data_packages(_GROUP):
        path = folder / "flavor.toml"
        try:
            found.append(FlavorFile(name, _checked(name, path), None))
        except ControlError as error:
            found.append(FlavorFile(name, None, error.message))
    return sorted(found)


def load_flavor(flavor_id: str) -> Flavor:
    """The installed flavor `flavor_id`.

    Raises:
        ControlError: ``unavailable`` with the install command; ``invalid_request`` when its file is broken.
    """
    files = {file.id: file for file in find_flavors()}
    file = files.get(flavor_id)
    if file is None:
        command = install_command([f"animus-flavor-{flavor_id}"])
        raise missing_plugin(f"flavor {flavor_id!r} is not installed ({', '.join(files) or 'no flavor'} is)", command)
    if file.flavor is None:
        raise ControlError("invalid_request", f"the flavor {flavor_id!r} cannot be used: {file.problem}")
    return file.flavor


def missing_distributions(flavor: Flavor, *, required: bool = True) -> list[Need]:
    """What the flavor asks for and this environment does not have."""
    import importlib.metadata  # noqa: PLC0415 - slow to import

    missing: list[Need] = []
    for need in flavor.needs():
        match = _DISTRIBUTION.match(need.distribution)
        try:
            if need.required is required and match is not None:
                importlib.metadata.distribution(match[0])
        except importlib.metadata.PackageNotFoundError:
            missing.append(need)
    return missing


def install_command(distributions: list[str]) -> str:
    """The command that installs into the environment this program runs in."""
    return shlex.join([sys.executable, "-m", "pip", "install", *distributions])


def _checked(name: str, path: Path) -> Flavor:
    flavor = load_document(path, Flavor)
    if flavor.id != name:
        raise ControlError("invalid_request", f"{path}: id is {flavor.id!r}, but it is installed as {name!r}")
    for need in flavor.needs():
        if "/" in need.distribution:
            message = f"{path}: {need.distribution!r} in {need.section!r} is an owner/repository slug, no distribution"
            raise ControlError("invalid_request", message)
    check_roles(path, flavor.roles)
    return flavor


def check_roles(path: Path, roles: dict[str, str | list[str]]) -> None:
    """Refuse several holders for a role that can have one only, and holders of what is no role."""
    for role, value in roles.items():
        fault = None
        if role == "trigger_backend":
            fault = "'trigger_backend' is no role: every trigger plugin that is there is in use; remove it"
        elif isinstance(value, list) and role != "provider":
            fault = f"role {role!r} has one holder, so its value is one name"
        if fault is not None:
            raise ControlError("invalid_request", f"{path}: {fault}", next_step=REPAIRED)
