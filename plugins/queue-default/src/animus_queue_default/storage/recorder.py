"""Keeps what was written to a journal since the last stretch of its outline, until it makes the next."""

from animus_queue_default.model.entry import Entry, Finished
from animus_queue_default.model.record import Added, Bound, Changed, Moved, Record
from animus_queue_default.state.shelf import only_waits
from animus_queue_default.storage.stretch import Stretch, build_departed, build_parts

__all__ = ["Recorder"]


class Recorder:
    """The records behind `start`, sorted by what a stretch makes of them."""

    def __init__(self, start: int) -> None:
        self._added: dict[int, tuple[Entry, int, int]] = {}
        self._rest: list[tuple[bytes, int] | None] = []
        self._touched: dict[int, list[int]] = {}
        self._left: list[tuple[Finished, int, int]] = []
        self._late: list[tuple[Finished, int, int]] = []
        self.restart(start)

    def note(self, record: Record, raw: bytes, place: int) -> None:
        """`record` was written as `raw` at `place`. Everything is noted in the order it was written."""
        if isinstance(record, Added):
            self._note_added(record.entry, raw, place)
        elif isinstance(record, Finished):
            self._note_finished(record, place, len(raw))
        else:
            if isinstance(record, Changed | Bound):
                self._touched.setdefault(record.seq, []).append(len(self._rest))
            elif isinstance(record, Moved):
                # It names entries; from now on none may be left out because it has gone since.
                self._has_moved = True
            self._rest.append((raw, place))

    def take(self, end: int) -> Stretch:
        """The stretch up to `end` for everything that was noted; the next begins there."""
        words: dict[str, int] = {}
        parts = build_parts(self._added, words)
        stretch = Stretch(
            workflow_refs=list(words),
            left=build_departed(self._left),
            parts=parts,
            rest=[item for item in self._rest if item is not None],
            late=build_departed(self._late),
            next_seq=self._next_seq,
            next_position=self._next_position,
        )
        self.restart(end)
        return stretch

    def restart(self, start: int) -> None:
        """Forget what was noted; what comes next lies behind `start`."""
        self.start = start
        self._added = {}
        self._rest = []
        self._touched = {}
        self._left = []
        self._late = []
        self._has_moved = False
        self._next_seq = 1
        self._next_position = 0

    def _note_added(self, entry: Entry, raw: bytes, place: int) -> None:
        seq = entry.seq
        if seq >= self._next_seq:
            self._next_seq = seq + 1
        if entry.position >= self._next_position:
            self._next_position = entry.position + 1
        if only_waits(entry):
            self._added[seq] = (entry, place, len(raw))
        else:
            self._touched.setdefault(seq, []).append(len(self._rest))
            self._rest.append((raw, place))

    def _note_finished(self, record: Finished, place: int, length: int) -> None:
        self._next_seq = max(self._next_seq, record.seq + 1)
        if self._has_moved:
            self._late.append((record, place, length))
            return
        self._added.pop(record.seq, None)
        for index in self._touched.pop(record.seq, ()):
            self._rest[index] = None
        self._left.append((record, place, length))
