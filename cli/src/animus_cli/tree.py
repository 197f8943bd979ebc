"""The command tree: generated from the operation table, with the hand-written commands and other wheels' groups.

Nothing is loaded before it is asked for: a hand-written command's module and another wheel's group are imported when
their name stands on the command line, not for a help page above them.
"""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import click

from animus_cli.extension import extension_names, load_extension
from animus_cli.failure import CommandError, did_you_mean
from animus_cli.invocation import Invocation, global_options, invocation_of
from animus_cli.options import bindings, params_from
from animus_cli.render import lines_for
from animus_control.operations import OPERATIONS, Operation

__all__ = ["HANDWRITTEN", "OperationCommand", "Tree", "command_paths", "root_group"]

Words = tuple[str, ...]
Runner = Callable[[Invocation, Operation, Any], int | None]


class Handwritten(NamedTuple):
    """A command that is more than one operation: where it is, and its line in the help page above it."""

    location: str
    help: str


HANDWRITTEN: dict[Words, Handwritten] = {
    ("version",): Handwritten("animus_cli.commands.version:version", "Print the version."),
    ("init",): Handwritten("animus_cli.commands.init:init", "Set a project up."),
    ("demo",): Handwritten("animus_cli.commands.demo:demo", "Watch a task go from the queue to the merge."),
    ("doctor",): Handwritten("animus_cli.commands.doctor:doctor", "Check this project and this installation."),
    ("daemon", "start"): Handwritten("animus_cli.commands.daemon:start", "Start the daemon in the background."),
    ("daemon", "run"): Handwritten("animus_cli.commands.daemon:run", "Be the daemon, in the foreground."),
    ("daemon", "stop"): Handwritten("animus_cli.commands.daemon:stop", "Stop the daemon."),
    ("daemon", "restart"): Handwritten("animus_cli.commands.daemon:restart", "Stop the daemon and start it again."),
    ("daemon", "config"): Handwritten("animus_cli.commands.daemon_settings:config", "Show or store its settings."),
    ("daemon", "preflight"): Handwritten("animus_cli.commands.daemon_settings:preflight", "Could a daemon start?"),
    ("daemon", "logs"): Handwritten("animus_cli.commands.daemon_logs:logs", "Print the end of its log."),
    ("why",): Handwritten("animus_cli.commands.why:why", "Say why something is where it is, and what frees it."),
    ("history",): Handwritten("animus_cli.commands.runs:history", "List runs that have ended."),
    ("completion",): Handwritten("animus_cli.commands.completion:completion", "Complete commands in your shell."),
    ("subject", "update"): Handwritten("animus_cli.commands.subjects:update", "Change a subject."),
    ("subject", "delete"): Handwritten("animus_cli.commands.subjects:delete", "Remove a subject."),
    ("subject", "batch-create"): Handwritten("animus_cli.commands.subjects:batch_create", "Make several subjects."),
    ("queue", "why"): Handwritten("animus_cli.commands.why:queue_why", "Say why an entry does not run."),
    ("workflow", "watch"): Handwritten("animus_cli.commands.watch:watch", "Follow a run until it has ended or waits."),
    ("workflow", "decisions"): Handwritten("animus_cli.commands.runs:decisions", "Show what was decided, and why."),
    ("workflow", "prompt", "render"): Handwritten("animus_cli.commands.runs:prompt_render", "Print a phase's prompt."),
    ("workflow", "prune"): Handwritten("animus_cli.commands.runs:prune", "Forget runs that have ended."),
    ("plugin", "info"): Handwritten("animus_cli.commands.installed:plugin_info", "Show one plugin."),
    ("plugin", "ping"): Handwritten("animus_cli.commands.installed:plugin_ping", "Ask a plugin whether it answers."),
    ("flavor", "list"): Handwritten("animus_cli.commands.flavors:installed", "List the installed flavors."),
    ("flavor", "use"): Handwritten("animus_cli.commands.flavors:use", "Make a flavor this project's."),
    ("flavor", "current"): Handwritten("animus_cli.commands.flavors:current", "Show the flavor in force."),
    ("flavor", "info"): Handwritten("animus_cli.commands.flavors:info", "Show what a flavor asks for."),
    ("flavor", "diff"): Handwritten("animus_cli.commands.flavors:diff", "Compare the project with a flavor."),
    ("pack", "list"): Handwritten("animus_cli.commands.installed:pack_list", "List the packs in force."),
    ("pack", "info"): Handwritten("animus_cli.commands.installed:pack_info", "Show one pack."),
    ("output", "read"): Handwritten("animus_cli.commands.output:read", "Print what the phases of a run wrote."),
    ("output", "phase-outputs"): Handwritten("animus_cli.commands.output:phase_outputs", "List what they wrote."),
}
"""By place."""

_RUNNERS: dict[str, str] = {
    "daemon/events": "animus_cli.commands.events:run",
    "workflow/run": "animus_cli.commands.run:run",
    "workflow/config/validate": "animus_cli.commands.validate:run",
}
"""Operations whose options are generated and whose running is written by hand."""

_GROUP_HELP: dict[Words, str] = {
    (): "Run work through workflows of agents, commands and people.",
    ("daemon",): "The process that leases work and runs it.",
    ("flavor",): "Sets of plugins and packs that belong together.",
    ("output",): "What the phases of a run wrote.",
    ("pack",): "Workflows and kinds of subjects that come together.",
    ("plugin",): "The programs Animus is made of.",
    ("queue",): "Work that waits.",
    ("subject",): "What work is about: tasks, requirements, and so on.",
    ("workflow",): "Definitions of work, and their runs.",
    ("workflow", "config"): "The workflow files of the project.",
    ("workflow", "prompt"): "What agents are told.",
    ("workflow", "phase"): "Gates at which a run waits for a person.",
}
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
        runner = _RUNNERS.get(self.operation.name)
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
            help=_GROUP_HELP[path],
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
        if place in _GROUP_HELP:
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
        with formatter.section("Commands"):
            formatter.write_dl([(name, _short_help((*self.path, name))) for name in self.list_commands(ctx)])
        names = [] if self.path else extension_names()
        if names:
            with formatter.section("Commands of other packages"):
                formatter.write_dl([(name, f"animus {name} --help") for name in names])

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
            ["--version"], is_flag=True, expose_value=False, is_eager=True, help="Print the version.", callback=_version
        )
    )
    return group


def _short_help(place: Words) -> str:
    """A command's line in a help page, without loading the command."""
    if place in HANDWRITTEN:
        return HANDWRITTEN[place].help
    if place in _GROUP_HELP:
        return _GROUP_HELP[place]
    return next(operation.help for operation in OPERATIONS.values() if operation.command == place)


def _version(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
    if value:
        _loaded(HANDWRITTEN[("version",)].location).invoke(context)
        context.exit()


def _loaded(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
