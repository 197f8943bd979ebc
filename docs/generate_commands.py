"""Writes docs/commands.md from the operation table and the command tree: ``python docs/generate_commands.py``.

With ``--check`` nothing is written; the exit code is 1 when the page is not what would be written.
"""  # noqa: INP001 - a script, not a module of a package

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from generated import write_or_check

from animus_cli.failure import EXIT_CODES, INTERRUPTED
from animus_cli.invocation import Invocation, global_options
from animus_cli.options import bindings
from animus_cli.tree import HANDWRITTEN, command_paths, root_group
from animus_control.operations import OPERATIONS, Operation, Place

__all__ = ["PAGE", "main", "page"]

PAGE = Path(__file__).with_name("commands.md")

_HEAD = """\
<!-- Written by docs/generate_commands.py; change the operation table or the command, then run it again. -->
# Commands

Nouns, then verbs. Every command also takes:

| option | |
|---|---|
"""
_AFTER_OPTIONS = """
With `--json` a command prints one line: `{"schema": "animus.cli.v1", "ok": true, "data": ...}` on standard output, or
on standard error one with `"ok": false` and an `error` of `code`, `message`, `exit_code`, `details`.

Exit codes: 0 good, CODES,
INTERRUPTED interrupted; [what they mean](when-something-is-stuck.md#exit-codes).

"""
_PLACES = {
    Place.DAEMON: "in a running daemon only",
    Place.PROJECT: "in the daemon, or without one in this process",
    Place.LOCAL: "in this process",
}


def page() -> str:
    """The page as it should be."""
    places = sorted(command_paths())
    codes = ", ".join(f"{number} `{word}`" for word, number in EXIT_CODES.items())
    parts = [
        _HEAD,
        *(_row(option) for option in global_options()),
        _AFTER_OPTIONS.replace("CODES", codes).replace("INTERRUPTED", str(INTERRUPTED)),
        "| command | |\n|---|---|\n",
        *(f"| [`animus {' '.join(place)}`](#animus-{'-'.join(place)}) | {_about(place)} |\n" for place in places),
        *(_section(place) for place in places),
    ]
    return "".join(parts)


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is what it should be; returns the exit code."""
    return write_or_check(PAGE, page(), arguments)


def _operation(place: tuple[str, ...]) -> Operation | None:
    return next((operation for operation in OPERATIONS.values() if operation.command == place), None)


def _about(place: tuple[str, ...]) -> str:
    operation = _operation(place)
    return HANDWRITTEN[place].help if operation is None else operation.help


def _section(place: tuple[str, ...]) -> str:
    command, context = _command(place)
    operation = _operation(place)
    usage = " ".join([f"animus {' '.join(place)}", *command.collect_usage_pieces(context)])
    lines = [f"\n## animus {' '.join(place)}\n\n", f"{(command.help or _about(place)).strip()}\n\n", f"`{usage}`\n"]
    if operation is not None:
        lines.append(f"\nRuns {_PLACES[operation.place]}; on the control socket: `{operation.name}`.\n")
    rows = list(_rows(command, operation))
    if rows:
        lines += ["\n| | |\n|---|---|\n", *rows]
    return "".join(lines)


def _command(place: tuple[str, ...]) -> tuple[click.Command, click.Context]:
    context = click.Context(root_group(), info_name="animus", obj=Invocation())
    command: click.Command = context.command
    for word in place:
        group = command
        found = group.get_command(context, word) if isinstance(group, click.Group) else None
        if found is None:
            message = f"{' '.join(place)!r} is in the tree and cannot be found there"
            raise LookupError(message)
        command = found
        context = click.Context(command, info_name=word, parent=context)
    return command, context


def _rows(command: click.Command, operation: Operation | None) -> Iterator[str]:
    described = {} if operation is None else {bound.parameter: bound.description for bound in bindings(operation)}
    by_name = {parameter.name: text for parameter, text in described.items() if isinstance(parameter, click.Argument)}
    everywhere = {option.name for option in global_options()} | {"help"}
    for parameter in command.params:
        if parameter.name in everywhere:
            continue
        if isinstance(parameter, click.Argument):
            name = (parameter.metavar or parameter.name or "").strip("[]").upper()
            if parameter.name in by_name:  # of the others the usage says all there is
                yield f"| `{name}` | {_cell(by_name[parameter.name])} |\n"
        else:
            yield _row(parameter)


def _row(parameter: click.Parameter) -> str:
    record = parameter.get_help_record(click.Context(click.Command("animus")))
    if record is None:
        return ""  # hidden: an older spelling
    return f"| `{_cell(record[0])}` | {_cell(record[1])} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
