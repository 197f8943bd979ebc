"""Command groups that other wheels add through the entry point group ``animus.commands``.

A wheel names a click command: ``chat = "animus_chat.commands:group"``. It is imported when its name is typed; one that
cannot be loaded is reported and changes nothing else.
"""

import importlib

import click

from animus_cli.failure import CommandError
from animus_plugin_runtime.entry_points import EntryPoint, entry_points

__all__ = ["COMMANDS_GROUP", "extension_names", "load_extension"]

COMMANDS_GROUP = "animus.commands"


def extension_names() -> list[str]:
    """The names other wheels offer; nothing is imported."""
    return sorted({entry.name for entry in _entries()})


def load_extension(name: str) -> click.Command | None:
    """The command another wheel offers under `name`, or None if none does.

    Raises:
        CommandError: the wheel is broken.
    """
    for entry in _entries():
        if entry.name == name:
            return _loaded(entry)
    return None


def _entries() -> list[EntryPoint]:
    return entry_points(COMMANDS_GROUP)


def _loaded(entry: EntryPoint) -> click.Command:
    module, _, attribute = entry.value.partition(":")
    try:
        command = getattr(importlib.import_module(module), attribute or "command")
    except Exception as error:
        raise _broken(entry, f"{type(error).__name__}: {error}") from error
    if not isinstance(command, click.Command):
        raise _broken(entry, f"{entry.value!r} is no click command")
    return command


def _broken(entry: EntryPoint, why: str) -> CommandError:
    return CommandError(
        "unavailable",
        f"the command {entry.name!r} comes from {entry.distribution!r}, which cannot be loaded: {why}",
        next_step=f"pip install --upgrade {entry.distribution}",
    )
