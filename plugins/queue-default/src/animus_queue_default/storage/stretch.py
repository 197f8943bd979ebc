"""What a stretch of a journal amounts to, in a form that is loaded in bulk: columns instead of records.

A stretch begins and ends between two frames, and says what is true at its end of the entries that its records speak
of: which left the queue; which came and only wait, and where their records lie; and how the others stand, as a whole.
An entry that came and went within the stretch is only among those that left.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from animus_queue_default.fault import CorruptFileError
from animus_queue_default.model.entry import Entry, Finished
from animus_queue_default.state.ids import pack_ids
from animus_queue_default.state.queue_state import QueueState
from animus_queue_default.state.shelf import EMPTY, PAGE_BITS, PAGE_ROWS, Page
from animus_queue_default.storage.journal import decode_record

__all__ = ["Departed", "Part", "PlacedEntry", "Stretch", "apply_stretch", "build_departed", "build_parts", "relocate"]

_MASK = PAGE_ROWS - 1
PlacedEntry = tuple[Entry, int, int]
PlacedEnd = tuple[Finished, int, int]


class Part(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """Entries of one page of the shelf: a span of rows, and of those that are taken the ids, subjects and keys."""

    page: int
    row: int
    priorities: bytes
    positions: bytes
    places: bytes
    lengths: bytes
    words: bytes
    generations: bytes
    ids: bytes
    subjects: list[str]
    keys: dict[str, int]


class Departed(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """Entries that left: columns, one value an entry."""

    seqs: list[int]
    ids: list[str]
    subjects: list[str]
    generations: list[int]
    keys: list[tuple[str, ...]]
    places: list[int]
    lengths: list[int]


class Stretch(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """One stretch. What it says is true in the order of its fields.

    ``left`` are entries that were there before or came and went. ``held`` are entries as they stand, each with the
    length of the record that added it, or 0 where that was before. ``rest`` are records that speak of no entry.
    """

    workflow_refs: list[str]
    left: Departed
    parts: list[Part]
    held: list[tuple[Entry, int]]
    rest: list[tuple[bytes, int]]
    next_seq: int
    next_position: int
    front_position: int


def build_parts(added: Mapping[int, PlacedEntry], words: dict[str, int]) -> list[Part]:
    """The parts for entries by seq; `words` gets a number for each workflow."""
    pages: dict[int, list[int]] = {}
    for seq in sorted(added):
        pages.setdefault(seq >> PAGE_BITS, []).append(seq)
    return [_build_part(page, seqs, added, words) for page, seqs in pages.items()]


def _build_part(number: int, seqs: list[int], added: Mapping[int, PlacedEntry], words: dict[str, int]) -> Part:
    first = seqs[0] & _MASK
    page = Page()
    placed = [added[seq] for seq in seqs]
    keys: dict[str, int] = {}
    for seq, (entry, place, length) in zip(seqs, placed, strict=True):
        row = (seq & _MASK) - first
        page.priorities[row] = entry.priority
        page.positions[row] = entry.position
        page.places[row] = place
        page.lengths[row] = length
        page.generations[row] = entry.standing.subject_generation
        page.words[row] = words.setdefault(entry.workflow_ref, len(words))
        for bound in entry.keys:
            keys[bound.key] = seq
    size = (seqs[-1] & _MASK) - first + 1
    return Part(
        page=number,
        row=first,
        priorities=bytes(page.priorities[:size]),
        positions=page.positions[:size].tobytes(),
        places=page.places[:size].tobytes(),
        lengths=page.lengths[:size].tobytes(),
        words=page.words[:size].tobytes(),
        generations=page.generations[:size].tobytes(),
        ids=pack_ids([entry.entry_id for entry, _, _ in placed]),
        subjects=[entry.subject for entry, _, _ in placed],
        keys=keys,
    )


def build_departed(ends: Iterable[PlacedEnd]) -> Departed:
    """The columns for entries that left."""
    placed = list(ends)
    return Departed(
        seqs=[finished.seq for finished, _, _ in placed],
        ids=[finished.entry_id for finished, _, _ in placed],
        subjects=[finished.subject for finished, _, _ in placed],
        generations=[finished.standing.subject_generation for finished, _, _ in placed],
        keys=[tuple(bound.key for bound in finished.keys) for finished, _, _ in placed],
        places=[place for _, place, _ in placed],
        lengths=[length for _, _, length in placed],
    )


def apply_stretch(state: QueueState, stretch: Stretch) -> None:
    """Let everything the stretch says be true.

    Raises:
        CorruptFileError: it adds an entry that is there already.
    """
    _apply_departed(state, stretch.left)
    numbers = [state.words.number(ref) for ref in stretch.workflow_refs]
    for part in stretch.parts:
        _apply_part(state, part, numbers)
    for entry, length in stretch.held:
        state.adopt(entry, length)
    for raw, place in stretch.rest:
        state.apply(decode_record(raw), place, len(raw))
    state.next_seq = max(state.next_seq, stretch.next_seq)
    state.next_position = max(state.next_position, stretch.next_position)
    state.front_position = min(state.front_position, stretch.front_position)


def _apply_departed(state: QueueState, departed: Departed) -> None:
    for seq, entry_id, subject, keys in zip(departed.seqs, departed.ids, departed.subjects, departed.keys, strict=True):
        state.depart(seq, entry_id, subject, keys)
    state.departures.add_read(departed.ids, departed.keys, departed.places, departed.lengths)
    state.generations.note_all(zip(departed.subjects, departed.generations, strict=True))


def _apply_part(state: QueueState, part: Part, numbers: list[int]) -> None:
    base = part.page << PAGE_BITS | part.row
    seqs: Sequence[int] = range(base, base + len(part.priorities))
    if EMPTY in part.priorities:
        seqs = [seq for seq, priority in zip(seqs, part.priorities, strict=True) if priority != EMPTY]
    words = array("I", part.words)
    if numbers != list(range(len(numbers))):
        words = array("I", [numbers[word] for word in words])
    page = state.shelf.open_page(part.page)
    span = slice(part.row, part.row + len(part.priorities))
    if page.count and page.priorities[span].strip(b"\xff"):
        raise CorruptFileError("two stretches add the same entries")
    page.priorities[span] = part.priorities
    page.positions[span] = array("q", part.positions)
    page.places[span] = array("Q", part.places)
    lengths = array("I", part.lengths)
    page.lengths[span] = lengths
    page.words[span] = words
    page.generations[span] = array("I", part.generations)
    page.count += len(seqs)
    for priority in set(part.priorities) - {EMPTY}:
        state.shelf.note_added(priority, part.priorities.count(priority), base)
    state.register(seqs, part, sum(lengths))


def relocate(state: QueueState, stretch: Stretch) -> None:
    """Remember for what is known of already that its record lies in another journal now."""
    for part in stretch.parts:
        page = state.shelf.pages.get(part.page)
        if page is None:
            continue
        span = slice(part.row, part.row + len(part.priorities))
        places, lengths = array("Q", part.places), array("I", part.lengths)
        if bytes(page.priorities[span]) == part.priorities:
            page.places[span], page.lengths[span] = places, lengths
            continue
        for row, priority in enumerate(part.priorities):
            if priority != EMPTY and page.priorities[part.row + row] != EMPTY:
                page.places[part.row + row], page.lengths[part.row + row] = places[row], lengths[row]
    for entry, _ in stretch.held:
        if entry.seq in state.shelf:  # who wrote the stretch held it, without anything having happened to it
            state.warm_up(entry.seq)
    departed = stretch.left
    for entry_id, place, length in zip(departed.ids, departed.places, departed.lengths, strict=True):
        state.departures.move(entry_id, place, length)
