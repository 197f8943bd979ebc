"""What a daemon sends, for whoever asked it: frames out of bytes, however these are read."""

from collections import deque

from animus_control.errors import ControlError, daemon_needed
from animus_plugin_protocol.codec import decode_line
from animus_plugin_protocol.frames import MAX_WRITE_BYTES, BadFrame, Frame, LineSplitter

__all__ = ["IncomingFrames"]


class IncomingFrames:
    """The frames of one connection, in order."""

    def __init__(self) -> None:
        self._lines = LineSplitter(MAX_WRITE_BYTES)
        self._frames: deque[Frame] = deque()

    def take(self) -> Frame | None:
        """The next frame; None when more has to be read first."""
        return self._frames.popleft() if self._frames else None

    def feed(self, chunk: bytes) -> None:
        """Add what was read; nothing means that the daemon hung up.

        Raises:
            ControlError: ``unavailable`` when it hung up, ``internal`` when it sent what is no frame.
        """
        if not chunk:
            raise daemon_needed("the daemon went away during the call")
        for line in self._lines.feed(chunk):
            frame = decode_line(line) if isinstance(line, bytes) else line.as_bad_frame()
            if isinstance(frame, BadFrame):
                raise ControlError("internal", f"the daemon sent what is no frame: {frame.message}")
            if frame is not None:
                self._frames.append(frame)
