"""Entries that wait for one another stand in one *lane*; only the first of each lane is a candidate.

They wait for one another because they have the same subject, or reserve the same repository ref. So a lease looks at
no more lanes than it hands out plus those in front of it that are blocked, however long the queue or one lane is.
Heaps are cleaned lazily: an item counts only while its entry still stands as it did when the item was made.

A shelved entry has no lane: it is the only one of its subject, and its place in the order is all there is to know.
It gets its lane when its turn comes.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping

from animus_queue_default.model.entry import Entry
from animus_queue_default.state.shelf import Shelf

__all__ = ["SLACK", "Lanes"]

SLACK = 1_024
"""How much may be stale in a heap beside what could be current."""

_Item = tuple[int, int, int]
"""Priority, position and seq: what candidates are sorted by, and whose they are."""
_Head = tuple[int, int, int, str]
"""An item and its lane, so that the lane is found when the entry is gone."""
_LANE_REPORT = 64


class Lanes:
    """Entries that could be handed out now, in order.

    Args:
        entries: the live entries that are not on the shelf, kept by the owner.
        is_ready: whether such an entry may stand in a lane, as it is now.
        shelf: the entries that are ready without standing in a lane.
        look: gives a shelved entry as it is.
        unshelve: takes an entry off the shelf; it is added here then.
    """

    def __init__(  # what it sees of its owner
        self,
        entries: Mapping[int, Entry],
        is_ready: Callable[[Entry], bool],
        shelf: Shelf,
        look: Callable[[int], Entry],
        unshelve: Callable[[int], object],
    ) -> None:
        self._look = look
        self._entries = entries
        self._is_ready = is_ready
        self._shelf = shelf
        self._unshelve = unshelve
        self._lanes: dict[str, list[_Item]] = {}
        self._heads: list[_Head] = []
        self._passed_over = False
        self._lined_up = 0
        self._look_at = SLACK
        """When that often something was lined up, see how much of it is stale."""

    @property
    def size(self) -> int:
        """How many items there are, current or stale."""
        return len(self._heads) + sum(map(len, self._lanes.values()))

    def close(self) -> None:
        """Forget the owner; see `QueueState.close`."""
        del self._entries, self._is_ready, self._look, self._unshelve

    def line_up(self, entry: Entry) -> None:
        """`entry` is ready: put it into its lane."""
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
            self._look_over()

    def candidates(self) -> Iterator[Entry]:
        """The first entry of each lane, in order, and the next of a lane whose first was taken.

        The caller either takes an entry (its status changes before the next one is asked for), or leaves it, or
        calls `pass_over` to see the entry behind it too. What was left is a candidate again next time.
        """
        left: list[_Head] = []
        stepped: list[Entry] = []
        seen: set[int] = set()
        try:
            while True:
                head = self._pop_head() if self._heads else None
                shelved = self._shelf.first()
                if shelved is not None and (head is None or shelved < head[:3]):
                    if head is not None:
                        heapq.heappush(self._heads, head)
                    yield self._look(shelved[2])
                    left += self._lane_of_left(shelved[2])
                    continue
                if head is None:
                    return
                seq, key = head[2], head[3]
                if seq in seen:
                    continue
                entry = self._entries[seq]
                seen.add(seq)
                left.append(head)
                self._passed_over = False
                yield entry
                if not self._is_ready(entry):
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
                self.line_up(entry)

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

    def _look_over(self) -> None:
        """Make the lanes anew when most of what stands in them is stale."""
        limit = 2 * len(self._entries) + SLACK
        if self.size > 2 * limit:
            self._lanes = {}
            self._heads = []
            for entry in self._entries.values():
                if self._is_ready(entry):
                    self._lanes.setdefault(entry.lane, []).append((entry.priority, entry.position, entry.seq))
            for key, lane in self._lanes.items():
                heapq.heapify(lane)
                self._heads.append((*lane[0], key))
            heapq.heapify(self._heads)
        self._look_at = self._lined_up + limit

    def _step_behind(self, head: _Head) -> None:
        lane = self._lanes[head[3]]
        while lane and lane[0] == head[:3]:
            heapq.heappop(lane)
        self._expose_next(head[3])

    def _is_current(self, item: _Item) -> bool:
        entry = self._entries.get(item[2])
        return entry is not None and entry.position == item[1] and self._is_ready(entry)

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

    def _lane_of_left(self, seq: int) -> list[_Head]:
        """A shelved candidate that was not taken gets a lane, so that the shelf begins behind it; its head."""
        if seq not in self._shelf:
            return []
        self._unshelve(seq)
        head = self._pop_head()
        return [] if head is None else [head]

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
