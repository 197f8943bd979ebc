"""``subject update``, ``subject delete`` and ``subject batch-create``."""

import json
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from animus_cli.commands.plain import command
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.options import PRIORITIES, priority_level
from animus_cli.render.subject import created, one
from animus_control.operations import OPERATIONS
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.subject import Subject, SubjectPatch, SubjectStatus

__all__ = ["batch_create", "delete", "update"]

_SUBJECT = ["subject"]
_STATUSES = [status.value for status in SubjectStatus]


@command(
    "update",
    "Change a subject: its title, description, priority, status, labels, assignee, further fields.",
    click.Argument(_SUBJECT, metavar="KIND:ID"),
    click.Option(["--title"], metavar="TEXT", help="One line that says what is wanted."),
    click.Option(["--body"], metavar="TEXT", help="The whole description."),
    click.Option(["--priority"], metavar="|".join(PRIORITIES), help="How urgent it is; a number from 0 to 4 too."),
    click.Option(["--status"], type=click.Choice(_STATUSES), metavar="|".join(_STATUSES), help="The status it gets."),
    click.Option(["--label", "labels"], multiple=True, metavar="LABEL", help="A label to add; may be repeated."),
    click.Option(["--unlabel", "unlabels"], multiple=True, metavar="LABEL", help="A label to take away."),
    click.Option(["--assignee"], metavar="NAME", help="Who is on it; an empty text clears it."),
    click.Option(["--comment"], metavar="TEXT", help="A remark for the record, where the backend keeps any."),
    click.Option(["--custom"], metavar="JSON", help="Further fields; null removes one."),
)
def update(invocation: Invocation, *, subject: str, custom: str | None, **given: Any) -> None:
    """Send a patch of what was given.

    Raises:
        CommandError: nothing was given, or the fields are no JSON object.
    """
    fields = {} if custom is None else _object(custom)
    assignee = given["assignee"]
    patch = SubjectPatch(
        status=None if given["status"] is None else SubjectStatus(given["status"]),
        assignee=msgspec.UNSET if assignee is None else assignee or None,
        labels_add=list(given["labels"]),
        labels_remove=list(given["unlabels"]),
        comment=given["comment"],
        custom=fields,
        title=given["title"],
        body=given["body"],
        priority=None if given["priority"] is None else _priority(given["priority"]),
    )
    if patch == SubjectPatch():
        raise CommandError("invalid_input", "nothing to change was given", next_step="animus subject update --help")
    result: Subject = invocation.call(
        OPERATIONS["subject/update"], control.SubjectUpdateParams(id=subject, patch=patch)
    )
    kept = [name for name, wanted, got in _texts(patch, result) if wanted is not None and wanted != got]
    if kept:
        message = f"the backend of {result.id} does not change the {' and the '.join(kept)}; the rest of it is done"
        raise CommandError("unavailable", message, next_step=f"animus subject get {result.id}")
    invocation.show(result, lambda screen: one(result, screen))


@command(
    "delete",
    "Remove a subject for good; without --yes it only says what would go.",
    click.Argument(_SUBJECT, metavar="KIND:ID"),
    click.Option(["--yes"], is_flag=True, help="Do it."),
)
def delete(invocation: Invocation, *, subject: str, yes: bool) -> None:
    """Show the subject, and remove it if that was confirmed.

    Raises:
        CommandError: there is work for it in the queue.
    """
    found: Subject = invocation.call(OPERATIONS["subject/get"], control.SubjectGetParams(id=subject))
    queued: control.QueueListResult = invocation.call(OPERATIONS["queue/list"], control.QueueListParams(limit=10_000))
    entries = [entry.id for entry in queued.entries if entry.subject_id == found.id]
    if entries and yes:
        message = f"{found.id} has work in the queue: {', '.join(entries)}"
        raise CommandError("conflict", message, next_step=f"animus queue drop {found.id}")
    if yes:
        invocation.call(OPERATIONS["subject/delete"], control.SubjectGetParams(id=found.id))
    record = {"subject": found, "entries": entries, "deleted": yes}
    step = f"animus queue drop {found.id}" if entries else f"animus subject delete {found.id} --yes"
    last = f"Deleted {found.id}." if yes else f"Nothing was deleted. next: {step}"
    invocation.show(record, lambda screen: [*one(found, screen), "", last])


@command(
    "batch-create",
    "Make up to 100 subjects from a file: a JSON array, or one JSON object a line.",
    click.Option(["--file"], required=True, metavar="PATH", help="The file; - reads standard input."),
    click.Option(
        ["--on-error"],
        type=click.Choice(["stop", "continue"]),
        default="stop",
        show_default=True,
        metavar="stop|continue",
        help="What to do after an item that was refused.",
    ),
)
def batch_create(invocation: Invocation, *, file: str, on_error: str) -> None:
    """Make them in order.

    Raises:
        CommandError: the file cannot be read, or an item was refused; the details tell which were made.
    """
    rows = _rows(sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8"), file)
    try:
        params = msgspec.convert({"items": rows, "stop_on_error": on_error == "stop"}, control.SubjectBatchParams)
    except msgspec.ValidationError as error:
        raise CommandError("invalid_input", f"{file}: {error}", remediation="invalid_input") from None
    result: control.SubjectBatchResult = invocation.call(OPERATIONS["subject/batch-create"], params)
    if result.faults:
        first = result.faults[0]
        refused = f"{len(result.faults)} of {len(rows)} were refused"
        message = f"{refused}; item {first.index + 1} ({first.title!r}): {first.message}"
        details = msgspec.to_builtins(result)
        raise CommandError("invalid_input", message, details=details, next_step="animus subject list")
    invocation.show(result, lambda screen: created(result, screen))


def _texts(patch: SubjectPatch, result: Subject) -> list[tuple[str, Any, Any]]:
    """What a backend may not know how to change: its name, what was wanted, and what it is now."""
    title = None if patch.title is None else patch.title.strip()
    body = (patch.body, result.description or "")
    return [("title", title, result.title), ("body", *body), ("priority", patch.priority, result.priority)]


def _priority(text: str) -> int:
    try:
        return priority_level(text)
    except ValueError as error:
        raise CommandError("invalid_input", f"--priority: {error}", remediation="invalid_input") from None


def _object(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise CommandError(
            "invalid_input", f"--custom: not a JSON object: {error}", remediation="invalid_input"
        ) from None


def _rows(text: str, name: str) -> list[Any]:
    try:
        if text.lstrip().startswith("["):
            return msgspec.json.decode(text, type=list[Any])
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise CommandError("invalid_input", f"{name}: not JSON: {error}", remediation="invalid_input") from None
