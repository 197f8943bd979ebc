"""The lines of a plugin's standard output as frames, whatever else is written there."""

from collections.abc import Callable
from typing import Any

from animus_plugin_protocol.codec import decode_line
from animus_plugin_protocol.errors import FatalError, RpcFault
from animus_plugin_protocol.frames import BadFrame, Frame, OversizedLine
from animus_plugin_protocol.methods import TO_HOST
from animus_plugin_runtime.bad_line import BadLines
from animus_plugin_runtime.observer import Observers
from animus_plugin_runtime.tolerance import BrokenLines
from animus_plugin_runtime.traffic import TAIL_BYTES, FrameTail

__all__ = ["IncomingLines"]


class IncomingLines:
    """Of one plugin.

    Args:
        plugin: its name, for errors.
        observers: see every line.
        tail: keeps the beginnings of the latest ones.
        on_frame: is given each frame, in order.
        fail: ends the call of an id, if there is one, for which something unreadable was written.

    Attributes:
        bad: the lines that are no frame by themselves.
    """

    def __init__(
        self,
        plugin: str,
        observers: Observers,
        tail: FrameTail,
        on_frame: Callable[[Frame], None],
        fail: Callable[[Any, RpcFault], object],
    ) -> None:
        self._plugin = plugin
        self._observers = observers
        self._keep = tail.append
        self._on_frame = on_frame
        self._fail = fail
        self._broken = BrokenLines()
        self.bad = BadLines(plugin)

    def read(self, lines: list[bytes | OversizedLine], head: bytes) -> None:
        """The lines of one read; `head` is how an oversized one begins, which can only be the first."""
        for line in lines:
            if isinstance(line, OversizedLine):
                answered = self.bad.add_oversized(line, head)
                if answered is not None:
                    self._fail(*answered)
                continue
            self._keep((TO_HOST, line if len(line) <= TAIL_BYTES else line[:TAIL_BYTES]))
            if self._observers.seats:
                self._observers.see(TO_HOST, line)
            frame = decode_line(line)
            if isinstance(frame, Frame):
                self._broken.drop()
                self._on_frame(frame)
            elif frame is not None:
                self._read_bad(line, frame)

    def _read_bad(self, line: bytes, frame: BadFrame) -> None:
        self.bad.add(line)
        found = self._broken.take(line, frame)
        if found is None:
            self._fail(frame.id, FatalError(f"plugin {self._plugin!r} answered badly: {frame.message}"))
        for whole in found or ():
            self._on_frame(whole)
