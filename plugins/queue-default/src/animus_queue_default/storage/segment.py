"""One file of the history, and the table beside it that finds a record in it without reading it.

A segment ``history-<n>.log`` holds the entries that left the queue before journal `n` began; ``history-<m>-<n>.log``
is what the segments from `m` to `n` were merged into. It never changes. Its table (``.idx`` instead of ``.log``) is
sorted by a hash of entry ids and idempotency keys and is searched where it lies, so that a long history takes no
memory and no time to open. The table can be made again from the segment, and is, when it is missing or damaged.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from animus_queue_default.fault import CorruptFileError, StorageError
from animus_queue_default.model.entry import Finished
from animus_queue_default.storage.draft import Mark, mark_of
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.frame import HEAD, HISTORY_MAGIC, MAGIC_LENGTH, read_frames
from animus_queue_default.storage.table import Table, TableRows, length_at, offset_at, table_path

__all__ = ["Segment", "Span", "segment_spans"]

_decode = msgspec.msgpack.Decoder(list[Finished]).decode
_decode_one = msgspec.msgpack.Decoder(Finished).decode
_decode_raws = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_PREFIX, _SUFFIX = "history-", ".log"


class Span(NamedTuple):
    """The journals whose finished entries a segment holds, first and last."""

    first: int
    last: int

    def path(self, directory: Path) -> Path:
        """Where the segment lies."""
        name = f"{self.last:08d}" if self.first == self.last else f"{self.first:08d}-{self.last:08d}"
        return directory / f"{_PREFIX}{name}{_SUFFIX}"


def segment_spans(names: Iterable[str]) -> list[Span]:
    """The spans of the segments among `names`, ascending, the widest of those that begin alike first."""
    spans: list[Span] = []
    for name in names:
        if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
            numbers = name[len(_PREFIX) : -len(_SUFFIX)].split("-")
            if all(number.isdigit() for number in numbers) and len(numbers) in {1, 2}:
                spans.append(Span(int(numbers[0]), int(numbers[-1])))
    return sorted(spans, key=lambda span: (span.first, -span.last))


class Segment:
    """A segment to look things up in.

    Args:
        files: the operating system.
        directory: where it lies.
        span: what it holds.
    """

    def __init__(self, files: Files, directory: Path, span: Span) -> None:
        self._files = files
        self.span = span
        self.path = span.path(directory)
        self._descriptor: int | None = None
        self._table: Table | None = None

    @property
    def table_path(self) -> Path:
        """Where its table lies."""
        return table_path(self.path)

    @property
    def table(self) -> Table:
        """Its table, made anew if it is missing or damaged.

        Raises:
            StorageError: the segment cannot be read.
        """
        if self._table is None:
            self._table = self._load_table()
        if self._table is None:
            self.make_table()
            self._table = self._load_table()
        if self._table is None:
            raise StorageError(f"{str(self.table_path)!r} was written and cannot be read back; ask again")
        return self._table

    @property
    def size(self) -> int:
        """How long it is, in bytes."""
        return self._files.size(self._open())

    def lookup(self, digest: int) -> Iterator[Finished]:
        """The entries that hash may stand for.

        Raises:
            StorageError: the segment cannot be read.
        """
        for place in self.table.places(digest):
            yield self._read_one(offset_at(place), length_at(place))

    def frames(self) -> Iterator[list[Finished]]:
        """What the segment holds, a frame at a time.

        Raises:
            StorageError: it cannot be read or is damaged.
        """
        for payload, _ in self._payloads():
            yield _decode(payload)

    def backwards(self, skip: int = 0) -> Iterator[Finished]:
        """What it holds but for the last `skip`, the last first."""
        for offset, count in reversed(self.table.frames()):
            if skip >= count:
                skip -= count
                continue
            for payload, _ in read_frames(self._read, offset):
                batch = _decode(payload)
                yield from batch[len(batch) - 1 - skip :: -1]
                skip = 0
                break
            else:
                raise self._damage(offset)

    def pieces(self, size: int) -> Iterator[bytes]:
        """Everything behind the magic, `size` bytes at a time."""
        offset = MAGIC_LENGTH
        while piece := self._read(size, offset):
            yield piece
            offset += len(piece)

    @property
    def count(self) -> int:
        """How many entries it holds."""
        return self.table.count

    def close(self) -> None:
        """Give the files back."""
        if self._table is not None:
            self._table.close()
            self._table = None
        if self._descriptor is not None:
            self._files.close(self._descriptor)
            self._descriptor = None

    def open(self) -> None:
        """Open the segment, so that it can be read although it is merged and deleted meanwhile.

        Raises:
            StorageError: it cannot be opened.
        """
        self._open()

    def make_table(self) -> None:
        """Write the table anew from the segment."""
        rows = TableRows()
        for payload, following in self._payloads():
            start = following - len(payload)
            raws = _decode_raws(payload)
            offset = start + len(payload) - sum(len(raw) for raw in raws)
            rows.note_frame(start - HEAD.size, len(raws))
            for raw in raws:
                rows.note(_decode_one(raw), offset, len(raw))
                offset += len(raw)
        for _ in rows.save(self._files, self.table_path, self._mark(), os.urandom(4).hex()):
            pass

    def _load_table(self) -> Table | None:
        return Table.load(self._files, self.table_path, self._mark())

    def _mark(self) -> Mark:
        descriptor = self._open()
        return mark_of(self._files, descriptor, self._files.size(descriptor))

    def _payloads(self) -> Iterator[tuple[bytes, int]]:
        if self._read(MAGIC_LENGTH, 0) != HISTORY_MAGIC:
            raise self._damage(0)
        offset = MAGIC_LENGTH
        for payload, following in read_frames(self._read, offset):
            yield payload, following
            offset = following
        if offset != self._files.size(self._open()):
            raise self._damage(offset)

    def _open(self) -> int:
        if self._descriptor is None:
            try:
                self._descriptor = self._files.open(self.path)
            except OSError as error:
                raise self._unreadable(error) from error
        return self._descriptor

    def _read_one(self, offset: int, length: int) -> Finished:
        try:
            return _decode_one(self._read(length, offset))
        except msgspec.MsgspecError as error:
            raise self._damage(offset) from error

    def _read(self, length: int, offset: int) -> bytes:
        try:
            return self._files.read(self._open(), length, offset)
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> StorageError:
        return StorageError(f"cannot read {str(self.path)!r}: {error}; put the file back and ask again")

    def _damage(self, offset: int) -> CorruptFileError:
        return CorruptFileError(
            f"{str(self.path)!r} is damaged at byte {offset}; nothing was written to it. Restore it from a backup, or"
            " move it away: idempotency keys and repeated completions of the entries in it are then no longer"
            " recognised"
        )
