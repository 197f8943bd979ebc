"""The queue in memory: a pure function of the journal's records.

`QueueState.apply` is the only way it changes, both while an operation runs and while a journal is replayed, so
that what is in memory is always what the records say.
"""

from collections.abc import Collection
from typing import Protocol, cast

from animus_queue_default.entry import AUDIT_LIMIT, FRESH, BoundKey, Entry, Finished
from animus_queue_default.fault import CorruptFileError
from animus_queue_default.order import Order
from animus_queue_default.readiness import Readiness
from animus_queue_default.record import Added, Bound, Changed, Generations, Header, Moved, Record
from animus_queue_default.status import Status

__all__ = ["Archive", "Counts", "QueueState"]


class Archive(Protocol):
    """Where entries that left the queue long ago are looked up."""

    def find_entry(self, entry_id: str) -> Finished | None:
        """The entry of that id."""
        ...

    def find_key(self, key: str) -> Finished | None:
        """The entry that idempotency key belongs to."""
        ...


class Counts(dict[Status, int]):
    """How many live entries have each status."""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.values())


class QueueState:
    """Everything the queue knows.

    Args:
        archive: where finished entries are found that are no longer in `finished`.
    """

    def __init__(self, archive: Archive | None = None) -> None:
        self.entries: dict[int, Entry] = {}
        self.by_id: dict[str, Entry] = {}
        self.by_subject: dict[str, Entry | dict[int, Entry]] = {}
        """The entry of a subject; a dict only where there are several: one each would be the largest part of memory."""
        self.immediate: dict[tuple[str, str], int] = {}
        self._twins: dict[tuple[str, str], set[int]] = {}
        self.returned_runs: dict[str, int] = {}
        self.keys: dict[str, tuple[int, BoundKey]] = {}
        self.finished: dict[str, Finished] = {}
        self.finished_keys: dict[str, Finished] = {}
        self.generations: dict[str, int] = {}
        self.counts = Counts(dict.fromkeys(Status, 0))
        self.exceptional: dict[Status, dict[int, Entry]] = {s: {} for s in Status if s is not Status.PENDING}
        self.active_subjects: dict[str, dict[int, Entry]] = {}
        self.active_repositories: dict[str, dict[int, Entry]] = {}
        self.order = Order()
        self.readiness = Readiness(self.entries)
        self.archive = archive
        self._words: dict[str, str] = {}
        self.next_seq = 1
        self.next_position = 0
        self.front_position = 0

    def apply(self, record: Record) -> None:
        """Let `record` be true.

        Raises:
            CorruptFileError: the record speaks of an entry that does not exist.
        """
        kind = record.__class__
        if kind is Added:
            self._add(cast("Added", record).entry)
        elif kind is Changed:
            self._change(cast("Changed", record))
        elif kind is Finished:
            self._finish(cast("Finished", record))
        else:
            self._apply_rare(record)

    def _apply_rare(self, record: Record) -> None:
        match record:
            case Moved():
                self._move(record)
            case Bound():
                entry = self._entry(record.seq)
                entry.keys = (*entry.keys, record.key)
                self.keys[record.key.key] = (entry.seq, record.key)
            case Generations():
                self.generations.update(record.pairs)
            case Header():
                self.next_seq = record.next_seq
                self.next_position = record.next_position
                self.front_position = record.front_position
            case _:
                pass

    def find_finished(self, entry_id: str) -> Finished | None:
        """The entry of that id, if it left the queue."""
        found = self.finished.get(entry_id)
        return found if found is not None or self.archive is None else self.archive.find_entry(entry_id)

    def find_finished_key(self, key: str) -> Finished | None:
        """The entry that left the queue with that idempotency key."""
        found = self.finished_keys.get(key)
        return found if found is not None or self.archive is None else self.archive.find_key(key)

    def forget_finished(self, archived: list[Finished]) -> None:
        """Those entries can be found in the archive from now on."""
        for finished in archived:
            self.finished.pop(finished.entry_id, None)
            for bound in finished.keys:
                self.finished_keys.pop(bound.key, None)

    def siblings(self, subject: str) -> Collection[Entry]:
        """The live entries of `subject`, in the order they came."""
        found = self.by_subject.get(subject)
        if found is None:
            return ()
        return found.values() if isinstance(found, dict) else (found,)

    def _entry(self, seq: int) -> Entry:
        entry = self.entries.get(seq)
        if entry is None:
            raise CorruptFileError(f"a record speaks of entry number {seq}, which does not exist at that point")
        return entry

    def _add(self, entry: Entry) -> None:
        # What a journal spells out again for each entry is kept once.
        entry.workflow_ref = self._words.setdefault(entry.workflow_ref, entry.workflow_ref)
        if entry.task_id == entry.subject_key:
            entry.task_id = entry.subject_key
        if entry.standing == FRESH:
            entry.standing = FRESH
        self.entries[entry.seq] = entry
        self.by_id[entry.entry_id] = entry
        siblings = self.by_subject.get(entry.subject)
        if siblings is None:
            self.by_subject[entry.subject] = entry
        elif isinstance(siblings, dict):
            siblings[entry.seq] = entry
        else:
            self.by_subject[entry.subject] = {siblings.seq: siblings, entry.seq: entry}
        for bound in entry.keys:
            self.keys[bound.key] = (entry.seq, bound)
        self.order.add(entry)
        if entry.seq >= self.next_seq:
            self.next_seq = entry.seq + 1
        if entry.position >= self.next_position:
            self.next_position = entry.position + 1
        elif entry.position < self.front_position:
            self.front_position = entry.position
        self._enter(entry)

    def _change(self, record: Changed) -> None:
        entry = self._entry(record.seq)
        self._leave(entry)
        entry.standing = record.standing
        if record.audit is not None:
            entry.audit = (*entry.audit, record.audit)[-AUDIT_LIMIT:]
        self._enter(entry)

    def _finish(self, record: Finished) -> None:
        entry = self.entries.get(record.seq)
        if entry is not None:
            self._leave(entry)
            del self.entries[entry.seq]
            del self.by_id[entry.entry_id]
            siblings = self.by_subject[entry.subject]
            if isinstance(siblings, dict) and len(siblings) > 1:
                del siblings[entry.seq]
            else:
                del self.by_subject[entry.subject]
            self.order.remove(entry)
            for bound in entry.keys:
                self.keys.pop(bound.key, None)
        self.finished[record.entry_id] = record
        for bound in record.keys:
            self.finished_keys[bound.key] = record
        self.next_seq = max(self.next_seq, record.seq + 1)
        self._note_generation(record.subject, record.standing.subject_generation)

    def _move(self, record: Moved) -> None:
        for seq, position in record.places:
            entry = self._entry(seq)
            self.order.reposition(entry, position)
            self.readiness.reposition(entry)
            self.front_position = min(self.front_position, position)

    def _enter(self, entry: Entry) -> None:
        """Index `entry` by how it stands now."""
        standing = entry.standing
        status = standing.status
        self.counts[status] += 1
        if standing.subject_generation:
            self._note_generation(entry.subject, standing.subject_generation)
        if status is Status.PENDING:
            if entry.run_at is None:
                self._note_immediate((entry.subject, entry.workflow_ref), entry.seq)
            if standing.workflow_id is not None:
                self.returned_runs[standing.workflow_id] = entry.seq
        else:
            self.exceptional[status][entry.seq] = entry
            if status is Status.ASSIGNED:
                self.active_subjects.setdefault(entry.subject, {})[entry.seq] = entry
                if entry.repository is not None:
                    self.active_repositories.setdefault(entry.repository.collision_key, {})[entry.seq] = entry
        self.readiness.add(entry)

    def _leave(self, entry: Entry) -> None:
        """Forget how `entry` stood."""
        status = entry.status
        self.counts[status] -= 1
        self.readiness.remove(entry)
        if status is Status.PENDING:
            if entry.run_at is None:
                self._forget_immediate((entry.subject, entry.workflow_ref), entry.seq)
            if entry.standing.workflow_id is not None:
                self.returned_runs.pop(entry.standing.workflow_id, None)
            return
        del self.exceptional[status][entry.seq]
        if status is Status.ASSIGNED:
            _discard(self.active_subjects, entry.subject, entry.seq)
            if entry.repository is not None:
                _discard(self.active_repositories, entry.repository.collision_key, entry.seq)

    def _note_immediate(self, key: tuple[str, str], seq: int) -> None:
        """Of entries that wait alike the oldest stands for all, whatever the order in which they came to wait."""
        known = self.immediate.setdefault(key, seq)
        if known != seq:
            self.immediate[key] = min(known, seq)
            self._twins.setdefault(key, set()).add(max(known, seq))

    def _forget_immediate(self, key: tuple[str, str], seq: int) -> None:
        twins = self._twins.get(key)
        if twins is None:
            del self.immediate[key]
            return
        if seq in twins:
            twins.discard(seq)
        else:
            self.immediate[key] = min(twins)
            twins.discard(self.immediate[key])
        if not twins:
            del self._twins[key]

    def _note_generation(self, subject: str, generation: int) -> None:
        if generation > self.generations.get(subject, 0):
            self.generations[subject] = generation


def _discard(index: dict[str, dict[int, Entry]], key: str, seq: int) -> None:
    entries = index[key]
    del entries[seq]
    if not entries:
        del index[key]
