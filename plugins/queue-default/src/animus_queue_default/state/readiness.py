"""Which entries could be handed out now, and the moments at which that changes.

Heaps are cleaned lazily: an item counts only while its entry still stands as it did when the item was made.
"""

import heapq
from collections.abc import Callable, Mapping

from animus_queue_default.model.entry import Entry
from animus_queue_default.model.status import Status
from animus_queue_default.state.lanes import SLACK, Lanes
from animus_queue_default.state.shelf import Shelf

__all__ = ["Readiness"]

_NEVER = 2**63
_PENDING, _ASSIGNED = Status.PENDING, Status.ASSIGNED  # to ask an enum's class each time takes longer than the rest


class Readiness:
    """Index of pending entries by lane, and of the moments at which something becomes due.

    Args:
        entries: the live entries by seq that are not on the shelf, kept by the owner of this index.
        shelf: the entries that are ready now and never expire.
        look: gives a shelved entry as it is.
        unshelve: takes an entry off the shelf; it is added here then.
    """

    def __init__(
        self,
        entries: Mapping[int, Entry],
        shelf: Shelf,
        look: Callable[[int], Entry],
        unshelve: Callable[[int], object],
    ) -> None:
        self._entries = entries
        self._lanes = Lanes(entries, self._is_lined_up, shelf, look, unshelve)
        self.candidates = self._lanes.candidates
        """Entries that may be handed out, in order; see `Lanes.candidates`."""
        self._now = 0
        self._alarm = _NEVER
        self._timed: dict[int, None] = {}
        self._waiting: set[int] = set()
        self._deferred: list[tuple[int, int]] = []
        self._expiring: list[tuple[int, int]] = []
        self._lapsing: list[tuple[int, int]] = []
        self._reclaimable: dict[int, None] = {}
        self.lapsed: dict[int, None] = {}
        """Entries whose fenced lease has run out, by seq: somebody has to recover them."""

    @property
    def deferred_count(self) -> int:
        """How many pending entries are not due yet."""
        return len(self._waiting)

    @property
    def size(self) -> int:
        """How many items the indexes hold, current or stale."""
        return self._lanes.size + len(self._deferred) + len(self._expiring) + len(self._lapsing)

    def close(self) -> None:
        """Forget the owner; see `QueueState.close`."""
        del self._entries
        self._lanes.close()

    def add(self, entry: Entry) -> None:
        """`entry` stands otherwise than before: file it where it belongs now."""
        standing, run_at, seq = entry.standing, entry.run_at, entry.seq
        if standing.status is _PENDING:
            if run_at is None:
                self._lanes.line_up(entry)
                return
            self._timed[seq] = None
            self._waiting.add(seq)
            heapq.heappush(self._deferred, (run_at, seq))
            if len(self._deferred) > 2 * len(self._entries) + SLACK:  # most of it is stale
                self._rebuild_timed()
            self._alarm = min(self._alarm, run_at)
            if entry.expires_at is not None:
                heapq.heappush(self._expiring, (entry.expires_at, seq))
        elif standing.status is _ASSIGNED and standing.grant is not None:
            moment = standing.grant.expires_at
            heapq.heappush(self._lapsing, (moment, seq))
            self._alarm = min(self._alarm, moment)
            if len(self._lapsing) > 2 * len(self._entries) + SLACK:
                self._rebuild_lapsing()

    def remove(self, entry: Entry) -> None:
        """`entry` is about to stand otherwise, or to go."""
        seq = entry.seq
        self._timed.pop(seq, None)
        self._waiting.discard(seq)
        self._reclaimable.pop(seq, None)
        self.lapsed.pop(seq, None)

    def reposition(self, entry: Entry) -> None:
        """`entry` has a new position."""
        if self._is_lined_up(entry):
            self._lanes.line_up(entry)

    def rests(self, now: int) -> bool:
        """Whether nothing becomes due, expires or lapses by `now`; time is `now` then."""
        if self._now <= now < self._alarm:
            self._now = now
            return True
        return False

    def set_alarm(self) -> None:
        """Everything up to now was dealt with: find out when there is something again."""
        heaps = (self._deferred, self._expiring, self._lapsing)
        self._alarm = min((heap[0][0] for heap in heaps if heap), default=_NEVER)

    def advance(self, now: int) -> None:
        """Let time be `now`, later or earlier than before."""
        if now < self._now:
            self._turn_back(now)
        self._now = now
        while self._deferred and self._deferred[0][0] <= now:
            seq = heapq.heappop(self._deferred)[1]
            if seq in self._waiting:
                self._waiting.discard(seq)
                self._lanes.line_up(self._entries[seq])
        while self._lapsing and self._lapsing[0][0] < now:
            moment, seq = heapq.heappop(self._lapsing)
            entry = self._entries.get(seq)
            grant = None if entry is None or entry.status is not Status.ASSIGNED else entry.standing.grant
            if entry is None or grant is None or grant.expires_at != moment:
                continue
            if grant.fenced:
                self.lapsed[seq] = None
            else:
                self._reclaimable[seq] = None
                self._lanes.line_up(entry)
        self.set_alarm()

    def next_run_at(self) -> Entry | None:
        """The pending entry that becomes due next."""
        while self._deferred and self._deferred[0][1] not in self._waiting:
            heapq.heappop(self._deferred)
        return self._entries[self._deferred[0][1]] if self._deferred else None

    def take_expired(self, now: int, limit: int) -> list[Entry]:
        """Pending entries that nobody should start any more, at most `limit`; the caller removes them."""
        expired: dict[int, Entry] = {}
        while self._expiring and self._expiring[0][0] < now and len(expired) < limit:
            moment, seq = heapq.heappop(self._expiring)
            entry = self._entries.get(seq)
            if entry is not None and entry.status is Status.PENDING and entry.expires_at == moment:
                expired[seq] = entry
        return list(expired.values())

    def pass_over(self) -> None:
        """Ask `candidates` to look behind the entry it gave last."""
        self._lanes.pass_over()

    def front_of(self, entry: Entry) -> Entry | None:
        """The first entry of the lane `entry` waits in."""
        return self._lanes.front_of(entry)

    def lane_mates(self, entry: Entry) -> list[Entry]:
        """Entries that wait behind `entry` in its lane, in order; a long lane is cut."""
        return self._lanes.lane_mates(entry)

    def _turn_back(self, now: int) -> None:
        for seq in self._timed:
            run_at = self._entries[seq].run_at
            if run_at is not None and run_at > now and seq not in self._waiting:
                self._waiting.add(seq)
                heapq.heappush(self._deferred, (run_at, seq))
        for seq in (*self._reclaimable, *self.lapsed):
            grant = self._entries[seq].standing.grant
            if grant is not None and not grant.has_expired(now):
                self._reclaimable.pop(seq, None)
                self.lapsed.pop(seq, None)
                heapq.heappush(self._lapsing, (grant.expires_at, seq))

    def _rebuild_timed(self) -> None:
        entries = [self._entries[seq] for seq in self._timed]
        self._deferred = [(e.run_at, e.seq) for e in entries if e.run_at is not None and e.seq in self._waiting]
        self._expiring = [(e.expires_at, e.seq) for e in entries if e.expires_at is not None]
        heapq.heapify(self._deferred)
        heapq.heapify(self._expiring)

    def _rebuild_lapsing(self) -> None:
        self._lapsing = [item for item in set(self._lapsing) if self._is_granted_until(*item)]
        heapq.heapify(self._lapsing)

    def _is_granted_until(self, moment: int, seq: int) -> bool:
        entry = self._entries.get(seq)
        grant = None if entry is None or entry.status is not Status.ASSIGNED else entry.standing.grant
        return grant is not None and grant.expires_at == moment

    def _is_lined_up(self, entry: Entry) -> bool:
        if entry.status is Status.PENDING:
            return entry.seq not in self._waiting
        return entry.seq in self._reclaimable
