"""Records read again from where they lie: what a state keeps only the place of.

A place is the number of a journal and an offset in it, in one number. After a compaction records lie in two journals
for a while: in the new one, and, as long as somebody remembers their old place, in the one it replaced.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from animus_queue_default.fault import CorruptFileError, QueueError, StorageError
from animus_queue_default.model.entry import Entry, Finished
from animus_queue_default.model.record import Added
from animus_queue_default.storage.journal import Journal

__all__ = ["Payloads", "as_place"]

_T = TypeVar("_T")
_OFFSET_BITS = 40
_SPREAD = 4
"""Records that take a fourth of the stretch they lie in are read with it."""
_OFFSET = (1 << _OFFSET_BITS) - 1
_AHEAD_BYTES = 64 * 1024
"""How much is read at once: who asks for one entry asks for its neighbours next, and a read for each would be 2 us."""
_decode_added = msgspec.msgpack.Decoder(Added).decode
_decode_finished = msgspec.msgpack.Decoder(Finished).decode


def as_place(number: int, offset: int) -> int:
    """The place at `offset` of journal `number`; never 0."""
    return number << _OFFSET_BITS | offset


class Payloads:
    """The journals of one queue as a source of records.

    Args:
        on_fault: is told what goes wrong, before it is raised: an operation that failed half way must not be kept.
    """

    def __init__(self, on_fault: Callable[[BaseException], object]) -> None:
        self._on_fault = on_fault
        self._journals: dict[int, Journal] = {}
        self._ahead = b""
        """What was read around the entry that was asked for last, from this place on."""
        self._ahead_place = 0

    def open(self, number: int, journal: Journal) -> None:
        """Records of journal `number` may be asked for."""
        self._journals[number] = journal

    def close_before(self, number: int) -> None:
        """Nobody remembers a place in an older journal any more."""
        for old in [known for known in self._journals if known < number]:
            self._journals.pop(old).close_aside()

    def close(self) -> None:
        """Give everything back."""
        for journal in self._journals.values():
            journal.close()
        self._journals = {}
        self._ahead = b""

    def read_raw(self, place: int, length: int) -> bytes:
        """The bytes of the record at `place`.

        Raises:
            StorageError: they cannot be read.
        """
        journal = self._journals.get(place >> _OFFSET_BITS)
        if journal is None:
            raise StorageError(f"journal {place >> _OFFSET_BITS} of the queue was closed; nothing was done, ask again")
        return journal.read_at(place & _OFFSET, length)

    def read_added(self, places: Sequence[tuple[int, int]]) -> Iterator[tuple[Added, bytes]]:
        """The records at `places`, which lie near one another, with their bytes.

        Raises:
            StorageError: one cannot be read.
        """
        if not places:
            return
        start, end = min(places)[0], max(place + length for place, length in places)
        is_dense = end - start <= _SPREAD * sum(length for _, length in places)
        whole = self.read_raw(start, end - start) if is_dense else b""
        for place, length in places:
            raw = whole[place - start : place - start + length] if is_dense else self.read_raw(place, length)
            yield self._decoded(raw, place, _decode_added), raw

    def read_entry(self, place: int, length: int) -> Entry:
        """The entry that the record at `place` added.

        Raises:
            StorageError: it cannot be read.
        """
        start = place - self._ahead_place
        if start < 0 or start + length > len(self._ahead):
            self._read_ahead(place, length)
            start = 0
        try:
            return _decode_added(self._ahead[start : start + length]).entry
        except msgspec.MsgspecError as error:
            raise self.damage(place, str(error)) from error

    def read_finished(self, place: int, length: int) -> Finished:
        """The record at `place` of an entry's end.

        Raises:
            StorageError: it cannot be read.
        """
        return self._guarded(place, length, _decode_finished)

    def damage(self, place: int, what: str) -> CorruptFileError:
        """What to raise when the record at `place` is not what it was when the journal was opened."""
        path = self._journals[place >> _OFFSET_BITS].path
        error = CorruptFileError(
            f"{str(path)!r} was damaged at byte {place & _OFFSET} after it was opened ({what}); nothing was written to"
            " it. Restore it from a backup, or see the README of animus-queue-default"
        )
        self._on_fault(error)
        return error

    def _read_ahead(self, place: int, length: int) -> None:
        """Read the record at `place` and what was acknowledged behind it, which never changes again."""
        journal = self._journals.get(place >> _OFFSET_BITS)
        behind = 0 if journal is None else journal.end - (place & _OFFSET)
        self._ahead = self._guarded_raw(place, max(length, min(_AHEAD_BYTES, behind)))
        self._ahead_place = place

    def _guarded(self, place: int, length: int, decode: Callable[[bytes], _T]) -> _T:
        return self._decoded(self._guarded_raw(place, length), place, decode)

    def _guarded_raw(self, place: int, length: int) -> bytes:
        try:
            return self.read_raw(place, length)
        except QueueError as error:
            self._on_fault(error)
            raise

    def _decoded(self, raw: bytes, place: int, decode: Callable[[bytes], _T]) -> _T:
        try:
            return decode(raw)
        except msgspec.MsgspecError as error:
            raise self.damage(place, str(error)) from error
