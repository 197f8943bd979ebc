"""Entries that left the queue: append-only segments, and an index that finds one by its id or idempotency key.

A compaction moves what finished since the last one into a segment of its own, which never changes afterwards. A
segment belongs to the journal of the same number; one with a higher number than the current journal was left by a
crash and does not count.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from animus_queue_default.entry import Finished
from animus_queue_default.fault import CorruptFileError, StorageError
from animus_queue_default.files import Files
from animus_queue_default.frame import HISTORY_MAGIC, MAGIC_LENGTH, build_frame, read_frames

__all__ = ["History", "encode_finished", "segment_numbers", "segment_path"]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Finished]).decode
_PREFIX, _SUFFIX = "history-", ".log"
_OFFSET_BITS = 40


def segment_path(directory: Path, number: int) -> Path:
    """Where history segment `number` lies."""
    return directory / f"{_PREFIX}{number:08d}{_SUFFIX}"


def encode_finished(finished: Sequence[Finished]) -> bytes:
    """The frame for some finished entries."""
    return build_frame(_encode(finished))


def segment_numbers(names: Iterable[str]) -> list[int]:
    """The numbers of the history segments among `names`, ascending."""
    stems = (
        name[len(_PREFIX) : -len(_SUFFIX)] for name in names if name.startswith(_PREFIX) and name.endswith(_SUFFIX)
    )
    return sorted(int(stem) for stem in stems if stem.isdigit())


class History:
    """All segments of one queue. In memory there is one number per id and key; the rest is read when asked for."""

    def __init__(self, files: Files, directory: Path) -> None:
        self._files = files
        self._directory = directory
        self._places: dict[int, int | tuple[int, ...]] = {}
        """Where the frame of an entry is, by hash of its id or key; a tuple where hashes meet."""
        self.numbers: list[int] = []

    def load(self, upto: int) -> None:
        """Index every segment that belongs to journal `upto` or one before it."""
        for number in segment_numbers(self._files.names(self._directory)):
            if number <= upto:
                for _ in self.index(number):
                    pass

    def index(self, number: int) -> Iterator[list[Finished]]:
        """Index segment `number` frame by frame; gives what each frame holds, nothing if there is no such segment.

        Raises:
            CorruptFileError: it is damaged.
        """
        for offset, batch in self._frames(number):
            place = number << _OFFSET_BITS | offset
            for finished in batch:
                self._note(hash(("entry", finished.entry_id)), place)
                for bound in finished.keys:
                    self._note(hash(("key", bound.key)), place)
            yield batch
        self.numbers.append(number)

    def read_backwards(self, number: int) -> Iterator[Finished]:
        """What segment `number` holds, the last first."""
        for batch in reversed([batch for _, batch in self._frames(number)]):
            yield from reversed(batch)

    def _frames(self, number: int) -> Iterator[tuple[int, list[Finished]]]:
        path = segment_path(self._directory, number)
        try:
            descriptor = self._files.open(path)
        except FileNotFoundError:
            return
        try:
            if self._files.read(descriptor, MAGIC_LENGTH, 0) != HISTORY_MAGIC:
                raise _damage(path, 0)
            offset = MAGIC_LENGTH
            for payload, following in read_frames(
                lambda length, start: self._files.read(descriptor, length, start), offset
            ):
                yield offset, _decode(payload)
                offset = following
            if offset != self._files.size(descriptor):
                raise _damage(path, offset)
        finally:
            self._files.close(descriptor)

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

    def _note(self, digest: int, place: int) -> None:
        known = self._places.setdefault(digest, place)
        if known != place:
            self._places[digest] = (place, *(known if isinstance(known, tuple) else (known,)))

    def _candidates(self, digest: int) -> Iterator[Finished]:
        known = self._places.get(digest, ())
        for place in known if isinstance(known, tuple) else (known,):
            path = segment_path(self._directory, place >> _OFFSET_BITS)
            offset = place & ((1 << _OFFSET_BITS) - 1)
            try:
                first = self._read_frame(path, offset)
            except OSError as error:
                raise StorageError(f"cannot read {str(path)!r}: {error}; put the file back and ask again") from error
            if first is None:
                raise _damage(path, offset)
            yield from _decode(first)

    def _read_frame(self, path: Path, offset: int) -> bytes | None:
        descriptor = self._files.open(path)
        try:
            frames = read_frames(lambda length, start: self._files.read(descriptor, length, start), offset)
            return next((payload for payload, _ in frames), None)
        finally:
            self._files.close(descriptor)


def _damage(path: Path, offset: int) -> CorruptFileError:
    return CorruptFileError(
        f"{str(path)!r} is damaged at byte {offset}; nothing was written to it. Restore it from a backup, or move it"
        " away: idempotency keys and repeated completions of the entries in it are then no longer recognised"
    )
