"""``animus http``: the server, and what it serves."""

import asyncio
import json
import os
import signal

import click

from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation
from animus_cli.table import Column, table
from animus_control.errors import ControlError
from animus_control.project import Project
from animus_transport_http.address import Address, listen, read_address
from animus_transport_http.api import Api
from animus_transport_http.guard import Guard
from animus_transport_http.openapi import document
from animus_transport_http.route import routes
from animus_transport_http.server import HttpServer
from animus_transport_http.token_file import Token, find_token

__all__ = ["group"]

_MANAGEMENT = click.Option(
    ["--management"],
    is_flag=True,
    help="Offer also what decides in a person's place: gates, schedules, the daemon.",
)


@command(
    "serve",
    "Serve the control operations over HTTP, until Ctrl-C or SIGTERM.",
    click.Option(["--bind"], metavar="ADDRESS:PORT", default="127.0.0.1:8080", show_default=True, help="Where."),
    click.Option(["--allow-host"], metavar="NAME", multiple=True, help="A name that clients may call the server by."),
    click.Option(
        ["--no-token"], is_flag=True, help="Let every program of this machine in; only on a loopback address."
    ),
    _MANAGEMENT,
)
def _serve(invocation: Invocation, *, bind: str, allow_host: tuple[str, ...], no_token: bool, management: bool) -> None:
    project = invocation.project()
    address = read_address(bind)
    token = _token(project, address, is_wanted=not no_token)
    guard = Guard(None if token is None else token.text, allow_host)
    listener, address = listen(address)

    def announce() -> None:
        source = None if token is None else token.source
        said = f"Bearer token: {source}" if source else "No token: every program of this machine may use it."
        lines = [f"Serving {str(project.root)!r} at {address.url}/api/v1", said]
        invocation.show({"url": f"{address.url}/api/v1", "token": source}, lambda _: lines)

    async def serve() -> None:
        server = HttpServer(Api(project, guard, management=management))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        await server.serve(listener, announce)

    with listener:
        asyncio.run(serve())


def _token(project: Project, address: Address, *, is_wanted: bool) -> Token | None:
    if is_wanted:
        return find_token(project, os.environ)
    if not address.is_loopback:
        message = (
            f"{address.host} can be reached from other machines, so callers have to show a token: leave --no-token out"
        )
        raise ControlError("invalid_request", message, next_step="animus http serve --help")
    return None


@command("openapi", "Print the description of what is served, as OpenAPI 3.1.", _MANAGEMENT)
def _openapi(invocation: Invocation, *, management: bool) -> None:
    described = document(management=management)
    invocation.show(described, lambda _: [json.dumps(described, indent=2, ensure_ascii=False)])


@command("routes", "List the routes that are served.", _MANAGEMENT)
def _routes(invocation: Invocation, *, management: bool) -> None:
    offered = [route for route in routes() if management or not route.exposure.is_management]
    rows = [[route.method, route.template, route.operation.help] for route in offered]
    columns = [Column("METHOD"), Column("PATH"), Column("WHAT", flexible=True)]
    record = [{"method": route.method, "path": route.template, "operation": route.operation.name} for route in offered]
    invocation.show({"routes": record}, lambda screen: table(columns, rows, screen))


group = click.Group(
    "http",
    commands=[_serve, _openapi, _routes],
    help="Let programs use Animus over HTTP.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
