"""Events on their way to the host: in order, text joined, a few times a second, never more than it can take.

What this leaves out is only left out of the live view. The result is gathered elsewhere.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from animus_agent_cli.event import Event, Text, Thinking, ToolCall, ToolResult

__all__ = ["NOTE_INTERVAL_SECONDS", "NOTE_LIMIT_CHARACTERS", "WAITING_LIMIT", "NoteQueue"]

NOTE_INTERVAL_SECONDS: Final = 0.05
"""How long pieces of text are gathered before they are told."""
NOTE_LIMIT_CHARACTERS: Final = 16 * 1024
"""How much text one note holds."""
WAITING_LIMIT: Final = 512
"""How many events wait to be told; beyond it the oldest that may be missed is left out."""

_MAY_BE_MISSED: Final = (Text, Thinking, ToolCall, ToolResult)


class NoteQueue:
    """Hands events to `tell` from a thread of its own, so that a slow host never holds up the program.

    Attributes:
        left_out: how many events were not told.
    """

    def __init__(self, tell: Callable[[Event], object]) -> None:
        """Start the thread. `tell` may block."""
        self.left_out = 0
        self._tell = tell
        self._turn = threading.Lock()
        self._waiting: deque[Event] = deque()
        self._has_news = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="agent-notes", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        """Take the next event. Does not block."""
        with self._turn:
            self._append(event)
            if len(self._waiting) > WAITING_LIMIT:
                self._drop_one()
        self._has_news.set()

    def close(self, wait_seconds: float) -> bool:
        """Tell the rest; answers whether that was done within `wait_seconds`."""
        self._is_over.set()
        self._has_news.set()
        self._thread.join(wait_seconds)
        return not self._thread.is_alive()

    def _append(self, event: Event) -> None:
        last = self._waiting[-1] if self._waiting else None
        if (
            isinstance(event, Text | Thinking)
            and isinstance(last, Text | Thinking)
            and type(last) is type(event)
            and len(last.text) + len(event.text) <= NOTE_LIMIT_CHARACTERS
        ):
            self._waiting[-1] = last._replace(text=last.text + event.text)
        else:
            self._waiting.append(event)

    def _drop_one(self) -> None:
        for number, event in enumerate(self._waiting):
            if isinstance(event, _MAY_BE_MISSED):
                del self._waiting[number]
                self.left_out += 1
                return

    def _run(self) -> None:
        while not self._is_over.is_set():
            self._has_news.wait()
            self._has_news.clear()
            self._tell_waiting()
            self._is_over.wait(NOTE_INTERVAL_SECONDS)
        self._tell_waiting()

    def _tell_waiting(self) -> None:
        while True:
            with self._turn:
                if not self._waiting:
                    return
                event = self._waiting.popleft()
            self._tell(event)
