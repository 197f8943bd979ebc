"""Entries that left the queue since the last compaction; older ones are in the archive."""

from collections.abc import Sequence
from typing import Protocol

from animus_queue_default.model.entry import Entry, Finished
from animus_queue_default.state.index import Index

__all__ = ["Archive", "Departures", "FinishedSource", "RecordSource", "Registered"]

_LENGTH_BITS = 32
_LENGTH = (1 << _LENGTH_BITS) - 1


class Archive(Protocol):
    """Where entries that left the queue long ago are looked up."""

    def find_entry(self, entry_id: str) -> Finished | None:
        """The entry of that id."""
        ...

    def find_key(self, key: str) -> Finished | None:
        """The entry that idempotency key belongs to."""
        ...


class FinishedSource(Protocol):
    """Where the record of an entry's end is read again."""

    def read_finished(self, place: int, length: int) -> Finished:
        """The record that lies there."""
        ...


class RecordSource(FinishedSource, Protocol):
    """Where records are read again."""

    def read_entry(self, place: int, length: int) -> Entry:
        """The entry as it was added by the record that lies there."""
        ...

    def damage(self, place: int, what: str) -> Exception:
        """What to raise when the record that lies there is another one than it was."""
        ...


class Registered(Protocol):
    """What has to be known by name of entries that are put on the shelf: columns, and their keys."""

    @property
    def ids(self) -> bytes:
        """The ids, packed."""
        ...

    @property
    def subjects(self) -> list[str]:
        """The subjects."""
        ...

    @property
    def keys(self) -> dict[str, int]:
        """The seq each idempotency key is bound to."""
        ...


class Departures:
    """Finished entries by id and by idempotency key: where their record lies, or, in a batch, the record itself."""

    def __init__(self, source: FinishedSource | None, archive: Archive | None) -> None:
        self._source = source
        self._archive = archive
        self._ends: Index[int | Finished] = Index()
        self._keys: Index[str] = Index()

    def __len__(self) -> int:
        return len(self._ends)

    def __contains__(self, entry_id: str) -> bool:
        return entry_id in self._ends

    def add(self, record: Finished, place: int, length: int) -> None:
        """An entry left; `place` is 0 while its record is not written yet."""
        self._ends[record.entry_id] = place << _LENGTH_BITS | length if place else record
        for bound in record.keys:
            self._keys[bound.key] = record.entry_id

    def add_read(
        self, ids: Sequence[str], keys: Sequence[tuple[str, ...]], places: Sequence[int], lengths: Sequence[int]
    ) -> None:
        """As `add`, for entries whose records need not be read: columns."""
        spots = (place << _LENGTH_BITS | length for place, length in zip(places, lengths, strict=True))
        self._ends.update(zip(ids, spots, strict=True))
        self._keys.update((key, entry_id) for entry_id, bound in zip(ids, keys, strict=True) for key in bound)

    def place(self, record: Finished, place: int, length: int) -> None:
        """Say where the record of an entry that left lies."""
        if self._ends.get(record.entry_id) is record:
            self._ends[record.entry_id] = place << _LENGTH_BITS | length

    def move(self, entry_id: str, place: int, length: int) -> None:
        """The record of that entry, if it is still known here, lies elsewhere now."""
        if entry_id in self._ends:
            self._ends[entry_id] = place << _LENGTH_BITS | length

    def forget(self, archived: list[Finished]) -> None:
        """Those entries can be found in the archive from now on."""
        for finished in archived:
            self._ends.pop(finished.entry_id, None)
            for bound in finished.keys:
                self._keys.pop(bound.key, None)

    def find(self, entry_id: str) -> Finished | None:
        """The entry of that id, if it left the queue."""
        found = self._ends.get(entry_id)
        if found is None:
            return None if self._archive is None else self._archive.find_entry(entry_id)
        return self._read(found)

    def find_key(self, key: str) -> Finished | None:
        """The entry that left the queue with that idempotency key."""
        entry_id = self._keys.get(key)
        if entry_id is None:
            return None if self._archive is None else self._archive.find_key(key)
        return self.find(entry_id)

    def spots(self) -> list[int | Finished]:
        """All of them in the order they left; `read` makes records of them."""
        return list(self._ends.values())

    def read(self, spot: int | Finished) -> Finished:
        """The record of what `spots` gave."""
        return self._read(spot)

    def _read(self, spot: int | Finished) -> Finished:
        if isinstance(spot, Finished):
            return spot
        if self._source is None:
            raise AssertionError("a record was placed where nobody can read it")
        return self._source.read_finished(spot >> _LENGTH_BITS, spot & _LENGTH)
