"""``queue hold``, ``release`` and ``drop`` for many entries; ``queue export`` and ``queue import``."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from animus_cli.commands.plain import command
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.program import command_error
from animus_cli.render import queue as view
from animus_control.errors import ControlError
from animus_control.operations import OPERATIONS
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.queue_care import QueueExportResult, QueueImportParams, QueueImportResult

__all__ = ["drop", "export", "hold", "import_entries", "release"]

_MANY = 10_000
_WHICH = (
    click.Argument(["ids"], metavar="ENTRY...", nargs=-1),
    click.Option(["--all", "everything"], is_flag=True, help="All entries that this can be done to."),
    click.Option(["--yes"], is_flag=True, help="With --all: do not ask."),
)
_STATUS_FOR = {"hold": ["pending"], "release": ["held"], "drop": []}
"""What ``--all`` means; for drop it means every entry."""


@command(
    "hold",
    "Keep entries from being started. ENTRY is an entry's id, or a subject as KIND:ID (all its entries).",
    *_WHICH,
    click.Option(["--reason"], metavar="TEXT", help="Why; shown in queue list."),
)
def hold(invocation: Invocation, *, ids: tuple[str, ...], everything: bool, yes: bool, reason: str | None) -> None:
    """Hold them one by one."""
    chosen = _chosen(invocation, "hold", ids, everything=everything, yes=yes)
    _each(invocation, "hold", [control.QueueHoldParams(id=one, reason=reason) for one in chosen])


@command("release", "Free held entries. ENTRY is an entry's id, or a subject as KIND:ID (all its entries).", *_WHICH)
def release(invocation: Invocation, *, ids: tuple[str, ...], everything: bool, yes: bool) -> None:
    """Release them one by one."""
    chosen = _chosen(invocation, "release", ids, everything=everything, yes=yes)
    _each(invocation, "release", [control.QueueEntryIdParams(id=one) for one in chosen])


@command(
    "drop",
    "Take entries off the queue; a run under way for one ends. ENTRY is an entry's id, or a subject as KIND:ID.",
    *_WHICH,
)
def drop(invocation: Invocation, *, ids: tuple[str, ...], everything: bool, yes: bool) -> None:
    """Drop them one by one."""
    chosen = _chosen(invocation, "drop", ids, everything=everything, yes=yes)
    _each(invocation, "drop", [control.QueueEntryIdParams(id=one) for one in chosen])


@command(
    "export",
    "Write the whole queue down as one JSON document that `animus queue import` takes in.",
    click.Option(["--file"], metavar="PATH", help="Where to; standard output if left out."),
)
def export(invocation: Invocation, *, file: str | None) -> None:
    """Ask for one part after the other."""
    whole = QueueExportResult()
    offset: int | None = 0
    while offset is not None:
        params = control.QueueExportParams(offset=offset)
        part: QueueExportResult = invocation.call(OPERATIONS["queue/export"], params)
        generations = whole.subject_generations | part.subject_generations
        entries = [*whole.entries, *part.entries]
        whole = msgspec.structs.replace(part, entries=entries, subject_generations=generations, next_offset=None)
        offset = part.next_offset
    if file is None:
        document = msgspec.json.format(msgspec.json.encode(whole), indent=2).decode().splitlines()
        invocation.show(whole, lambda _: document)
        return
    Path(file).write_bytes(msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n")
    record = {"file": file, "entries": len(whole.entries)}
    invocation.show(record, lambda _: [f"{len(whole.entries)} entries are in {file}."])


@command(
    "import",
    "Add the entries of a document that `animus queue export` wrote to the end of the queue.",
    click.Option(["--file"], required=True, metavar="PATH", help="The document; - reads standard input."),
)
def import_entries(invocation: Invocation, *, file: str) -> None:
    """Take them in; what is not taken in is said with its reason.

    Raises:
        CommandError: the document is none.
    """
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        params = msgspec.json.decode(text, type=QueueImportParams)
    except (OSError, msgspec.MsgspecError) as error:
        message = f"{file}: no document of an export: {error}"
        raise CommandError("invalid_input", message, next_step=f"animus queue export --file {file}") from None
    result: QueueImportResult = invocation.call(OPERATIONS["queue/import"], params)
    invocation.show(result, lambda screen: view.taken_in(result, screen))


def _chosen(invocation: Invocation, verb: str, ids: tuple[str, ...], *, everything: bool, yes: bool) -> list[str]:
    """The ids that were named, or all of them if that was asked for and confirmed."""
    if bool(ids) == everything:
        message = "name entries or give --all, one of the two"
        raise CommandError("invalid_input", message, next_step="animus queue list", remediation="invalid_input")
    if not everything:
        return list(dict.fromkeys(ids))
    params = control.QueueListParams(status=_STATUS_FOR[verb], limit=_MANY)
    listed: control.QueueListResult = invocation.call(OPERATIONS["queue/list"], params)
    found = [entry.id for entry in listed.entries]
    if found and not yes:
        if invocation.json or not sys.stdin.isatty():
            message = f"this would {verb} {len(found)} entries; nothing was done"
            raise CommandError("invalid_input", message, next_step=f"animus queue {verb} --all --yes")
        click.confirm(f"{verb.capitalize()} {len(found)} entries?", abort=True)
    return found


def _each(invocation: Invocation, verb: str, wanted: list[Any]) -> None:
    """One call an item; what fails does not keep the others from being done.

    Raises:
        CommandError: the first failure, when all were tried.
    """
    changed: list[str] = []
    unchanged: list[str] = []
    failures: list[tuple[str, CommandError]] = []
    for params in wanted:
        try:
            result: control.QueueMutationResult = invocation.call(OPERATIONS[f"queue/{verb}"], params)
        except ControlError as error:
            failures.append((params.id, command_error(error)))
            continue
        changed += result.changed
        unchanged += result.unchanged
    done = control.QueueMutationResult(changed=changed, unchanged=unchanged)
    if not failures:
        invocation.show(done, lambda screen: view.changed(done, screen))
        return
    first = failures[0][1]
    if len(wanted) == 1:
        raise first
    if not invocation.json:
        invocation.show(done, lambda screen: view.changed(done, screen))
    failed = [{"id": one} | error.record() for one, error in failures]
    message = f"{len(failures)} of {len(wanted)} failed; first: {first.message}"
    details = msgspec.to_builtins(done) | {"failed": failed}
    raise CommandError(first.code, message, details=details, next_step=first.next_step)
