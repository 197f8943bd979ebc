"""The queue in memory: a pure function of the journal's records.

`QueueState.apply` is the only way it changes, both while an operation runs and while a journal is replayed, so
that what is in memory is always what the records say. An entry that only waits stands on the shelf; it is *warm*,
held as a whole, from when something happens to it.
"""

from collections.abc import Iterable, Sequence

from animus_queue_default.fault import CorruptFileError
from animus_queue_default.model.entry import AUDIT_LIMIT, BoundKey, Entry, Finished
from animus_queue_default.model.record import Added, Bound, Changed, Generations, Header, Moved, Record
from animus_queue_default.model.status import Status
from animus_queue_default.state import subjects
from animus_queue_default.state.departures import Archive, Departures, RecordSource, Registered
from animus_queue_default.state.holdings import Holdings
from animus_queue_default.state.ids import EntryIds
from animus_queue_default.state.shelf import Shelf, Words, only_waits
from animus_queue_default.state.standings import Counts

__all__ = ["QueueState"]


class QueueState:
    """Everything the queue knows.

    Args:
        archive: where entries are found that left the queue long ago.
        source: where records are read again; without one nothing may be placed.
    """

    def __init__(self, archive: Archive | None = None, source: RecordSource | None = None) -> None:
        self._source = source
        self.shelf = Shelf()
        self._fresh: dict[int, Entry] = {}
        """Shelved entries whose record is not written yet."""
        self._looked: Entry | None = None
        """The entry looked at last: what is on the shelf does not change."""
        self.ids = EntryIds()
        self.subjects = subjects.Subjects()
        self.generations = subjects.Generations()
        self.keys: dict[str, int] = {}
        """The live entry an idempotency key is bound to, by seq."""
        self.departures = Departures(source, archive)
        self.words = Words()
        self.warm = Holdings(self.shelf, self.look, self.warm_up, self.words, self.generations)
        """The live entries that are not on the shelf, by seq."""
        self.standings, self.order, self.readiness = self.warm.standings, self.warm.order, self.warm.readiness
        self.next_seq = 1
        self.next_position = 0
        self.front_position = 0
        self.live_bytes = 0
        """The length of the records that made the live entries."""

    def close(self) -> None:
        """Take the indexes apart: they know this state as it knows them, and what is frozen no collector sets free."""
        self.order.close()
        self.readiness.close()

    def __contains__(self, entry_id: str) -> bool:
        return entry_id in self.ids

    @property
    def counts(self) -> Counts:
        """How many live entries there are."""
        counts = Counts(self.standings.counts)
        counts[Status.PENDING] += len(self.shelf)
        return counts

    def find(self, entry_id: str) -> Entry | None:
        """The live entry of that id."""
        seq = self.ids.get(entry_id)
        return None if seq is None else self.entry(seq)

    def entry(self, seq: int) -> Entry:
        """The live entry `seq`, held from now on; see `warm_up`."""
        return self.warm.get(seq) or self.warm_up(seq)

    def look(self, seq: int) -> Entry:
        """The live entry `seq`, to look at."""
        entry = self.warm.get(seq) or self._fresh.get(seq) or self._looked
        if entry is not None and entry.seq == seq:
            return entry
        if self._source is None:
            raise AssertionError("a record was placed where nobody reads it")
        place, length = self.shelf.place_of(seq)
        entry = self._source.read_entry(place, length)
        if entry.seq != seq:
            raise self._source.damage(place, f"entry number {seq} should lie there, and number {entry.seq} does")
        self._looked = entry
        return entry

    def warm_up(self, seq: int) -> Entry:
        """Take an entry off the shelf.

        Raises:
            CorruptFileError: there is none.
        """
        entry, length = self._unshelve(seq)
        self.warm.add(entry, length)
        return entry

    def siblings(self, subject: str) -> list[Entry]:
        """The live entries of `subject`, in the order they came."""
        return [self.entry(seq) for seq in self.subjects.seqs(subject)]

    def find_waiting(self, subject: str, workflow_ref: str) -> Entry | None:
        """The oldest entry that waits to start that workflow for `subject` at once."""
        known = self.subjects.get(subject)
        if known is None:
            return None
        if isinstance(known, int) and known in self.shelf:
            is_alike = self.shelf.word_of(known) == self.words.get(workflow_ref)
            return self.look(known) if is_alike else None
        seq = self.standings.twins.get(subject, workflow_ref)
        return None if seq is None else self.warm[seq]

    def generation_of(self, subject: str) -> int:
        """The highest generation `subject` has had."""
        known = self.generations.get(subject, 0)
        seq = self.subjects.get(subject)
        return max(known, self.shelf.generation_of(seq)) if isinstance(seq, int) else known

    def find_key(self, key: str) -> tuple[Entry | Finished, BoundKey] | None:
        """The entry an idempotency key is bound to, live or finished, and what it was first used with."""
        seq = self.keys.get(key)
        entry = self.departures.find_key(key) if seq is None else self.look(seq)
        if entry is None:
            return None
        return entry, next(bound for bound in entry.keys if bound.key == key)

    def apply(self, record: Record, place: int = 0, length: int = 0) -> None:
        """Let `record` be true.

        Args:
            record: the fact.
            place: where it lies; 0 while it is not written yet, and `settle` says it later.
            length: how long it is there.

        Raises:
            CorruptFileError: the record speaks of an entry that does not exist.
        """
        if isinstance(record, Added):
            self._add(record.entry, place, length)
        elif isinstance(record, Changed):
            self._change(record)
        elif isinstance(record, Finished):
            self._finish(record, place, length)
        else:
            self._apply_rare(record, length)

    def settle(self, record: Record, place: int, length: int) -> None:
        """An applied record was written, there."""
        if isinstance(record, Added):
            seq = record.entry.seq
            self._fresh.pop(seq, None)
            if self.shelf.place(seq, place, length):
                self.live_bytes += length
            elif seq in self.warm:
                self.warm.set_length(seq, length)
                self.live_bytes += length
        elif isinstance(record, Finished):
            self.departures.place(record, place, length)

    def depart(self, seq: int, entry_id: str, subject: str, keys: Iterable[str]) -> None:
        """Take an entry off the queue, if it is there."""
        length = self.warm.release(seq) if seq in self.warm else self.shelf.take(seq)
        if length is None:
            return
        self.live_bytes -= length
        self._fresh.pop(seq, None)
        self.ids.remove(entry_id)
        self.subjects.remove(subject, seq)
        for key in keys:
            self.keys.pop(key, None)
        for straggler in self.shelf.stragglers(seq):
            self.warm_up(straggler)

    def register(self, seqs: Sequence[int], part: Registered, size: int) -> None:
        """Entries were put on the shelf whose subjects had none; their records take `size` bytes.

        Raises:
            CorruptFileError: a subject had one.
        """
        self.ids.add_part(part.ids, seqs)
        others = len(self.subjects)
        self.subjects.update(zip(part.subjects, seqs, strict=True))
        if len(self.subjects) != others + len(seqs):
            raise CorruptFileError("entries of one subject do not stand on the shelf")
        self.keys.update(part.keys)
        self.live_bytes += size

    def adopt(self, entry: Entry, length: int) -> None:
        """Hold `entry` as it stands, whatever was known of it; if nothing was, a record of `length` added it."""
        seq = entry.seq
        known = self.warm.release(seq) if seq in self.warm else self.shelf.take(seq)
        if known is None:
            self.live_bytes += length
            self._join(entry.subject, seq)
        self.ids.add(entry.entry_id, seq)
        for bound in entry.keys:
            self.keys[bound.key] = seq
        self.warm.add(entry, length if known is None else known)

    def _add(self, entry: Entry, place: int, length: int) -> None:
        seq, subject, generation = entry.seq, entry.subject, entry.standing.subject_generation
        self.ids.add(entry.entry_id, seq)
        for bound in entry.keys:
            self.keys[bound.key] = seq
        if seq >= self.next_seq:
            self.next_seq = seq + 1
        if entry.position >= self.next_position:
            self.next_position = entry.position + 1
        elif entry.position < self.front_position:
            self.front_position = entry.position
        self.live_bytes += length
        sibling = self.subjects.get(subject)
        if sibling is None and only_waits(entry):
            self.subjects[subject] = seq
            self.shelf.add(seq, entry.priority, entry.position, self.words.number(entry.workflow_ref), generation)
            if place:
                self.shelf.place(seq, place, length)
            else:
                self._fresh[seq] = entry
            return
        self._join(subject, seq)
        self.warm.add(entry, length)

    def _join(self, subject: str, seq: int) -> None:
        """One more entry of `subject`; those that wait for one another do not stand on the shelf."""
        sibling = self.subjects.get(subject)
        if isinstance(sibling, int) and sibling in self.shelf:
            self.warm_up(sibling)
        self.subjects.add(subject, seq)

    def _unshelve(self, seq: int) -> tuple[Entry, int]:
        entry = self._looked
        if entry is None or entry.seq != seq:
            if seq not in self.shelf:
                raise _missing(seq)
            entry = self.look(seq)
        length = self.shelf.take(seq)
        if length is None:
            raise _missing(seq)
        if generation := entry.standing.subject_generation:
            self.generations.note(entry.subject, generation)
        self._looked = None
        self._fresh.pop(seq, None)
        self.ids.add(entry.entry_id, seq)  # who has it will ask for it by its id
        return entry, length

    def _change(self, record: Changed) -> None:
        entry, length = self.warm.get(record.seq), None
        if entry is None:
            entry, length = self._unshelve(record.seq)
        if record.audit is not None:
            entry.audit = (*entry.audit, record.audit)[-AUDIT_LIMIT:]
        if length is None:
            self.warm.change(entry, record.standing)
        else:
            entry.standing = record.standing
            self.warm.add(entry, length)

    def _finish(self, record: Finished, place: int, length: int) -> None:
        self.depart(record.seq, record.entry_id, record.subject, [bound.key for bound in record.keys])
        self.departures.add(record, place, length)
        self.next_seq = max(self.next_seq, record.seq + 1)
        if record.standing.subject_generation:
            self.generations.note(record.subject, record.standing.subject_generation)

    def _apply_rare(self, record: Record, length: int) -> None:
        match record:
            case Moved():
                for seq, position in record.places:
                    entry = self.entry(seq)
                    self.order.reposition(entry, position)
                    self.readiness.reposition(entry)
                    self.front_position = min(self.front_position, position)
            case Bound():
                entry = self.entry(record.seq)
                entry.keys = (*entry.keys, record.key)
                self.keys[record.key.key] = entry.seq
            case Generations():
                self.generations.note_all(record.pairs)
                self.live_bytes += length  # nothing else says it
            case Header():
                self.next_seq = record.next_seq
                self.next_position = record.next_position
                self.front_position = record.front_position
            case _:
                pass


def _missing(seq: int) -> CorruptFileError:
    return CorruptFileError(f"a record speaks of entry number {seq}, which does not exist at that point")
