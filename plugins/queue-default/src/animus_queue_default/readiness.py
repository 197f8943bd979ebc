"""Which entries could be handed out now, in order, without looking at those that could not.

Entries that wait for one another (same subject, or same repository ref) stand in one *lane*; only the first of
each lane is a candidate. So a lease looks at no more lanes than it hands out plus those in front of it that are
blocked, however long the queue or one lane is. Heaps are cleaned lazily: an item counts only while its entry still
stands as it did when the item was made.
"""

import heapq
from collections.abc import Iterator, Mapping

from animus_queue_default.entry import Entry
from animus_queue_default.status import Status

__all__ = ["Readiness"]

_Item = tuple[int, int, int]
"""Priority, position and seq: what candidates are sorted by, and whose they are."""
_Head = tuple[int, int, int, str]
"""An item and its lane, so that the lane is found when the entry is gone."""
_LANE_REPORT = 64
_SLACK = 1_024
_NEVER = 2**63


class Readiness:
    """Index of pending entries by lane, and of the moments at which something becomes due.

    Args:
        entries: the live entries by seq, kept by the owner of this index.
    """

    def __init__(self, entries: Mapping[int, Entry]) -> None:
        self._entries = entries
        self._now = 0
        self._alarm = _NEVER
        self._lanes: dict[str, list[_Item]] = {}
        self._heads: list[_Head] = []
        self._timed: dict[int, None] = {}
        self._waiting: set[int] = set()
        self._deferred: list[tuple[int, int]] = []
        self._expiring: list[tuple[int, int]] = []
        self._lapsing: list[tuple[int, int]] = []
        self._reclaimable: dict[int, None] = {}
        self.lapsed: dict[int, None] = {}
        """Entries whose fenced lease has run out, by seq: somebody has to recover them."""
        self._passed_over = False
        self._lined_up = 0
        self._look_at = _SLACK
        """When that often something was lined up, see how much of it is stale."""

    @property
    def deferred_count(self) -> int:
        """How many pending entries are not due yet."""
        return len(self._waiting)

    def add(self, entry: Entry) -> None:
        """`entry` stands otherwise than before: file it where it belongs now."""
        status = entry.standing.status
        if status is Status.PENDING and entry.run_at is None:
            self._line_up(entry)
            return
        seq = entry.seq
        if status is Status.PENDING and entry.run_at is not None:
            self._timed[seq] = None
            self._waiting.add(seq)
            heapq.heappush(self._deferred, (entry.run_at, seq))
            if len(self._deferred) > self._limit:
                self._rebuild_timed()
            self._alarm = min(self._alarm, entry.run_at)
            if entry.expires_at is not None:
                heapq.heappush(self._expiring, (entry.expires_at, seq))
        elif status is Status.ASSIGNED and entry.standing.grant is not None:
            moment = entry.standing.grant.expires_at
            heapq.heappush(self._lapsing, (moment, seq))
            self._alarm = min(self._alarm, moment)
            if len(self._lapsing) > self._limit:
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
            self._line_up(entry)

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
                self._line_up(self._entries[seq])
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
                self._line_up(entry)
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

    def candidates(self) -> Iterator[Entry]:
        """The first entry of each lane, in order, and the next of a lane whose first was taken.

        The caller either takes an entry (its status changes before the next one is asked for), or leaves it, or
        calls `pass_over` to see the entry behind it too. What was left is a candidate again next time.
        """
        left: list[_Head] = []
        stepped: list[Entry] = []
        seen: set[int] = set()
        try:
            while (head := self._pop_head()) is not None:
                seq, key = head[2], head[3]
                if seq in seen:
                    continue
                entry = self._entries[seq]
                seen.add(seq)
                left.append(head)
                self._passed_over = False
                yield entry
                if not self._is_lined_up(entry):
                    left.pop()
                    self._expose_next(key)
                elif self._passed_over:
                    left.pop()
                    stepped.append(entry)
                    self._step_behind(head)
        finally:
            for head in left:
                heapq.heappush(self._heads, head)
            for entry in stepped:
                self._line_up(entry)

    def pass_over(self) -> None:
        """Ask `candidates` to look behind the entry it gave last."""
        self._passed_over = True

    def front_of(self, entry: Entry) -> Entry | None:
        """The first entry of the lane `entry` waits in."""
        item = self._prune(entry.lane)
        return None if item is None else self._entries[item[2]]

    def lane_mates(self, entry: Entry) -> list[Entry]:
        """Entries that wait behind `entry` in its lane, in order; a long lane is cut."""
        items = sorted(set(self._lanes.get(entry.lane, ())[:_LANE_REPORT]))
        mates = [self._entries[item[2]] for item in items if item[2] in self._entries and self._is_current(item)]
        return [mate for mate in mates if mate.seq != entry.seq]

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

    def _line_up(self, entry: Entry) -> None:
        item = (entry.priority, entry.position, entry.seq)
        key = entry.subject if entry.repository is None else entry.lane
        lane = self._lanes.get(key)
        if lane is None:
            self._lanes[key] = [item]
            heapq.heappush(self._heads, (*item, key))
        else:
            heapq.heappush(lane, item)
            if lane[0] == item:
                heapq.heappush(self._heads, (*item, key))
        self._lined_up += 1
        if self._lined_up > self._look_at:
            self._look_over_lanes()

    @property
    def _limit(self) -> int:
        """How long a heap may get before what is stale in it is removed."""
        return 2 * len(self._entries) + _SLACK

    def _look_over_lanes(self) -> None:
        """Make the lanes anew when most of what stands in them is stale."""
        if len(self._heads) + sum(map(len, self._lanes.values())) > 2 * self._limit:
            self._rebuild_lanes()
        self._look_at = self._lined_up + self._limit

    def _rebuild_lanes(self) -> None:
        self._lanes = {}
        self._heads = []
        for entry in self._entries.values():
            if self._is_lined_up(entry):
                self._lanes.setdefault(entry.lane, []).append((entry.priority, entry.position, entry.seq))
        for key, lane in self._lanes.items():
            heapq.heapify(lane)
            self._heads.append((*lane[0], key))
        heapq.heapify(self._heads)

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

    def _step_behind(self, head: _Head) -> None:
        lane = self._lanes[head[3]]
        while lane and lane[0] == head[:3]:
            heapq.heappop(lane)
        self._expose_next(head[3])

    def _is_lined_up(self, entry: Entry) -> bool:
        if entry.status is Status.PENDING:
            return entry.seq not in self._waiting
        return entry.seq in self._reclaimable

    def _is_current(self, item: _Item) -> bool:
        entry = self._entries.get(item[2])
        return entry is not None and entry.position == item[1] and self._is_lined_up(entry)

    def _prune(self, key: str) -> _Item | None:
        """The first current item of a lane, after dropping what is stale in front of it."""
        lane = self._lanes.get(key)
        while lane:
            if self._is_current(lane[0]):
                return lane[0]
            heapq.heappop(lane)
        if lane is not None:
            del self._lanes[key]
        return None

    def _expose_next(self, key: str) -> None:
        item = self._prune(key)
        if item is not None:
            heapq.heappush(self._heads, (*item, key))

    def _pop_head(self) -> _Head | None:
        while self._heads:
            head = heapq.heappop(self._heads)
            first = self._prune(head[3])
            if first is None:
                continue
            if first == head[:3]:
                return head
            if first > head[:3]:
                heapq.heappush(self._heads, (*first, head[3]))
        return None
