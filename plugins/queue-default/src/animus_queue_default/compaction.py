"""Rewriting a journal a slice at a time, so that no operation waits for the whole of it.

While a compaction runs, operations go on in the old file. Each commit copies one slice of entries to the new file;
facts about entries that were already copied are mirrored behind them. When everything is copied the old file is
sealed with one last record that names the new one, and that record is the moment of truth: before it a crash leaves
the old file in charge, after it the new one. A second process that compacts at the same time finds the seal and
drops its own attempt.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from animus_queue_default.entry import Finished
from animus_queue_default.files import Files
from animus_queue_default.frame import HISTORY_MAGIC, JOURNAL_MAGIC
from animus_queue_default.history import encode_finished, segment_path
from animus_queue_default.journal import encode_batch, encode_record, journal_path
from animus_queue_default.record import FORMAT, Added, Bound, Changed, Generations, Header, Moved, Record, Sealed
from animus_queue_default.state import QueueState

__all__ = ["SLICE_RECORDS", "Compaction"]

SLICE_RECORDS = 512
"""How many records one slice copies: a few milliseconds of work."""

_T = TypeVar("_T")


class _Draft:
    """A file in the making: written in synced pieces, named when it is complete."""

    def __init__(self, files: Files, path: Path, magic: bytes, suffix: str) -> None:
        self._files = files
        self.path = path
        self._temporary = path.with_name(f"{path.name}.tmp-{suffix}")
        self._descriptor = files.open(self._temporary, fresh=True)
        self._is_open = True
        self.end = 0
        try:
            self.write(magic)
        except OSError:
            self.discard()
            raise

    def write(self, data: bytes) -> None:
        """Add `data` durably."""
        self._files.write(self._descriptor, data, self.end)
        self._files.sync(self._descriptor)
        self.end += len(data)

    def publish(self) -> None:
        self._files.sync(self._descriptor)
        self._close()
        self._files.publish(self._temporary, self.path)

    def discard(self) -> None:
        self._close()
        self._files.remove(self._temporary)

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._files.close(self._descriptor)


class Compaction:
    """One rewrite of the journal into its successor.

    Args:
        files: the operating system.
        directory: where the queue's files are.
        number: the number of the new journal.
        state: the queue as it is now; it goes on changing.
        now: the moment, for the header.
    """

    def __init__(self, files: Files, directory: Path, number: int, state: QueueState, now: int) -> None:
        suffix = os.urandom(4).hex()  # makes this process's drafts distinct from another's
        self._files = files
        self._number = number
        self._state = state
        self._mirrored: list[bytes] = []
        self._last_seq = state.next_seq - 1
        self._cutoff = 0
        self._archived = list(state.finished.values())
        self._journal = _Draft(files, journal_path(directory, number), JOURNAL_MAGIC, suffix)
        self._segment: _Draft | None = None
        header = Header(
            format=FORMAT,
            number=number,
            written_at=now,
            next_seq=state.next_seq,
            next_position=state.next_position,
            front_position=state.front_position,
        )
        try:
            self._journal.write(encode_batch([encode_record(header)]))
            if self._archived:
                self._segment = _Draft(files, segment_path(directory, number), HISTORY_MAGIC, suffix)
        except OSError:
            self._journal.discard()
            raise
        self._steps = self._plan(list(state.entries), list(state.generations.items()))
        self.is_complete = False

    def mirror(self, record: Record, raw: bytes) -> None:
        """A fact was committed to the old file: keep what of it the copied part needs."""
        match record:
            case Added() if record.entry.seq > self._last_seq:
                self._mirrored.append(raw)
            case Changed() | Bound() if self._is_copied(record.seq):
                self._mirrored.append(raw)
            case Moved():
                places = tuple(place for place in record.places if self._is_copied(place[0]))
                self._mirrored.append(encode_record(Moved(places)))
            case Finished():
                self._mirrored.append(raw)
            case _:
                pass

    def step(self) -> None:
        """Copy one slice."""
        self._write_mirrored()
        self.is_complete = next(self._steps, None) is None
        self._files.reach("mid-compaction")

    def finish(self) -> Sealed:
        """Give the new files their names and return the record that puts them in charge."""
        self._write_mirrored()
        if self._segment is not None:
            self._segment.publish()
        self._files.reach("between-history-and-state")
        self._journal.publish()
        self._files.reach("before-seal")
        return Sealed(number=self._number, offset=self._journal.end)

    def abandon(self) -> None:
        """Drop the attempt and its drafts."""
        self._journal.discard()
        if self._segment is not None:
            self._segment.discard()

    def _plan(self, seqs: list[int], generations: list[tuple[str, int]]) -> Iterator[bool]:
        """The slices, each written when it is asked for."""
        for batch in _slices(self._archived):
            if self._segment is not None:
                self._segment.write(encode_finished(batch))
            yield True
        for pairs in _slices(generations):
            self._journal.write(encode_batch([encode_record(Generations(tuple(pairs)))]))
            yield True
        for part in _slices(seqs):
            entries = self._state.entries
            raws = [encode_record(Added(entries[seq])) for seq in part if seq in entries]
            if raws:
                self._journal.write(encode_batch(raws))
            self._cutoff = part[-1]
            yield True
        self._cutoff = self._last_seq

    def _is_copied(self, seq: int) -> bool:
        return seq <= self._cutoff or seq > self._last_seq

    def _write_mirrored(self) -> None:
        if self._mirrored:
            self._journal.write(encode_batch(self._mirrored))
            self._mirrored = []


def _slices(items: list[_T]) -> Iterator[list[_T]]:
    source = iter(items)
    while batch := list(islice(source, SLICE_RECORDS)):
        yield batch
