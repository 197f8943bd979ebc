"""Rewriting a journal a slice at a time, so that no operation waits for the whole of it.

While a compaction runs, operations go on in the old file. Each commit copies one slice of entries to the new file;
facts about entries that were already copied are mirrored behind them. When everything is copied the old file is
sealed with one last record that names the new one, and that record is the moment of truth: before it a crash leaves
the old file in charge, after it the new one. A second process that compacts at the same time finds the seal and
drops its own attempt.

The new file gets its outline as it is written, and that is how every process learns where records lie in it.
"""

import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from animus_queue_default.model.entry import Finished
from animus_queue_default.model.record import FORMAT, Added, Bound, Changed, Generations, Header, Moved, Record, Sealed
from animus_queue_default.state.queue_state import QueueState
from animus_queue_default.state.shelf import PAGE_BITS, PAGE_ROWS
from animus_queue_default.storage.draft import Draft
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.frame import HISTORY_MAGIC, JOURNAL_MAGIC
from animus_queue_default.storage.journal import batch_offsets, encode_batch, encode_record, journal_path
from animus_queue_default.storage.outline import OutlineDraft
from animus_queue_default.storage.payload import Payloads, as_place
from animus_queue_default.storage.segment import Span
from animus_queue_default.storage.table import TableRows, table_path

__all__ = ["SLICE_RECORDS", "Compaction"]

SLICE_RECORDS = 256
"""How many records one slice copies: about a millisecond of work."""
_PAGES_A_SLICE = 16
"""How many nearly empty pages one slice looks through."""


class Compaction:
    """One rewrite of the journal into its successor.

    Args:
        files: the operating system.
        directory: where the queue's files are.
        number: the number of the new journal.
        state: the queue as it is now; it goes on changing.
        payloads: where its records are read.
        now: the moment, for the header.
        stretch_bytes: how much of the journal one stretch of its outline covers.
    """

    def __init__(  # where, what and when
        self,
        files: Files,
        directory: Path,
        number: int,
        state: QueueState,
        payloads: Payloads,
        now: int,
        stretch_bytes: int,
    ) -> None:
        suffix = os.urandom(4).hex()  # makes this process's drafts distinct from another's
        self._files = files
        self._number = number
        self._state = state
        self._payloads = payloads
        self._mirrored: list[tuple[Record, bytes]] = []
        self._last_seq = state.next_seq - 1
        self._cutoff = 0
        self._drafts: list[Draft] = []
        self._archived = state.departures.spots()
        self._segment: Draft | None = None
        self._outline: OutlineDraft | None = None
        self._suffix = suffix
        self._steps = self._plan()
        self.is_complete = False
        try:
            self._journal = self._draft(journal_path(directory, number), JOURNAL_MAGIC)
            header = Header(
                format=FORMAT,
                number=number,
                written_at=now,
                next_seq=state.next_seq,
                next_position=state.next_position,
                front_position=state.front_position,
            )
            self._journal.write(encode_batch([encode_record(header)]))
            if self._archived:
                self._segment = self._draft(Span(number, number).path(directory), HISTORY_MAGIC)
            self._outline = OutlineDraft(files, directory, number, suffix, self._journal.end, stretch_bytes, state)
        except OSError:
            self.abandon()
            raise

    def mirror(self, record: Record, raw: bytes) -> None:
        """A fact was committed to the old file: keep what of it the copied part needs."""
        match record:
            case Added() if record.entry.seq > self._last_seq:
                self._mirrored.append((record, raw))
            case Changed() | Bound() if self._is_copied(record.seq):
                self._mirrored.append((record, raw))
            case Moved():
                moved = Moved(tuple(place for place in record.places if self._is_copied(place[0])))
                self._mirrored.append((moved, encode_record(moved)))
            case Finished() | Generations():
                self._mirrored.append((record, raw))
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
        if self._outline is not None:
            self._outline.publish(self._journal.end, self._journal.checksum)
        self._journal.publish()
        self._files.reach("before-seal")
        return Sealed(number=self._number, offset=self._journal.end)

    def abandon(self) -> None:
        """Drop the attempt and its drafts."""
        self._steps.close()
        for draft in self._drafts:
            draft.discard()
        if self._outline is not None:
            self._outline.discard()

    def _draft(self, path: Path, magic: bytes) -> Draft:
        draft = Draft(self._files, path, magic, self._suffix)
        self._drafts.append(draft)
        return draft

    def _plan(self) -> Generator[bool]:
        """The slices, each written when it is asked for."""
        if self._segment is not None:
            yield from self._archive(self._segment)
        generations = self._state.generations
        for start in range(0, len(generations), SLICE_RECORDS):
            record = Generations(tuple(generations.page(start, SLICE_RECORDS)))
            self._write([(record, encode_record(record))])
            yield True
        yield from self._copy_entries()
        self._cutoff = self._last_seq

    def _archive(self, segment: Draft) -> Iterator[bool]:
        """Move what has finished into the history."""
        rows = TableRows()
        spots = self._archived
        for start in range(0, len(spots), SLICE_RECORDS):
            batch = [self._state.departures.read(spot) for spot in spots[start : start + SLICE_RECORDS]]
            raws = [encode_record(finished) for finished in batch]
            offset = segment.write(encode_batch(raws))
            rows.note_frame(offset, len(batch))
            for finished, raw, begin in zip(batch, raws, batch_offsets(offset, raws), strict=True):
                rows.note(finished, begin, len(raw))
            yield True
        yield from rows.save(self._files, table_path(segment.path), segment.mark(), self._suffix)

    def _copy_entries(self) -> Iterator[bool]:
        state = self._state
        pages = sorted({*state.shelf.numbers, *(seq >> PAGE_BITS for seq in state.warm)})
        slice_: list[tuple[Record, bytes]] = []
        looked_through = 0
        for page in pages:
            base = page << PAGE_BITS
            for start in range(base, base + PAGE_ROWS, SLICE_RECORDS):
                part = range(start, min(start + SLICE_RECORDS, self._last_seq + 1))
                slice_ += self._copy(part)
                if len(slice_) >= SLICE_RECORDS // 2 or looked_through >= _PAGES_A_SLICE:
                    self._write(slice_)
                    slice_, looked_through = [], 0
                    self._cutoff = start + SLICE_RECORDS - 1
                    yield True
            looked_through += 1
        if slice_:
            self._write(slice_)

    def _copy(self, seqs: range) -> Iterator[tuple[Record, bytes]]:
        """Those of `seqs` that are live, as records; what nothing happened to is copied as it was written."""
        state = self._state
        for seq in seqs:
            entry = state.warm.get(seq)
            if entry is not None:
                record = Added(entry)
                yield record, encode_record(record)
        places = [state.shelf.place_of(seq) for seq in state.shelf.among(seqs)]
        yield from self._payloads.read_added(places)

    def _is_copied(self, seq: int) -> bool:
        return seq <= self._cutoff or seq > self._last_seq

    def _write_mirrored(self) -> None:
        mirrored, self._mirrored = self._mirrored, []
        self._write(mirrored)

    def _write(self, batch: Sequence[tuple[Record, bytes]]) -> None:
        if not batch:
            return
        raws = [raw for _, raw in batch]
        start = self._journal.write(encode_batch(raws))
        if self._outline is None:
            return
        for (record, raw), offset in zip(batch, batch_offsets(start, raws), strict=True):
            self._outline.note(record, raw, as_place(self._number, offset))
        self._outline.step(self._journal.end, self._journal.checksum)
