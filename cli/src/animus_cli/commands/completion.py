"""``completion``: the script that lets a shell complete commands, options and their words."""

import click
from click.shell_completion import get_completion_class

from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation

__all__ = ["completion"]

_SHELLS = ("bash", "zsh", "fish")
_INSTALL = {
    "bash": '# Add to ~/.bashrc:  eval "$(animus completion bash)"',
    "zsh": '# Add to ~/.zshrc:  eval "$(animus completion zsh)"',
    "fish": "# Put it there:  animus completion fish > ~/.config/fish/completions/animus.fish",
}


@command(
    "completion",
    "Print the script that completes animus commands in your shell.",
    click.Argument(["shell"], type=click.Choice(_SHELLS), metavar="|".join(_SHELLS)),
)
def completion(invocation: Invocation, *, shell: str) -> None:
    """Print it; nothing is installed."""
    from animus_cli.program import COMPLETE_VARIABLE  # noqa: PLC0415 - the tree loads this module
    from animus_cli.tree import root_group  # noqa: PLC0415 - as above

    made = get_completion_class(shell)
    if made is None:  # the choice above names no other shell
        raise LookupError(shell)
    script = made(root_group(), {}, "animus", COMPLETE_VARIABLE).source()
    invocation.show({"shell": shell, "script": script}, lambda _: [_INSTALL[shell], *script.splitlines()])
