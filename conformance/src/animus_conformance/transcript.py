"""What went over the pipes of one plugin process, kept for the report of a check that fails."""

import time
from typing import Final

__all__ = ["LINE_SHOWN", "Transcript"]

LINE_SHOWN: Final = 400
_LINES_KEPT: Final = 60
_HEAD_KEPT: Final = 8


class Transcript:
    """The first lines and the last ones, each cut to `LINE_SHOWN` bytes, with the seconds since the start."""

    def __init__(self, title: str) -> None:
        self._head: list[str] = [f"# {title}"]
        self._tail: list[str] = []
        self._left_out = 0
        self._started = time.monotonic()

    def sent(self, data: bytes) -> None:
        """The harness wrote these bytes."""
        self._add("->", data)

    def received(self, data: bytes) -> None:
        """The plugin wrote this line."""
        self._add("<-", data)

    def noted(self, text: str) -> None:
        """Something else happened."""
        self._keep(f"{self._clock()} -- {text}")

    def lines(self) -> list[str]:
        """What is kept."""
        gap = [f"... {self._left_out} lines left out ..."] if self._left_out else []
        return [*self._head, *gap, *self._tail]

    def _add(self, arrow: str, data: bytes) -> None:
        shown = data[:LINE_SHOWN].decode("utf-8", "backslashreplace").rstrip("\n").replace("\n", "\\n")
        cut = "" if len(data) <= LINE_SHOWN else f" ... ({len(data)} bytes)"
        self._keep(f"{self._clock()} {arrow} {shown}{cut}")

    def _clock(self) -> str:
        return f"{time.monotonic() - self._started:7.3f}"

    def _keep(self, line: str) -> None:
        if len(self._head) < _HEAD_KEPT:
            self._head.append(line)
            return
        self._tail.append(line)
        if len(self._tail) > _LINES_KEPT:
            self._tail.pop(0)
            self._left_out += 1
