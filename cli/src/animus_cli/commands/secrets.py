"""``secret list``: where the values of variables are kept that are not in the environment. No value is ever shown."""

import os

import click

from animus_cli.commands.paging import page_of, page_options
from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation
from animus_cli.table import Column, table
from animus_cli.terminal import Screen, clean
from animus_composition.secrets import SecretEnvironment, SecretUnavailableError, load_references, secrets_path

__all__ = ["listed"]


@command(
    "list",
    "List the secrets that are kept by reference; with --check, read each to see whether it is there.",
    click.Option(["--check"], is_flag=True, help="Read each; a keyring may ask you. Values are not shown."),
    *page_options(),
)
def listed(invocation: Invocation, *, check: bool, limit: int, offset: int) -> None:
    """A page of the names and the references."""
    directory = invocation.project().config_dir
    references = load_references(directory)
    environ = SecretEnvironment(os.environ, references)
    shown, place = page_of(sorted(references.items()), limit=limit, offset=offset)
    rows = [
        {"name": name, "reference": reference, "state": _state(environ, name, check=check)} for name, reference in shown
    ]
    more = [place.more] if place.more else []
    path = str(secrets_path(directory))
    data = {"path": path, "secrets": rows, "total": place.total}
    invocation.show(data, lambda screen: [*_lines(path, rows, screen), *more])


def _state(environ: SecretEnvironment, name: str, *, check: bool) -> str:
    if name in os.environ:
        return "set in the environment, which wins"
    if not check:
        return ""
    try:
        return "ok" if environ[name] else "empty"
    except SecretUnavailableError as error:
        return str(error)


def _lines(path: str, rows: list[dict[str, str]], screen: Screen) -> list[str]:
    if not rows:
        return [clean(f"No secret is kept by reference; {path} would say where.")]
    columns = [Column("SECRET"), Column("REFERENCE", flexible=True), Column("STATE", flexible=True)]
    return table(columns, [[row["name"], row["reference"], row["state"]] for row in rows], screen)
