"""``daemon start``, ``run``, ``stop`` and ``restart``: a process each, so no operation of the socket."""

import click

from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation
from animus_cli.render.daemon import status
from animus_cli.table import facts
from animus_composition.settings import RUNS_PER_RUNNER, load_settings

__all__ = ["restart", "run", "start", "stop"]

_STOP_SECONDS = 60


def _pool_size() -> click.Option:
    return click.Option(
        ["--pool-size"],
        type=click.IntRange(min=1, max=RUNS_PER_RUNNER),
        metavar="N",
        help="Runs under way at once; runs that wait for somebody do not count.",
    )


@command("start", "Start the daemon of this project in the background.", _pool_size())
def start(invocation: Invocation, *, pool_size: int | None) -> None:
    """Start a detached daemon and wait until it answers."""
    from animus_kernel.serving.launch import start_daemon  # noqa: PLC0415 - start-up: help pages need no process code

    project = invocation.project()
    result = start_daemon(project, load_settings(project, pool_size=pool_size))
    invocation.show(result, lambda screen: status(result, screen))


@command("run", "Be the daemon of this project, in the foreground.", _pool_size())
def run(invocation: Invocation, *, pool_size: int | None) -> int:
    """Serve until stopped; the right form below a process supervisor."""
    from animus_kernel.serving.daemon import serve  # noqa: PLC0415 - start-up: only this command needs the whole kernel

    project = invocation.project()
    settings = load_settings(project, pool_size=pool_size)
    invocation.tell(f"Serving {project.root}; Ctrl-C ends it.")
    return serve(project, settings)


@command(
    "stop",
    "Stop the daemon of this project; runs that are under way go on at the next start.",
    click.Option(
        ["--shutdown-timeout-secs", "seconds"],
        type=click.IntRange(min=1),
        default=_STOP_SECONDS,
        show_default=True,
        metavar="N",
        help="How long to wait before it is ended the hard way.",
    ),
)
def stop(invocation: Invocation, *, seconds: int) -> None:
    """Stop the daemon and everything it started."""
    from animus_kernel.serving.launch import stop_daemon  # noqa: PLC0415 - start-up: help pages need no process code

    project = invocation.project()
    stopped = bool(stop_daemon(project, timeout_seconds=seconds))
    text = "stopped" if stopped else "was not running"
    invocation.show({"stopped": stopped}, lambda screen: facts([("daemon", text)], screen))


@command("restart", "Stop the daemon of this project and start it again; runs under way go on.", _pool_size())
def restart(invocation: Invocation, *, pool_size: int | None) -> None:
    """Stop it if it runs, then start it with the settings in force now."""
    from animus_kernel.serving.launch import start_daemon, stop_daemon  # noqa: PLC0415 - start-up: as above

    project = invocation.project()
    settings = load_settings(project, pool_size=pool_size)  # a bad file must not cost the daemon that runs
    stop_daemon(project, timeout_seconds=_STOP_SECONDS)
    result = start_daemon(project, settings)
    invocation.show(result, lambda screen: status(result, screen))
