"""What a project consists of here: its flavor, its packs, the plugins that were found, and who serves what."""

from typing import NamedTuple

import msgspec

from animus_composition.flavor import Flavor, check_roles, load_flavor
from animus_composition.manifest import load_manifest
from animus_composition.pack import Packs, resolve_packs
from animus_composition.roles import RoleTable, bind_roles
from animus_control.project import Project
from animus_plugin_runtime import Discovery, discover

__all__ = ["Assembly", "assemble"]


class Assembly(NamedTuple):
    """Everything that is decided before a plugin is started."""

    flavor: Flavor
    packs: Packs
    found: Discovery
    roles: RoleTable


def assemble(project: Project) -> Assembly:
    """Read manifest, flavor and packs, find the plugins and bind the roles. Blocks on files and manifest probes.

    Raises:
        ControlError: the manifest or the flavor cannot be used. Missing plugins are problems of the role table.
    """
    manifest = load_manifest(project)
    flavor = load_flavor(manifest.flavor)
    check_roles(project.manifest_path, manifest.roles)
    flavor = msgspec.structs.replace(flavor, roles=flavor.roles | manifest.roles)
    found = discover(project.root, project.config_dir)
    return Assembly(flavor, resolve_packs(project, manifest), found, bind_roles(flavor, found))
