"""The order of the queue: priority class first, then position.

A position is given at enqueue and only an operator's reorder changes it. Without priorities and reorders this is
first in, first out.
"""

from collections.abc import Iterator, Sequence

from animus_queue_default.entry import Entry, Priority

__all__ = ["Order", "order_key"]


def order_key(entry: Entry) -> tuple[int, int]:
    """What entries are sorted by."""
    return entry.priority, entry.position


class Order:
    """All live entries in order, whatever their status.

    New entries come last in their class, so a dict per class stays sorted by itself; a reorder marks the class
    and the next walk sorts it.
    """

    def __init__(self) -> None:
        self._classes: tuple[dict[int, Entry], ...] = tuple({} for _ in Priority)
        self._unsorted: set[int] = set()
        self._tails: list[int | None] = [None for _ in Priority]

    def add(self, entry: Entry) -> None:
        """Put `entry` into its place."""
        tail = self._tails[entry.priority]
        if tail is not None and entry.position < tail:
            self._unsorted.add(entry.priority)
        else:
            self._tails[entry.priority] = entry.position
        self._classes[entry.priority][entry.seq] = entry

    def remove(self, entry: Entry) -> None:
        """Take `entry` out."""
        del self._classes[entry.priority][entry.seq]

    def reposition(self, entry: Entry, position: int) -> None:
        """Give `entry` another position."""
        entry.position = position
        self._unsorted.add(entry.priority)

    def walk(self) -> Iterator[Entry]:
        """Every entry, first to last."""
        for priority in Priority:
            yield from self._sorted(priority).values()

    def plan_reorder(self, wanted: Sequence[Entry]) -> tuple[list[Entry], int]:
        """Which entries have to move so that `wanted` stand first in their classes, and how many places change.

        Returns:
            The entries in the order they should stand, and the number of places with another occupant; no
            entries when nothing changes.
        """
        changed = 0
        moving: list[Entry] = []
        for priority in Priority:
            front = {entry.seq: entry for entry in wanted if entry.priority == priority}
            if not front:
                continue
            before = list(self._sorted(priority))
            after = [*front, *(seq for seq in before if seq not in front)]
            places = sum(old != new for old, new in zip(before, after, strict=True))
            if places:
                changed += places
                moving.extend(front.values())
        return moving, changed

    def _sorted(self, priority: int) -> dict[int, Entry]:
        if priority in self._unsorted:
            entries = self._classes[priority]
            ranked = sorted(entries.values(), key=order_key)
            entries.clear()
            entries.update((entry.seq, entry) for entry in ranked)
            if ranked:
                self._tails[priority] = ranked[-1].position
            self._unsorted.discard(priority)
        return self._classes[priority]
