"""Which live entry has an id."""

from collections.abc import Sequence

import msgspec

from animus_queue_default.state.index import Index

__all__ = ["EntryIds", "pack_ids"]

pack_ids = msgspec.msgpack.Encoder().encode
"""Ids as `EntryIds.add_part` takes them."""
_unpack = msgspec.msgpack.Decoder(list[str]).decode


class EntryIds:
    """The seq of each live entry by its id.

    What a queue holds when it is opened stays as packed as it was read and is indexed a part at a time, since most
    operations ask for no id; the first that asks for one that is not known yet has the rest indexed.
    """

    def __init__(self) -> None:
        self._seqs: Index[int] = Index()
        self._unread: list[tuple[bytes, Sequence[int]]] = []
        self._departed: list[str] = []

    def __contains__(self, entry_id: str) -> bool:
        return self.get(entry_id) is not None

    @property
    def is_behind(self) -> bool:
        """Whether something is still to be indexed."""
        return bool(self._unread)

    def get(self, entry_id: str) -> int | None:
        """The live entry of that id."""
        seq = self._seqs.get(entry_id)
        if seq is None and self._unread:
            while self.read_part():
                pass
            seq = self._seqs.get(entry_id)
        return seq

    def add(self, entry_id: str, seq: int) -> None:
        """An entry came."""
        self._seqs[entry_id] = seq

    def add_part(self, packed_ids: bytes, seqs: Sequence[int]) -> None:
        """Entries came, to be indexed later."""
        self._unread.append((packed_ids, seqs))

    def remove(self, entry_id: str) -> None:
        """An entry went."""
        self._seqs.pop(entry_id, None)
        if self._unread:
            self._departed.append(entry_id)  # it may be among what is still to be indexed

    def read_part(self) -> bool:
        """Index one part of what was put off; False if nothing is left."""
        if not self._unread:
            return False
        packed_ids, seqs = self._unread.pop()
        self._seqs.update(zip(_unpack(packed_ids), seqs, strict=True))
        if not self._unread:
            for entry_id in self._departed:
                self._seqs.pop(entry_id, None)
            self._departed = []
        return True
