"""Moving a queue: its live entries out in pages, and in again at the end of another."""

from collections.abc import Sequence
from itertools import islice

import msgspec

from animus_plugin_protocol.wire.queue_care import QueuePortableEntry
from animus_queue_default.clock import Clock
from animus_queue_default.fault import InvalidRequestError
from animus_queue_default.model.entry import Entry
from animus_queue_default.model.identity import Mint, mint_id
from animus_queue_default.model.moment import MomentError
from animus_queue_default.model.record import Added, Generations
from animus_queue_default.model.status import Status
from animus_queue_default.operations.handout import PAGE_BYTES, entry_bytes
from animus_queue_default.operations.ledger import Ledger
from animus_queue_default.state.queue_state import QueueState
from animus_queue_default.wire.porting import checked_count, from_portable, to_portable

__all__ = ["Exported", "Imported", "export_entries", "import_entries"]

_PAGE = 500
_MAX_PAGE = 2_000


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the queue, and where the next begins."""

    entries: list[QueuePortableEntry]
    generations: dict[str, int]
    next_offset: int | None


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries came in, and the others with the reason."""

    imported: int
    skipped: list[tuple[str, str]]


def export_entries(ledger: Ledger, *, limit: int | None = None, offset: int = 0) -> Exported:
    """The entries from `offset` on, in order, and as many of the subjects' generations."""
    state = ledger.state
    size = min(max(_PAGE if limit is None else limit, 1), _MAX_PAGE)
    entries: list[QueuePortableEntry] = []
    length = 0
    for entry in islice(state.order.walk(offset), size):
        length += entry_bytes(entry)
        if entries and length > PAGE_BYTES:
            size = len(entries)
            break
        entries.append(to_portable(entry))
    end = offset + size
    generations = dict(state.generations.page(offset, size))
    for item in entries:
        if item.subject_id and item.subject_generation:
            generations[item.subject_id] = state.generation_of(item.subject_id)
    more = end < max(state.counts.total, len(state.generations))
    return Exported(entries=entries, generations=generations, next_offset=end if more else None)


def import_entries(
    ledger: Ledger, clock: Clock, items: Sequence[QueuePortableEntry], generations: dict[str, int], mint: Mint = mint_id
) -> Imported:
    """Add `items` at the end of the queue, each once: what the queue knows already is skipped, so a repeat is safe.

    Raises:
        InvalidRequestError: an item is malformed; nothing was imported.
    """
    state, now = ledger.state, clock.now()
    for subject, count in generations.items():
        _require_count(subject, count)
    entries = [_convert(state, place, item, now, mint) for place, item in enumerate(items)]
    skipped: list[tuple[str, str]] = []
    imported = 0
    for entry in entries:
        reason = _obstacle(state, entry)
        if reason is not None:
            skipped.append((entry.entry_id, reason))
            continue
        entry.seq, entry.position = state.next_seq, state.next_position
        entry.keys = tuple(key for key in entry.keys if not _is_bound(state, key.key))
        ledger.emit(Added(entry))
        imported += 1
    higher = tuple((subject, count) for subject, count in generations.items() if count > state.generation_of(subject))
    if higher:
        ledger.emit(Generations(higher))
    return Imported(imported=imported, skipped=skipped)


def _convert(state: QueueState, place: int, item: QueuePortableEntry, now: int, mint: Mint) -> Entry:
    try:
        if not (item.entry_id or item.subject_id or item.task_id or item.dispatch):
            raise ValueError("it has no id, no subject and no dispatch, so it is no entry of a queue")  # noqa: TRY301 - one message for all of it
        entry = from_portable(item, seq=state.next_seq, position=0, entry_id=item.entry_id or mint(), now=now)
        msgspec.msgpack.encode(entry)
    except (MomentError, ValueError, OverflowError) as error:
        raise InvalidRequestError(f"entries[{place}] ({item.entry_id!r}): {error}; nothing was imported") from error
    return entry


def _require_count(subject: str, count: int) -> None:
    try:
        checked_count(f"subject_generations[{subject!r}]", count)
    except ValueError as error:
        raise InvalidRequestError(f"{error}; nothing was imported") from error


def _obstacle(state: QueueState, entry: Entry) -> str | None:
    if entry.entry_id in state:
        return "an entry of this id is on the queue"
    if state.departures.find(entry.entry_id) is not None:
        return "an entry of this id was on the queue and has finished"
    if entry.is_ticketed and entry.status is not Status.UNKNOWN:
        for other in state.siblings(entry.subject):
            if other.is_ticketed:
                return f"subject {entry.subject} has a live generation: entry {other.entry_id!r}"
    return None


def _is_bound(state: QueueState, key: str) -> bool:
    return key in state.keys or state.find_key(key) is not None
