"""``agent message list``: what agents wrote to each other in the channels of the workflow files."""

from typing import Any

import click

from animus_cli.commands.paging import page_of, page_options
from animus_cli.commands.plain import command
from animus_cli.failure import CommandError, did_you_mean
from animus_cli.invocation import Invocation
from animus_cli.json_value import json_array, json_object
from animus_cli.table import Column, ago, parse_moment, table
from animus_cli.terminal import Screen
from animus_control.operations import OPERATIONS
from animus_plugin_protocol.wire.workflow_runner import WorkflowInspectParams, WorkflowInspectResult

__all__ = ["listed"]

_COLUMNS = [Column("WHEN"), Column("CHANNEL"), Column("FROM"), Column("TEXT", flexible=True)]


@command(
    "list",
    "List what agents wrote to each other, the latest first.",
    click.Option(["--channel"], metavar="NAME", help="Only this channel."),
    *page_options(),
)
def listed(invocation: Invocation, *, channel: str | None, limit: int, offset: int) -> None:
    """A page of messages.

    Raises:
        CommandError: there is no such channel.
    """
    params = WorkflowInspectParams(what="channels")
    answer: WorkflowInspectResult = invocation.call(OPERATIONS["workflow/inspect"], params)
    channels = [json_object(row) for row in json_array(json_object(answer.value).get("channels"))]
    names = [str(row.get("channel")) for row in channels]
    if channel is not None and channel not in names:
        message = f"there is no channel {channel!r}.{did_you_mean(channel, names)}"
        raise CommandError("not_found", message, next_step="animus agent message list")
    rows = [
        {"channel": name} | json_object(message)
        for name, row in zip(names, channels, strict=True)
        if channel in {None, name}
        for message in json_array(row.get("messages"))
    ]
    rows.sort(key=lambda row: str(row.get("created_at") or ""), reverse=True)
    shown, place = page_of(rows, limit=limit, offset=offset)
    more = [place.more] if place.more else []
    invocation.show({"messages": shown, "total": place.total}, lambda screen: [*_lines(shown, screen), *more])


def _lines(rows: list[dict[str, Any]], screen: Screen) -> list[str]:
    if not rows:
        return ["No agent has written anything."]
    cells = [
        [ago(parse_moment(row.get("created_at")), screen), row["channel"], str(row.get("sender")), str(row.get("text"))]
        for row in rows
    ]
    return table(_COLUMNS, cells, screen)
