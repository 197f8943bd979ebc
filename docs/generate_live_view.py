"""Writes docs/images/live-view.svg: what `animus demo` shows on a real terminal, drawn from what it wrote to it.

The command runs in a pseudo-terminal; what it prints is put on a screen as a terminal would, and the screen is drawn
at the moment the run has ended. Needs git and the default flavor: ``python docs/generate_live_view.py``.
"""  # noqa: INP001 - a script, not a module of a package

import fcntl
import html
import os
import pty
import re
import struct
import sys
import tempfile
import termios
from pathlib import Path
from typing import NamedTuple

__all__ = ["PICTURE", "Screen", "captured", "drawn", "main"]

PICTURE = Path(__file__).parent / "images" / "live-view.svg"
COLUMNS, LINES = 100, 40
END_OF_VIEW = "What happened"
"""What follows the view is left out: the view itself is the picture."""

_SEQUENCE = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])")
_COLOURS = {31: "#f7768e", 32: "#9ece6a", 33: "#e0af68", 36: "#7dcfff"}
_TEXT, _DIM, _BACKGROUND = "#c0caf5", "#6b7394", "#1a1b26"
_CELL_WIDTH, _LINE_HEIGHT, _MARGIN = 8.4, 19, 18


class Style(NamedTuple):
    """How a cell looks."""

    colour: str = _TEXT
    bold: bool = False


class Screen:
    """What a terminal shows: the few sequences that the command writes, and no more."""

    def __init__(self) -> None:
        self.rows: list[list[tuple[str, Style]]] = [[]]
        self._row = 0
        self._column = 0
        self._style = Style()

    def feed(self, text: str) -> None:
        """Take in what was written."""
        position = 0
        while position < len(text):
            found = _SEQUENCE.match(text, position)
            if found is not None:
                self._obey(found[2], [int(part or 0) for part in found[1].split(";")])
                position = found.end()
                continue
            self._put(text[position])
            position += 1

    def _put(self, letter: str) -> None:
        if letter == "\n":
            self._row += 1
            while len(self.rows) <= self._row:
                self.rows.append([])
        elif letter == "\r":
            self._column = 0
        elif letter.isprintable():
            if self._column >= COLUMNS:
                self._put("\n")
                self._column = 0
            row = self.rows[self._row]
            row.extend([(" ", Style())] * (self._column + 1 - len(row)))
            row[self._column] = (letter, self._style)
            self._column += 1

    def _obey(self, command: str, numbers: list[int]) -> None:
        if command == "A":
            self._row = max(self._row - (numbers[0] or 1), 0)
        elif command == "K":
            self.rows[self._row] = []
        elif command == "J":
            del self.rows[self._row + 1 :]
        elif command == "m":
            for number in numbers:
                self._style = _styled(self._style, number)


def _styled(style: Style, number: int) -> Style:
    if number == 0:
        return Style()
    if number == 1:
        return style._replace(bold=True)
    if number == 2:  # noqa: PLR2004 - the number for dim
        return style._replace(colour=_DIM)
    return style._replace(colour=_COLOURS.get(number, style.colour))


def captured(argv: list[str], environ: dict[str, str], cwd: str) -> str:
    """What a program writes to a terminal of `COLUMNS` by `LINES`.

    Raises:
        RuntimeError: it failed.
    """
    child, descriptor = pty.fork()
    if child == 0:
        os.chdir(cwd)
        os.execvpe(argv[0], argv, environ)  # noqa: S606 - the command that is pictured
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    written = b""
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # how a terminal says that nobody has it open any more
            break
        if not chunk:
            break
        written += chunk
    os.close(descriptor)
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise RuntimeError(f"{' '.join(argv)} ended with {os.waitstatus_to_exitcode(status)}:\n{written.decode()}")
    return written.decode(errors="replace")


def drawn(rows: list[list[tuple[str, Style]]]) -> str:
    """The rows of a screen as an SVG document."""
    width = COLUMNS * _CELL_WIDTH + 2 * _MARGIN
    height = len(rows) * _LINE_HEIGHT + 2 * _MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="The live view of a run">'
    )
    lines = [
        head,
        f'<rect width="100%" height="100%" rx="8" fill="{_BACKGROUND}"/>',
        '<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">',
    ]
    for number, row in enumerate(rows):
        baseline = _MARGIN + (number + 1) * _LINE_HEIGHT - 5
        lines += [_span(text, style, start, baseline) for start, text, style in _spans(row)]
    return "\n".join([*lines, "</g>", "</svg>", ""])


def _spans(row: list[tuple[str, Style]]) -> list[tuple[int, str, Style]]:
    """Neighbours that look alike, together."""
    spans: list[tuple[int, str, Style]] = []
    for column, (letter, style) in enumerate(row):
        if spans and spans[-1][2] == style:
            spans[-1] = (spans[-1][0], spans[-1][1] + letter, style)
        else:
            spans.append((column, letter, style))
    return [span for span in spans if span[1].strip()]


def _span(text: str, style: Style, column: int, baseline: int) -> str:
    stripped = text.lstrip(" ")
    column += len(text) - len(stripped)
    stripped = stripped.rstrip(" ")
    weight = ' font-weight="bold"' if style.bold else ""
    return (
        f'<text x="{_MARGIN + column * _CELL_WIDTH:.1f}" y="{baseline}" fill="{style.colour}"{weight} '
        f'textLength="{len(stripped) * _CELL_WIDTH:.1f}">{html.escape(stripped)}</text>'
    )


def main() -> int:
    """Play the demo and draw it; returns the exit code."""
    environ = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "LINES"}}
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(sys.executable).parent / "animus")
        written = captured([program, "demo"], environ | {"TERM": "xterm-256color", "HOME": folder}, folder)
    screen = Screen()
    screen.feed(written.partition(END_OF_VIEW)[0].replace(f"{Path(sys.executable).parent}/", ""))
    rows = screen.rows
    while rows and not rows[-1]:
        rows.pop()
    prompt = [(letter, Style(bold=True)) for letter in "$ animus demo"]
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(drawn([prompt, [], *rows]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
