"""Flavors that are installed, and which one is the project's."""

from animus_kernel.flavor import find_flavors, install_command, load_flavor, missing_distributions
from animus_kernel.manifest import load_manifest, set_flavor
from animus_kernel.project import Project
from animus_plugin_protocol.wire import control

__all__ = ["list_flavors", "use"]


def list_flavors(project: Project, _: control.EmptyParams) -> control.FlavorListResult:
    """The installed flavors; a broken one shows what is wrong with it."""
    active = load_manifest(project).flavor
    rows: list[control.FlavorRow] = []
    for file in find_flavors():
        flavor = file.flavor
        missing = [need.distribution for need in missing_distributions(flavor)] if flavor else [file.problem or ""]
        rows.append(
            control.FlavorRow(
                id=file.id,
                version=flavor.version if flavor else "",
                title=flavor.title if flavor else "",
                active=file.id == active,
                missing=missing,
            )
        )
    return control.FlavorListResult(flavors=rows)


def use(project: Project, params: control.FlavorUseParams) -> control.FlavorUseResult:
    """Record the flavor in the project manifest and say what it still needs."""
    missing = [need.distribution for need in missing_distributions(load_flavor(params.id))]
    set_flavor(project, params.id)
    return control.FlavorUseResult(
        id=params.id,
        manifest=str(project.manifest_path),
        missing=missing,
        install_command=install_command(missing) if missing else None,
    )
