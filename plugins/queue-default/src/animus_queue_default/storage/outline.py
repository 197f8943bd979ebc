"""The outline of a journal: a file beside it that says what most of it amounts to, so that opening it is quick.

It is worth nothing by itself: the journal is the truth, and whatever of the outline is missing, torn or does not fit
its journal is left out, and the journal is read there instead. So it is written without a sync, and it may be deleted
at any time. Whether it fits is known from a checksum of each stretch of the journal, which is compared whenever the
outline is used: damage to the journal is found as early with it as without.
"""

import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from animus_queue_default.state.queue_state import QueueState
from animus_queue_default.storage.draft import Draft
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.frame import HEAD, MAGIC_LENGTH, build_frame, read_frames
from animus_queue_default.storage.recorder import Recorder
from animus_queue_default.storage.stretch import Stretch

__all__ = ["STRETCH_BYTES", "Outline", "OutlineDraft", "StretchHead", "outline_path"]

STRETCH_BYTES = 512 * 1024
"""How much of a journal one stretch covers: a few milliseconds of work when it is made."""
# Columns are written as they lie in memory; on a machine of the other kind the outline is made anew.
_MAGIC = b"animusq2" if sys.byteorder == "little" else b"animusq!"
_SPAN = struct.Struct("<QQI")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Stretch).decode


def outline_path(directory: Path, number: int) -> Path:
    """Where the outline of journal `number` lies."""
    return directory / f"outline-{number:08d}.log"


class StretchHead(NamedTuple):
    """From where to where in the journal a stretch reaches, the checksum of that, and where the stretch stands."""

    start: int
    end: int
    checksum: int
    offset: int


class Outline:
    """An outline file, open.

    Args:
        files: the operating system.
        path: the file; it is made when the first stretch is written.
    """

    def __init__(self, files: Files, path: Path) -> None:
        self._files = files
        self._path = path
        self._descriptor: int | None = None
        self._end = 0

    def heads(self) -> list[StretchHead]:
        """What there is, in the order of the journal."""
        if self._descriptor is None and not self._open(create=False):
            return []
        found: list[StretchHead] = []
        at, size = MAGIC_LENGTH, 0 if self._descriptor is None else self._files.size(self._descriptor)
        while len(head := self._read(HEAD.size + _SPAN.size, at)) == HEAD.size + _SPAN.size:
            length, _ = HEAD.unpack_from(head)
            if length < _SPAN.size or at + HEAD.size + length > size:
                break
            start, end, checksum = _SPAN.unpack_from(head, HEAD.size)
            found.append(StretchHead(start, end, checksum, at))
            at += HEAD.size + length
        self._end = at
        return sorted(found)

    def read(self, head: StretchHead) -> Stretch:
        """One stretch.

        Raises:
            MsgspecError: it is none.
        """
        for payload, _ in read_frames(self._read, head.offset):
            return _decode(payload[_SPAN.size :])
        raise msgspec.DecodeError("the outline changed while it was read")

    def append(self, start: int, end: int, checksum: int, stretch: Stretch) -> bool:
        """Add a stretch of the journal; False if somebody else added some, so that this may be one of them.

        Raises:
            OSError: it could not be written.
        """
        if self._descriptor is None:
            self._open(create=True)
        if self._read(HEAD.size, self._end):
            self.heads()
            if self._descriptor is not None:
                self._files.cut(self._descriptor, self._end)  # a torn end, if there is one
            return False
        if self._descriptor is not None:
            data = _build(start, end, checksum, stretch)
            self._files.write(self._descriptor, data, self._end)
            self._end += len(data)
        return True

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor is not None:
            self._files.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Delete it: it does not fit."""
        self.close()
        self._files.remove(self._path)

    def _open(self, *, create: bool) -> bool:
        try:
            self._descriptor = self._files.open(self._path, create=create)
        except FileNotFoundError:
            return False
        magic = self._read(MAGIC_LENGTH, 0)
        self._end = MAGIC_LENGTH
        if magic != _MAGIC:
            self._files.cut(self._descriptor, 0)
            self._files.write(self._descriptor, _MAGIC, 0)
        else:
            self.heads()
        return True

    def _read(self, length: int, offset: int) -> bytes:
        if self._descriptor is None:
            return b""
        return self._files.read(self._descriptor, length, offset)


class OutlineDraft:
    """The outline of a journal that is still being written.

    Args:
        files: the operating system.
        directory: where the queue's files are.
        number: the number of the journal.
        suffix: makes this process's drafts distinct from another's.
        start: where in the journal the first stretch begins.
        stretch_bytes: how much of the journal one stretch covers.
        state: the queue, of which the journal says what it has come to.
    """

    def __init__(  # what a file in the making needs
        self,
        files: Files,
        directory: Path,
        number: int,
        suffix: str,
        start: int,
        stretch_bytes: int,
        state: QueueState,
    ) -> None:
        self._stretch_bytes = stretch_bytes
        self._state = state
        self._draft = Draft(files, outline_path(directory, number), _MAGIC, suffix)
        self._recorder = Recorder(start)
        self.note = self._recorder.note

    def step(self, end: int, checksum: Callable[[int, int], int | None]) -> None:
        """The journal reaches to `end` now: make a stretch of what there is, if it is enough."""
        if end - self._recorder.start >= self._stretch_bytes:
            self._cut(end, checksum)

    def publish(self, end: int, checksum: Callable[[int, int], int | None]) -> None:
        """The journal is complete, up to `end`."""
        if end > self._recorder.start:
            self._cut(end, checksum)
        self._draft.publish(durably=False)

    def discard(self) -> None:
        """Drop it."""
        self._draft.discard()

    def _cut(self, end: int, checksum: Callable[[int, int], int | None]) -> None:
        start = self._recorder.start
        found = checksum(start, end) or 0
        self._draft.write(_build(start, end, found, self._recorder.take(end, self._state)), durably=False)


def _build(start: int, end: int, checksum: int, stretch: Stretch) -> bytes:
    return build_frame(_SPAN.pack(start, end, checksum) + _encode(stretch))
