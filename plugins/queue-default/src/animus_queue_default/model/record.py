"""The journal's vocabulary: facts that turn one state of the queue into the next.

A record says what became true, never what was asked, so replaying needs neither a clock nor a decision. Records
are arrays with a leading tag; a new field goes to the end and has a default.
"""

import msgspec

from animus_queue_default.model.entry import AuditLine, BoundKey, Entry, Finished, Standing

__all__ = ["FORMAT", "Added", "Bound", "Changed", "Finished", "Generations", "Header", "Moved", "Record", "Sealed"]

FORMAT = 2
"""The journal format this version writes; it reads lower ones and refuses higher ones.

Format 2 has the records of format 1; beside it segments of the history may be merged, which who knows format 1 would
not find.
"""


class Header(msgspec.Struct, frozen=True, array_like=True, kw_only=True, tag="header"):
    """The first record of a journal file: its format, its number, and the counters that never go back."""

    format: int
    number: int
    written_at: int
    next_seq: int
    next_position: int
    front_position: int


class Added(msgspec.Struct, frozen=True, array_like=True, tag="added"):
    """An entry stands on the queue, as given."""

    entry: Entry


class Changed(msgspec.Struct, frozen=True, array_like=True, tag="changed"):
    """An entry stands otherwise than before."""

    seq: int
    standing: Standing
    audit: AuditLine | None = None


class Moved(msgspec.Struct, frozen=True, array_like=True, tag="moved"):
    """Entries have new positions: pairs of seq and position."""

    places: tuple[tuple[int, int], ...]


class Bound(msgspec.Struct, frozen=True, array_like=True, tag="bound"):
    """One more idempotency key leads to an entry."""

    seq: int
    key: BoundKey


class Generations(msgspec.Struct, frozen=True, array_like=True, tag="generations"):
    """How many generations subjects have had: pairs of subject and number."""

    pairs: tuple[tuple[str, int], ...]


class Sealed(msgspec.Struct, frozen=True, array_like=True, kw_only=True, tag="sealed"):
    """The last record of a journal file: what follows stands in file `number`, from byte `offset` on."""

    number: int
    offset: int


Record = Header | Added | Changed | Finished | Moved | Bound | Generations | Sealed
