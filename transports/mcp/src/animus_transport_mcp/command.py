"""``animus mcp``: the server a coding agent starts, and what it would offer."""

import os

import click

from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation
from animus_transport_mcp.route import ProjectRoute
from animus_transport_mcp.server import serve
from animus_transport_mcp.session import Session
from animus_transport_mcp.tool import tools

__all__ = ["group"]

_MANAGEMENT = click.Option(
    ["--management"],
    is_flag=True,
    help="Offer also what decides in a person's place: gates, schedules, the daemon.",
)


@command("serve", "Serve the Model Context Protocol on the standard streams.", _MANAGEMENT)
def _serve(invocation: Invocation, *, management: bool) -> None:
    project = invocation.project()
    route = ProjectRoute(project)
    # Standard output is the wire: what anything prints goes to standard error.
    wire = os.dup(1)
    os.dup2(2, 1)
    serve(Session(route.run, route.has_daemon, management=management), read_from=0, write_to=wire)


@command("tools", "List the tools that a client is offered.", _MANAGEMENT)
def _tools(invocation: Invocation, *, management: bool) -> None:
    offered = tools(management=management)
    width = max(map(len, offered))
    invocation.show(
        {"tools": [tool.describe() for tool in offered.values()]},
        lambda _: [f"{name.ljust(width)}  {tool.operation.help}" for name, tool in offered.items()],
    )


group = click.Group(
    "mcp",
    commands=[_serve, _tools],
    help="Let a coding agent use Animus through the Model Context Protocol.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
