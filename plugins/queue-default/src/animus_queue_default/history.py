"""Entries that left the queue: append-only segments, and an index that finds one by its id or idempotency key.

A compaction moves what finished since the last one into a segment of its own, which never changes afterwards. A
segment belongs to the journal of the same number; one with a higher number than the current journal was left by a
crash and does not count.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from animus_queue_default.entry import Finished
from animus_queue_default.fault import CorruptFileError
from animus_queue_default.files import Files
from animus_queue_default.frame import HISTORY_MAGIC, MAGIC_LENGTH, build_frame, read_frames

__all__ = ["History", "encode_finished", "segment_path"]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Finished]).decode
_PREFIX, _SUFFIX = "history-", ".log"
_Place = tuple[int, int]


def segment_path(directory: Path, number: int) -> Path:
    """Where history segment `number` lies."""
    return directory / f"{_PREFIX}{number:08d}{_SUFFIX}"


def encode_finished(finished: Sequence[Finished]) -> bytes:
    """The frame for some finished entries."""
    return build_frame(_encode(finished))


class History:
    """All segments of one queue. In memory there is one number per id and key; the rest is read when asked for."""

    def __init__(self, files: Files, directory: Path) -> None:
        self._files = files
        self._directory = directory
        self._places: dict[int, tuple[_Place, ...]] = {}

    def load(self, upto: int) -> None:
        """Index every segment that belongs to journal `upto` or one before it."""
        for name in self._files.names(self._directory):
            stem = name[len(_PREFIX) : -len(_SUFFIX)]
            if name.startswith(_PREFIX) and name.endswith(_SUFFIX) and stem.isdigit() and int(stem) <= upto:
                self.load_segment(int(stem))

    def load_segment(self, number: int) -> list[Finished]:
        """Index segment `number` and return what it holds; nothing if there is none.

        Raises:
            CorruptFileError: it is damaged.
        """
        path = segment_path(self._directory, number)
        found: list[Finished] = []
        try:
            descriptor = self._files.open(path)
        except FileNotFoundError:
            return found
        try:
            if self._files.read(descriptor, MAGIC_LENGTH, 0) != HISTORY_MAGIC:
                raise _damage(path, 0)
            offset = MAGIC_LENGTH
            for payload, following in read_frames(
                lambda length, start: self._files.read(descriptor, length, start), offset
            ):
                batch = _decode(payload)
                self.note(number, offset, batch)
                found.extend(batch)
                offset = following
            if offset != self._files.size(descriptor):
                raise _damage(path, offset)
        finally:
            self._files.close(descriptor)
        return found

    def note(self, number: int, offset: int, batch: Sequence[Finished]) -> None:
        """Index the entries of the frame at `offset` in segment `number`."""
        place = (number, offset)
        for finished in batch:
            self._note(hash(("entry", finished.entry_id)), place)
            for bound in finished.keys:
                self._note(hash(("key", bound.key)), place)

    def find_entry(self, entry_id: str) -> Finished | None:
        """The finished entry of that id."""
        for finished in self._candidates(hash(("entry", entry_id))):
            if finished.entry_id == entry_id:
                return finished
        return None

    def find_key(self, key: str) -> Finished | None:
        """The finished entry that idempotency key is bound to."""
        for finished in self._candidates(hash(("key", key))):
            if any(bound.key == key for bound in finished.keys):
                return finished
        return None

    def _note(self, digest: int, place: _Place) -> None:
        self._places[digest] = (place, *self._places.get(digest, ()))

    def _candidates(self, digest: int) -> Iterator[Finished]:
        for number, offset in self._places.get(digest, ()):
            path = segment_path(self._directory, number)
            descriptor = self._files.open(path)
            try:
                frames = read_frames(lambda length, start, fd=descriptor: self._files.read(fd, length, start), offset)  # type: ignore[misc]
                first = next(frames, None)
            finally:
                self._files.close(descriptor)
            if first is None:
                raise _damage(path, offset)
            yield from _decode(first[0])


def _damage(path: Path, offset: int) -> CorruptFileError:
    return CorruptFileError(
        f"{str(path)!r} is damaged at byte {offset}; nothing was written to it. Restore it from a backup, or move it"
        " away: idempotency keys and repeated completions of the entries in it are then no longer recognised"
    )
