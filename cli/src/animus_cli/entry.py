"""The console script: ``version`` is answered here, what only looks by a living daemon, all else by the whole program.

Start-up is a budget. Until the arguments are known nothing but this module is imported: no click, no msgspec, no
asyncio, no kernel, and nothing of the standard library that the interpreter has not loaded itself.
"""

import os
import sys

from animus_cli import __version__

TYPE_CHECKING = False  # importing typing costs more than this whole module; checkers know the name
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["command_tree", "main"]

_INTERRUPTED = 130
_VERSION_WORDS = frozenset({"version", "--version"})
_LOOKING = frozenset({"status", "daemon", "queue", "workflow"})
"""First words of the commands that `animus_cli.thin` knows."""
_MOST_WORDS = 3


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the command line.

    Args:
        arguments: what follows the program's name; the process's own if left out.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if _answered_at_once(words):
            if arguments is None:
                os._exit(0)  # nothing is left to tidy up, and doing so takes the interpreter a tenth of the whole time
            return 0
        from animus_cli.program import run  # noqa: PLC0415 - start-up: click is loaded only when it is needed
    except KeyboardInterrupt:  # Ctrl-C before the program has begun
        return _INTERRUPTED
    return run(words)


def command_tree() -> set[tuple[str, ...]]:
    """Every command there is, as the words that name it: ``("queue", "list")``, ``("demo",)``."""
    from animus_cli.tree import command_paths  # noqa: PLC0415 - start-up: click is loaded only when it is needed

    return command_paths()


def _answered_at_once(words: list[str]) -> bool:
    """Print what takes nothing but this module or a living daemon; False if nothing was printed."""
    asked = frozenset(words)
    if asked & _VERSION_WORDS and asked <= _VERSION_WORDS | {"--json"}:
        _print_version(as_json="--json" in asked)
        return True
    if len(words) > _MOST_WORDS or not asked & _LOOKING:
        return False
    from animus_cli.thin import print_answer  # noqa: PLC0415 - start-up: version needs no socket

    return print_answer(words)


def _print_version(*, as_json: bool) -> None:
    text = f"animus {__version__}"
    if as_json:
        # Written by hand: the version is plain ASCII, and the json module would double the time this takes.
        text = f'{{"schema":"animus.cli.v1","ok":true,"data":{{"name":"animus","version":"{__version__}"}}}}'
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
