"""What a program printed: in memory while it is short, in a file as well once it is long."""

from pathlib import Path
from typing import Final

from animus_process import BoundedCapture, TailBuffer

__all__ = ["OUTPUT_LIMIT_BYTES", "Output"]

OUTPUT_LIMIT_BYTES: Final = 1024 * 1024
"""How much of the output travels in the result. A byte may take six in JSON, and a frame holds eight megabytes."""


class Output:
    """Keeps the tail of a stream, and all of it in `file` as soon as the tail is not all.

    Attributes:
        file: the file, once there is one.
        file_error: why there is none, or why it is not complete.
    """

    def __init__(self, file: Path | None, *, limit: int = OUTPUT_LIMIT_BYTES) -> None:
        """Start without a file; `file` says where it would be, None that there is no place for it."""
        self.file: Path | None = None
        self.file_error: str | None = None if file else "the host named no place for it"
        self._place = file
        self._tail = TailBuffer(limit)
        self._capture: BoundedCapture | None = None

    def write(self, data: bytes) -> None:
        """Append `data`."""
        if (
            self._capture is None
            and self._place is not None
            and self._tail.total_bytes + len(data) > self._tail.limit_bytes
        ):
            self._spill(self._place)
        self._tail.write(data)
        if self._capture is not None:
            try:
                self._capture.write(data)
            except OSError as error:
                self._give_up(error)

    @property
    def total_bytes(self) -> int:
        """How much was printed in all."""
        return self._tail.total_bytes

    @property
    def truncated(self) -> bool:
        """Whether `text` is less than the whole."""
        return self._tail.truncated

    def text(self) -> str:
        """The tail; what is not UTF-8 becomes replacement characters."""
        return self._tail.text()

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._capture is not None:
            if self._capture.file_truncated:
                self.file_error = "the file reached its own limit and holds the beginning only"
            try:
                self._capture.close()
            except OSError as error:
                self._give_up(error)

    def _spill(self, place: Path) -> None:
        """Begin the file with what was printed so far: it is still complete in memory."""
        self._place = None
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._capture = BoundedCapture(place, 0)
            self.file = place
            self._capture.write(self._tail.data())
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._capture = None
        self.file_error = f"{error.strerror or error}"
