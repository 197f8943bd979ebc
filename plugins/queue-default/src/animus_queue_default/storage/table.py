"""The table beside a history segment: where each record lies, by a hash of its id and of its idempotency keys.

It is sorted and is searched where it lies, so that a long history takes no memory and no time to open. It holds
nothing that is not in the segment; a missing or damaged one is made again.
"""

import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from animus_queue_default.model.entry import Finished
from animus_queue_default.storage.draft import Draft, Mark
from animus_queue_default.storage.files import Files

__all__ = ["BUCKETS", "Table", "TableRows", "digest_of", "length_at", "offset_at", "place_in_segment", "table_path"]

_MAGIC = b"animusqi" if sys.byteorder == "little" else b"animusqI"
_HEAD = struct.Struct("<8sQQQIIII")
"""Magic, number of rows and frames, size of the segment, checksums of hashes, places, frames and the segment's end."""
_LENGTH_BITS = 24
_SUFFIX = ".idx"
BUCKETS = 256
"""A table is made a bucket at a time, by the first byte of the hash."""
_AT_ONCE = 8_192
"""How many rows are dealt with at once."""


def digest_of(kind: bytes, text: str) -> int:
    """64 bits that stand for an id or key. Two may share one: what is found by it is always compared."""
    data = kind + text.encode(errors="surrogatepass")
    return crc32(data) << 32 | crc32(data[::-1])


def table_path(segment: Path) -> Path:
    """Where the table of that segment lies."""
    return segment.with_suffix(_SUFFIX)


def place_in_segment(offset: int, length: int) -> int:
    """Where a record lies, in one number."""
    return offset << _LENGTH_BITS | length


def offset_at(place: int) -> int:
    """Where the record at `place` begins."""
    return place >> _LENGTH_BITS


def length_at(place: int) -> int:
    """How long the record at `place` is."""
    return place & ((1 << _LENGTH_BITS) - 1)


class TableRows:
    """The rows of a table in the making."""

    def __init__(self) -> None:
        self._buckets = [(array("Q"), array("Q")) for _ in range(BUCKETS)]
        self._frames = array("Q")
        self._counts = array("Q")
        self._count = 0

    def note_frame(self, offset: int, count: int) -> None:
        """A frame of `count` entries begins at `offset`."""
        self._frames.append(offset)
        self._counts.append(self._count)
        self._count += count

    def note(self, finished: Finished, offset: int, length: int) -> None:
        """The record of `finished` lies there."""
        place = place_in_segment(offset, length)
        self.add(digest_of(b"e", finished.entry_id), place)
        for bound in finished.keys:
            self.add(digest_of(b"k", bound.key), place)

    def add(self, digest: int, place: int) -> None:
        """One row."""
        hashes, places = self._buckets[digest >> 56]
        hashes.append(digest)
        places.append(place)

    def save(self, files: Files, path: Path, mark: Mark, suffix: str) -> Iterator[bool]:
        """Write the table of the segment with that mark, a piece each time it is asked to go on.

        Raises:
            OSError: it could not be written; nothing is left of it.
        """
        draft = Draft(files, path, bytes(_HEAD.size), suffix)
        try:
            yield from self._write(draft, mark)
            # Not synced: what a power cut leaves of it does not check out, and it is made again.
            draft.publish(durably=False)
        except BaseException:
            draft.discard()
            raise

    def _write(self, draft: Draft, mark: Mark) -> Iterator[bool]:
        count = sum(len(hashes) for hashes, _ in self._buckets)
        sums, done, paused = [0, 0], 0, 0
        for bucket in self._buckets:
            rows = sorted(zip(*bucket, strict=True))
            for column in range(2):
                data = array("Q", [row[column] for row in rows]).tobytes()
                draft.write_at(data, _HEAD.size + 8 * (column * count + done))
                sums[column] = crc32(data, sums[column])
            done += len(rows)
            if done - paused >= _AT_ONCE:
                paused = done
                yield True
        self._counts.append(self._count)
        data = self._frames.tobytes() + self._counts.tobytes()
        draft.write_at(data, _HEAD.size + 16 * count)
        head = (_MAGIC, count, len(self._frames), mark.size, *sums, crc32(data), mark.checksum)
        draft.write_at(_HEAD.pack(*head), 0)


class Table:
    """A table as it lies on disk."""

    def __init__(self, words: memoryview, rows: int, frames: int) -> None:
        self._words = words
        self._rows = rows
        self._frames = frames

    @classmethod
    def load(cls, files: Files, path: Path, mark: Mark) -> "Table | None":
        """The table in `path`, or None if there is none that checks out for the segment with that mark."""
        data = files.map(path)
        if data is None or len(data) < _HEAD.size:
            return None
        magic, rows, frames, size, *sums, end = _HEAD.unpack_from(data)
        body = memoryview(data)[_HEAD.size :]
        if magic != _MAGIC or (size, end) != mark or len(body) != 8 * (2 * rows + 2 * frames + 1):
            return None
        parts = (body[: 8 * rows], body[8 * rows : 16 * rows], body[16 * rows :])
        return cls(body.cast("Q"), rows, frames) if [crc32(part) for part in parts] == sums else None

    @property
    def count(self) -> int:
        """How many entries the segment holds."""
        return int(self._words[-1])

    def places(self, digest: int) -> Iterator[int]:
        """Where the records lie that the hash may stand for."""
        row = bisect_left(self._words, digest, 0, self._rows)
        while row < self._rows and self._words[row] == digest:
            yield self._words[self._rows + row]
            row += 1

    def rows(self, bucket: int) -> Iterator[tuple[int, int]]:
        """The rows that begin with that byte: hash and place."""
        row = bisect_left(self._words, bucket << 56, 0, self._rows)
        while row < self._rows and self._words[row] >> 56 == bucket:
            yield self._words[row], self._words[self._rows + row]
            row += 1

    def frames(self) -> list[tuple[int, int]]:
        """Where each frame begins, and how many entries it holds."""
        first = 2 * self._rows
        counts = self._words[first + self._frames :]
        return [(self._words[first + at], counts[at + 1] - counts[at]) for at in range(self._frames)]

    def close(self) -> None:
        """Give it back."""
        self._words.release()
