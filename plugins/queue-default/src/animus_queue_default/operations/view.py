"""Looking at the queue without changing it."""

from collections.abc import Iterable, Sequence
from itertools import islice

import msgspec

from animus_queue_default.clock import Clock
from animus_queue_default.model.entry import Entry, Finished
from animus_queue_default.model.status import Status
from animus_queue_default.operations.handout import PAGE_BYTES, entry_bytes, text_bytes
from animus_queue_default.operations.ledger import Ledger
from animus_queue_default.state.order import order_key
from animus_queue_default.state.queue_state import QueueState

__all__ = ["DEFAULT_PAGE", "MAX_PAGE", "FinishedPage", "Page", "Totals", "finished_page", "list_entries", "totals"]

DEFAULT_PAGE = 500
"""Entries on a page when no limit is asked for."""
MAX_PAGE = 2_000
"""Entries on a page at most."""
_FINISHED_OVERHEAD = 400
_SCAN = 5_000
"""How many finished entries one page looks at, so that a rare subject does not hold up the queue."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries there are; deferred ones are pending too."""

    total: int
    pending: int
    assigned: int
    held: int
    deferred: int


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the queue in order; ``total`` counts all that match."""

    entries: list[Entry]
    total: int
    totals: Totals


def totals(ledger: Ledger, clock: Clock) -> Totals:
    """Count the whole queue."""
    state = ledger.state
    state.readiness.advance(clock.now())
    counts = state.counts
    return Totals(
        total=counts.total,
        pending=counts[Status.PENDING],
        assigned=counts[Status.ASSIGNED],
        held=counts[Status.HELD],
        deferred=state.readiness.deferred_count,
    )


def list_entries(
    ledger: Ledger, clock: Clock, *, statuses: Sequence[str] = (), limit: int | None = None, offset: int = 0
) -> Page:
    """The entries of `statuses` (all, if none are named) from `offset` on.

    A page holds at most `MAX_PAGE` entries and about `PAGE_BYTES`; legacy entries without a dispatch cannot be
    shown, but are counted. A limit below one means one.
    """
    state = ledger.state
    wanted = {status for status in Status if status.value in statuses} if statuses else set(Status)
    size = min(max(DEFAULT_PAGE if limit is None else limit, 1), MAX_PAGE)
    entries: list[Entry] = []
    length = 0
    for entry in _matches(state, wanted, offset):
        length += entry_bytes(entry)
        if entries and length > PAGE_BYTES:
            break
        entries.append(entry)
        if len(entries) == size:
            break
    total = sum(state.counts[status] for status in wanted)
    return Page(entries=entries, total=total, totals=totals(ledger, clock))


class FinishedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some finished entries, and where to go on if there may be more."""

    entries: list[Finished]
    next_offset: int | None


def finished_page(
    finished: Iterable[Finished], *, subject: str | None = None, limit: int | None = None, offset: int = 0
) -> FinishedPage:
    """Finished entries from `offset` on, of one canonical subject if one is named; about `PAGE_BYTES` at most."""
    size = min(max(DEFAULT_PAGE if limit is None else limit, 1), MAX_PAGE)
    entries: list[Finished] = []
    length = 0
    for place, item in enumerate(finished, start=offset):
        if len(entries) == size or place - offset >= _SCAN:
            return FinishedPage(entries=entries, next_offset=place)
        if subject is None or item.subject == subject:
            length += _finished_bytes(item)
            if entries and length > PAGE_BYTES:
                return FinishedPage(entries=entries, next_offset=place)
            entries.append(item)
    return FinishedPage(entries=entries, next_offset=None)


def _finished_bytes(item: Finished) -> int:
    """About how long it is on the wire."""
    names = text_bytes(item.subject, item.workflow_ref, item.standing.workflow_id, item.reason)
    return _FINISHED_OVERHEAD + names + text_bytes(*(bound.key for bound in item.keys))


def _matches(state: QueueState, wanted: set[Status], skip: int) -> Iterable[Entry]:
    """Entries of the wanted statuses in order that can be shown; only a listing of pending ones walks the queue."""
    if Status.PENDING in wanted:
        return state.order.walk(skip, lambda entry: entry.status in wanted and entry.dispatch is not None)
    few = [entry for status in wanted for entry in state.standings.exceptional[status].values()]
    return islice((entry for entry in sorted(few, key=order_key) if entry.dispatch is not None), skip, None)
