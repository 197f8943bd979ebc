"""``flavor``: the sets of plugins and packs that are installed, and which one is the project's."""

from typing import Any

import click

from animus_cli.commands.paging import page_of, page_options
from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation
from animus_cli.render import flavor as view
from animus_composition.assembly import assemble
from animus_composition.flavor import Flavor, find_flavors, install_command, load_flavor, missing_distributions
from animus_composition.manifest import load_manifest, set_flavor
from animus_plugin_protocol.wire.control import FlavorListResult, FlavorRow, FlavorUseResult

__all__ = ["current", "diff", "info", "installed", "use"]


@command("list", "List the installed flavors.", *page_options())
def installed(invocation: Invocation, *, limit: int, offset: int) -> None:
    """The installed flavors; a broken one shows what is wrong with it."""
    active = load_manifest(invocation.project()).flavor
    rows: list[FlavorRow] = []
    files, place = page_of(find_flavors(), limit=limit, offset=offset)
    for file in files:
        flavor = file.flavor
        rows.append(
            FlavorRow(
                id=file.id,
                version=flavor.version if flavor else "",
                title=flavor.title if flavor else "",
                active=file.id == active,
                missing=_missing(flavor) if flavor else [file.problem or ""],
            )
        )
    result = FlavorListResult(flavors=rows, total=place.total)
    more = [place.more] if place.more else []
    invocation.show(result, lambda screen: [*view.installed(result, screen), *more])


@command("use", "Make a flavor this project's.", click.Argument(["flavor_id"], metavar="FLAVOR"))
def use(invocation: Invocation, *, flavor_id: str) -> None:
    """Record the flavor in the project manifest and say what it still needs."""
    project = invocation.project()
    missing = _missing(load_flavor(flavor_id))
    set_flavor(project, flavor_id)
    result = FlavorUseResult(
        id=flavor_id,
        manifest=str(project.manifest_path),
        missing=missing,
        install_command=install_command(missing) if missing else None,
    )
    invocation.show(result, lambda screen: view.used(result, screen))


@command("current", "Show which flavor is this project's, and who serves which role.")
def current(invocation: Invocation) -> None:
    """The flavor in force."""
    assembly = assemble(invocation.project())
    flavor, roles = assembly.flavor, assembly.roles
    bound = {role: holder.name for role, holder in sorted(roles.holders.items())}
    record = {
        "id": flavor.id,
        "version": flavor.version,
        "title": flavor.title,
        "roles": bound,
        "providers": [plugin.name for plugin in roles.providers],
        "problems": [error.message for error in roles.problems.values()],
    }
    invocation.show(record, lambda screen: view.current(record, screen))


@command(
    "info",
    "Show what a flavor asks for and what it binds.",
    click.Argument(["flavor_id"], metavar="[FLAVOR]", required=False),
)
def info(invocation: Invocation, *, flavor_id: str | None) -> None:
    """One flavor; the project's own if none is named."""
    flavor = load_flavor(flavor_id or load_manifest(invocation.project()).flavor)
    record = _flavor_record(flavor)
    invocation.show(record, lambda screen: view.contents(record, screen))


@command(
    "diff",
    "Show how this project and this environment differ from a flavor.",
    click.Argument(["flavor_id"], metavar="[FLAVOR]", required=False),
)
def diff(invocation: Invocation, *, flavor_id: str | None) -> None:
    """What is missing, what holds another role than the flavor says, and what holds none."""
    assembly = assemble(invocation.project())
    flavor = assembly.flavor if flavor_id is None else load_flavor(flavor_id)
    here = {role: [holder.name] for role, holder in assembly.roles.holders.items()}
    here["provider"] = [plugin.name for plugin in assembly.roles.providers]
    wanted = {role: [name.removeprefix("animus-") for name in flavor.bound(role)] for role in flavor.roles}
    roles = [
        {"role": role, "flavor": wanted.get(role, []), "project": here.get(role, [])}
        for role in sorted({*here, *wanted})
        if wanted.get(role, []) != here.get(role, [])
    ]
    missing = _missing(flavor)
    record = {
        "flavor": flavor.id,
        "missing": missing,
        "roles": roles,
        "without_role": [one.name for one in assembly.found.usable if not assembly.roles.roles_of(one.name)],
        "install_command": install_command(missing) if missing else None,
    }
    invocation.show(record, lambda screen: view.difference(record, screen))


def _missing(flavor: Flavor) -> list[str]:
    """The distributions that the flavor cannot do without and that are not installed."""
    return [need.distribution for need in missing_distributions(flavor)]


def _flavor_record(flavor: Flavor) -> dict[str, Any]:
    missing = {
        need.distribution for required in (True, False) for need in missing_distributions(flavor, required=required)
    }
    needs = [
        {
            "distribution": need.distribution,
            "section": need.section,
            "required": need.required,
            "installed": need.distribution not in missing,
        }
        for need in flavor.needs()
    ]
    return {
        "id": flavor.id,
        "version": flavor.version,
        "title": flavor.title,
        "description": flavor.description,
        "roles": {role: flavor.bound(role) for role in flavor.roles},
        "needs": needs,
    }
