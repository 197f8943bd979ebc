"""Keeps track of what was written to a journal since the last stretch of its outline, until it makes the next."""

from animus_queue_default.model.entry import Entry, Finished
from animus_queue_default.model.record import Added, Bound, Changed, Moved, Record
from animus_queue_default.state.queue_state import QueueState
from animus_queue_default.storage.stretch import PlacedEntry, Stretch, build_departed, build_parts

__all__ = ["Recorder"]


class Recorder:
    """Which entries the records behind `start` speak of."""

    def __init__(self, start: int) -> None:
        self._added: dict[int, PlacedEntry] = {}
        self._touched: set[int] = set()
        self._rest: list[tuple[bytes, int]] = []
        self._left: list[tuple[Finished, int, int]] = []
        self.restart(start)

    def note(self, record: Record, raw: bytes, place: int) -> None:
        """`record` was written as `raw` at `place`. Everything is noted in the order it was written."""
        if isinstance(record, Added):
            self._added[record.entry.seq] = (record.entry, place, len(raw))
        elif isinstance(record, (Changed, Bound)):
            self._touched.add(record.seq)
        elif isinstance(record, Finished):
            self._added.pop(record.seq, None)
            self._touched.discard(record.seq)
            self._left.append((record, place, len(raw)))
        elif isinstance(record, Moved):
            self._touched.update(seq for seq, _ in record.places)
        else:
            self._rest.append((raw, place))

    def take(self, end: int, state: QueueState) -> Stretch:
        """The stretch up to `end` for everything that was noted; the next begins there.

        Args:
            end: where it ends.
            state: what the records up to there add up to.
        """
        held: list[tuple[Entry, int]] = []
        for seq in sorted(self._touched.union(seq for seq in self._added if seq in state.warm)):
            _, _, length = self._added.pop(seq, (None, 0, 0))
            held.append((state.warm[seq], length))
        words: dict[str, int] = {}
        parts = build_parts(self._added, words)
        stretch = Stretch(
            workflow_refs=list(words),
            left=build_departed(self._left),
            parts=parts,
            held=held,
            rest=self._rest,
            next_seq=state.next_seq,
            next_position=state.next_position,
            front_position=state.front_position,
        )
        self.restart(end)
        return stretch

    def restart(self, start: int) -> None:
        """Forget what was noted; what comes next lies behind `start`."""
        self.start = start
        self._added = {}
        self._touched = set()
        self._rest = []
        self._left = []
