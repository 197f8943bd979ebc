"""``version``; the entry module answers the common spellings before anything is loaded."""

from animus_cli import __version__
from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation

__all__ = ["version"]


@command("version", "Print the version.")
def version(invocation: Invocation) -> None:
    """Print the version."""
    invocation.show({"name": "animus", "version": __version__}, lambda _screen: [f"animus {__version__}"])
