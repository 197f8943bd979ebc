"""The console script: answers ``animus version`` itself and loads the rest only when something else is asked.

Start-up is a budget. Until the arguments are known nothing but this module is imported: no click, no msgspec, no
asyncio, no kernel.
"""

import sys
from collections.abc import Sequence

from animus_cli import __version__

__all__ = ["command_tree", "main"]

_INTERRUPTED = 130
_VERSION_WORDS = frozenset({"version", "--version"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what follows the program's name; the process's own if left out.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    asked = frozenset(words)
    if asked & _VERSION_WORDS and asked <= _VERSION_WORDS | {"--json"}:
        return _print_version(as_json="--json" in asked)
    try:
        from animus_cli.program import run  # noqa: PLC0415 - start-up: click is loaded only when it is needed
    except KeyboardInterrupt:  # Ctrl-C while the rest is loaded
        return _INTERRUPTED
    return run(words)


def command_tree() -> set[tuple[str, ...]]:
    """Every command there is, as the words that name it: ``("queue", "list")``, ``("demo",)``."""
    from animus_cli.tree import command_paths  # noqa: PLC0415 - start-up: click is loaded only when it is needed

    return command_paths()


def _print_version(*, as_json: bool) -> int:
    text = f"animus {__version__}"
    if as_json:
        # Written by hand: the version is plain ASCII, and the json module would double the time this takes.
        text = f'{{"schema":"animus.cli.v1","ok":true,"data":{{"name":"animus","version":"{__version__}"}}}}'
    sys.stdout.write(text + "\n")
    return 0
