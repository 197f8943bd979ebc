"""Output on its way to people: whole lines, a few times a second, never more than the host can take.

What this leaves out is only left out of the live view. The result and the output file are kept elsewhere, in full.
"""

import codecs
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["LIVE_LIMIT_CHARACTERS", "NOTE_INTERVAL_SECONDS", "PARTIAL_LIMIT_CHARACTERS", "LiveText", "Streamer"]

NOTE_INTERVAL_SECONDS: Final = 0.05
"""At most twenty pieces a second."""
LIVE_LIMIT_CHARACTERS: Final = 256 * 1024
"""How much waits to be shown; beyond it the oldest is left out."""
PARTIAL_LIMIT_CHARACTERS: Final = 8 * 1024
"""A line that is longer is shown in pieces."""


class LiveText:
    """The text that was printed and not shown yet. Bytes that are not UTF-8 become replacement characters."""

    def __init__(self) -> None:
        """Start empty."""
        self._turn = threading.Lock()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._pieces: deque[str] = deque()
        self._size = 0
        self._left_out = 0
        self._has_line = False

    def write(self, data: bytes, *, final: bool = False) -> bool:
        """Take the next piece of output; answers whether there is something to show."""
        with self._turn:
            piece = self._decoder.decode(data, final)
            self._pieces.append(piece)
            self._size += len(piece)
            self._has_line = self._has_line or "\n" in piece
            while self._size > LIVE_LIMIT_CHARACTERS:
                left_out = len(self._pieces.popleft())
                self._size -= left_out
                self._left_out += left_out
            return self._has_line or self._size > PARTIAL_LIMIT_CHARACTERS

    def take(self, *, final: bool = False) -> str:
        """The whole lines that wait, and at the end also the last line without an end."""
        with self._turn:
            waiting = "".join(self._pieces)
            all_of_it = final or len(waiting) > PARTIAL_LIMIT_CHARACTERS
            end = len(waiting) if all_of_it else waiting.rfind("\n") + 1
            text, rest = waiting[:end], waiting[end:]
            self._pieces = deque([rest])
            self._size, self._has_line = len(rest), False
            left_out, self._left_out = self._left_out, 0
        if not left_out:
            return text
        # The first line may have lost its beginning: it goes too.
        cut = text.find("\n") + 1
        return f"[{left_out + cut} characters of output are not shown here]\n{text[cut:]}"


class Streamer:
    """Hands text to `on_text` from a thread of its own, so that a slow host never holds up the program.

    `on_text(text, is_last)` may block. The last call carries what was left, which may be nothing.
    """

    def __init__(self, on_text: Callable[[str, bool], object]) -> None:
        """Start the thread."""
        self._text = LiveText()
        self._on_text = on_text
        self._has_text = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._show, name="agent-output", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Take the next piece of output. Does not block."""
        if self._text.write(data):
            self._has_text.set()

    def close(self, wait_seconds: float) -> bool:
        """Show the rest; answers whether that was done within `wait_seconds`."""
        self._text.write(b"", final=True)
        self._is_over.set()
        self._has_text.set()
        self._thread.join(wait_seconds)
        return not self._thread.is_alive()

    def _show(self) -> None:
        while not self._is_over.is_set():
            self._has_text.wait()
            self._has_text.clear()
            if self._is_over.is_set():
                break
            text = self._text.take()
            if text:
                self._on_text(text, False)  # noqa: FBT003 - positional by the contract above
            self._is_over.wait(NOTE_INTERVAL_SECONDS)
        self._on_text(self._text.take(final=True), True)  # noqa: FBT003 - as above
