"""What standard output is: how wide, and whether it takes colours. Imports nothing that is not there already."""

import os

TYPE_CHECKING = False  # importing typing costs more than this whole module; checkers know the name
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

__all__ = ["window_of"]

_USUAL_WIDTH = 80
_MINIMUM_WIDTH = 40


def window_of(stream: "TextIO", environ: "Mapping[str, str]" = os.environ) -> tuple[int | None, bool]:
    """The width of `stream` in columns, None if it is no terminal, and whether it takes colours.

    Colours only on a terminal, and never with NO_COLOR or TERM=dumb.
    """
    if not stream.isatty():
        return None, False
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        columns = 0
    written = environ.get("COLUMNS", "")
    columns = int(written) if written.isdecimal() else columns
    colour = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return max(columns or _USUAL_WIDTH, _MINIMUM_WIDTH), colour
