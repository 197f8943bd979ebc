"""The command tree: generated from the operation table, with the hand-written commands and other wheels' groups.

Nothing is loaded before it is asked for: a hand-written command's module and another wheel's group are imported when
their name stands on the command line, not for a help page above them.
"""

import importlib
from collections.abc import Callable
from typing import Any

import click

from animus_cli.extension import extension_names, load_extension
from animus_cli.failure import CommandError, did_you_mean
from animus_cli.help_tree import sections_of, tree_lines
from animus_cli.invocation import Invocation, global_options, invocation_of
from animus_cli.options import bindings, params_from
from animus_cli.places import GROUP_HELP, HANDWRITTEN, RUNNERS, Words
from animus_cli.render import lines_for
from animus_control.operations import OPERATIONS, Operation

__all__ = ["HANDWRITTEN", "OperationCommand", "Tree", "command_paths", "root_group"]

Runner = Callable[[Invocation, Operation, Any], int | None]


_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class OperationCommand(click.Command):
    """The command of one operation."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.bound = bindings(operation)
        super().__init__(
            operation.command[-1],
            params=[*(binding.parameter for binding in self.bound), *global_options()],
            help=operation.help,
            context_settings=_CONTEXT,
            callback=self._run,
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Describe the arguments as well; the description is that of the field."""
        described = [
            ((binding.parameter.metavar or binding.field).strip("[]"), binding.description)
            for binding in self.bound
            if isinstance(binding.parameter, click.Argument)
        ]
        if described:
            with formatter.section("Arguments"):
                formatter.write_dl(described)
        super().format_options(ctx, formatter)

    def _run(self, **values: Any) -> int | None:
        invocation = invocation_of(click.get_current_context())
        params = params_from(self.operation, self.bound, values)
        runner = RUNNERS.get(self.operation.name)
        if runner is not None:
            run: Runner = _loaded(runner)
            return run(invocation, self.operation, params)
        result = invocation.call(self.operation, params)
        invocation.show(result, lambda screen: lines_for(self.operation.name, result, screen))
        if self.operation.name == "queue/enqueue":
            invocation.remark_missing_daemon()
        return None


class Tree(click.Group):
    """The commands below one place."""

    def __init__(self, path: Words) -> None:
        super().__init__(
            path[-1] if path else "animus",
            params=list(global_options()),
            help=_group_help(path),
            invoke_without_command=True,
            callback=self._help,
            context_settings=_CONTEXT,
            subcommand_metavar="COMMAND [ARGS]...",
        )
        self.path = path

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names below this place, without those of other wheels."""
        depth = len(self.path)
        return sorted({place[depth] for place in command_paths() if len(place) > depth and place[:depth] == self.path})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command or group called `cmd_name`; another wheel's group only at the root."""
        place = (*self.path, cmd_name)
        if place in HANDWRITTEN:
            command = _loaded(HANDWRITTEN[place].location)
            return command if isinstance(command, click.Command) else None
        for operation in OPERATIONS.values():
            if operation.command == place:
                return OperationCommand(operation)
        if place in _groups():
            return Tree(place)
        return None if self.path else load_extension(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but an unknown name is answered with the nearest known one."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is not None:
            return name, command, args[1:]
        known = self.list_commands(ctx)
        if not self.path:
            known += extension_names()
        where = " ".join(("animus", *self.path))
        raise CommandError(
            "invalid_input",
            f"{where!r} has no command {name!r}.{did_you_mean(name, known)}",
            next_step=f"{where} --help",
            remediation="invalid_input",
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, then the names that other wheels add (which are not loaded for a help page)."""
        names = self.list_commands(ctx)
        for heading, group in ({"Commands": names} if self.path else sections_of(names)).items():
            with formatter.section(heading):
                formatter.write_dl([(name, _short_help((*self.path, name))) for name in group])
        others = [] if self.path else extension_names()
        if others:
            with formatter.section("Commands of other packages"):
                formatter.write_dl([(name, f"animus {name} --help") for name in others])

    @staticmethod
    def _help() -> None:
        context = click.get_current_context()
        if context.invoked_subcommand is None:
            click.echo(context.get_help())


def command_paths() -> set[Words]:
    """The place of every command of this package."""
    return {*HANDWRITTEN, *(operation.command for operation in OPERATIONS.values() if operation.command)}


def root_group() -> Tree:
    """The whole tree; ``--version`` stands here for the help page, the entry module answers it."""
    group = Tree(())
    group.params.append(
        click.Option(
            ["--tree"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            help="Print every command.",
            callback=_print_tree,
        )
    )
    group.params.append(
        click.Option(
            ["--version"], is_flag=True, expose_value=False, is_eager=True, help="Print the version.", callback=_version
        )
    )
    return group


def _short_help(place: Words) -> str:
    """A command's line in a help page, without loading the command."""
    if place in HANDWRITTEN:
        return HANDWRITTEN[place].help
    if place in _groups():
        return _group_help(place)
    return next(operation.help for operation in OPERATIONS.values() if operation.command == place)


def _groups() -> set[Words]:
    """The places below which there are commands."""
    return {place[:depth] for place in command_paths() for depth in range(1, len(place))}


def _group_help(place: Words) -> str:
    return GROUP_HELP.get(place, f"Commands about {' '.join(reversed(place))}.")


def _print_tree(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
    if value:
        click.echo("\n".join(tree_lines(command_paths(), _short_help)))
        context.exit()


def _version(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
    if value:
        _loaded(HANDWRITTEN[("version",)].location).invoke(context)
        context.exit()


def _loaded(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
