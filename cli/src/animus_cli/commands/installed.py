"""``plugin info`` and ``pack list|info``: what is installed, and what is in force."""

from typing import Any

import click
import msgspec

from animus_cli.commands.paging import page_of, page_options
from animus_cli.commands.plain import command
from animus_cli.failure import CommandError, did_you_mean
from animus_cli.invocation import Invocation
from animus_cli.render import installed as view
from animus_cli.render import lines_for
from animus_composition.manifest import load_manifest
from animus_composition.pack import Pack, resolve_packs
from animus_control.operations import OPERATIONS, Operation
from animus_plugin_protocol.wire import control

__all__ = ["pack_info", "pack_list", "ping", "plugin_info"]

_MANY = 10_000


@command("info", "Show everything about one plugin.", click.Argument(["name"], metavar="NAME"))
def plugin_info(invocation: Invocation, *, name: str) -> None:
    """One row of ``plugin list``, whole."""
    listed: control.PluginListResult = invocation.call(OPERATIONS["plugin/list"], control.PluginListParams(limit=_MANY))
    named = [row for row in listed.plugins if row.name == name.removeprefix("animus-")]
    if not named:
        near = did_you_mean(name, [row.name for row in listed.plugins])
        raise CommandError("not_found", f"there is no plugin {name!r}.{near}", next_step="animus plugin list")
    record = named[0] if len(named) == 1 else named
    invocation.show(record, lambda screen: [line for row in named for line in (*view.plugin(row, screen), "")][:-1])


def ping(invocation: Invocation, operation: Operation, params: control.PluginNameParams) -> None:
    """Ask a plugin whether it answers.

    Raises:
        CommandError: it does not.
    """
    result: control.PluginPingResult = invocation.call(operation, params)
    if not result.ok:
        message = f"{params.name!r} does not answer: {result.error}"
        raise CommandError("unavailable", message, next_step=f"animus daemon logs --plugin {params.name}")
    invocation.show(result, lambda screen: lines_for(operation.name, result, screen))


@command(
    "list",
    "List the packs in force: where each comes from, and which workflows and subjects it brings.",
    *page_options(),
)
def pack_list(invocation: Invocation, *, limit: int, offset: int) -> None:
    """The packs, in the order in which they win."""
    packs, problems = _packs(invocation)
    rows, place = page_of(packs, limit=limit, offset=offset)
    record = {"packs": [_pack_record(pack) for pack in rows], "total": place.total, "problems": problems}
    record |= {"more": place.more} if place.more else {}
    invocation.show(record, lambda screen: view.packs(record, screen))


@command("info", "Show everything about one pack.", click.Argument(["pack_id"], metavar="PACK"))
def pack_info(invocation: Invocation, *, pack_id: str) -> None:
    """One pack's manifest."""
    packs, _ = _packs(invocation)
    found = next((pack for pack in packs if pack.manifest.id == pack_id), None)
    if found is None:
        near = did_you_mean(pack_id, [pack.manifest.id for pack in packs])
        raise CommandError("not_found", f"no pack {pack_id!r} is in force.{near}", next_step="animus pack list")
    record = _pack_record(found)
    invocation.show(record, lambda screen: view.pack(record, screen))


def _packs(invocation: Invocation) -> tuple[list[Pack], list[str]]:
    project = invocation.project()
    return resolve_packs(project, load_manifest(project))


def _pack_record(pack: Pack) -> dict[str, Any]:
    manifest: dict[str, Any] = msgspec.to_builtins(pack.manifest)
    return manifest | {"root": str(pack.root), "source": pack.source}
