"""How a hand-written command is declared: as the generated ones, with the global flags on it."""

from collections.abc import Callable
from typing import Any

import click

from animus_cli.invocation import global_options, invocation_of

__all__ = ["command"]


def command(
    name: str, help_text: str, *options: click.Parameter
) -> Callable[[Callable[..., int | None]], click.Command]:
    """Declare a command; its function gets the invocation first and the options by name."""

    def declare(function: Callable[..., int | None]) -> click.Command:
        def callback(**values: Any) -> int | None:
            return function(invocation_of(click.get_current_context()), **values)

        return click.Command(
            name,
            callback=callback,
            params=[*options, *global_options()],
            help=help_text,
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        )

    return declare
