"""The order of the queue: priority class first, then position.

A position is given at enqueue and only an operator's reorder changes it. Without priorities and reorders this is
first in, first out.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from animus_queue_default.model.entry import Entry, Priority
from animus_queue_default.state.shelf import Run, Shelf

__all__ = ["Order", "order_key"]


def order_key(entry: Entry) -> tuple[int, int]:
    """What entries are sorted by."""
    return entry.priority, entry.position


def _any(_entry: Entry) -> bool:
    return True


class Order:
    """All live entries in order, whatever their status: those on the shelf, and between them the others.

    New entries come last in their class, so a dict per class stays sorted by itself; what comes otherwise marks the
    class and the next walk sorts it.

    Args:
        shelf: the entries that stand in order by themselves.
        look: gives a shelved entry without taking it off.
    """

    def __init__(self, shelf: Shelf, look: Callable[[int], Entry]) -> None:
        self._shelf = shelf
        self._look = look
        self._classes: tuple[dict[int, Entry], ...] = tuple({} for _ in Priority)
        self._unsorted: set[int] = set()
        self._tails: list[int | None] = [None for _ in Priority]

    def close(self) -> None:
        """Forget the owner; see `QueueState.close`."""
        del self._look

    def add(self, entry: Entry) -> None:
        """Put `entry`, which is not on the shelf, into its place."""
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

    def walk(self, skip: int = 0, keep: Callable[[Entry], bool] = _any) -> Iterator[Entry]:
        """The entries, first to last, but for the first `skip`. Nothing may change the queue meanwhile.

        Args:
            skip: how many to pass over; shelved ones are passed over a page at a time.
            keep: which of the entries that are not on the shelf count; those on it all do.
        """
        for priority in Priority:
            for item in self._line(priority, keep):
                count = item.count if isinstance(item, Run) else 1
                if skip >= count:
                    skip -= count
                elif isinstance(item, Run):
                    for _, seq in islice(item.items(), skip, None):
                        yield self._look(seq)
                    skip = 0
                else:
                    yield self._look(item) if isinstance(item, int) else item

    def plan_reorder(self, wanted: Sequence[Entry]) -> tuple[list[Entry], int]:
        """Which entries have to move so that `wanted` stand first in their classes, and how many places change.

        Args:
            wanted: entries that are not on the shelf, each once.

        Returns:
            The entries in the order they should stand, and the number of places with another occupant; no
            entries when nothing changes.
        """
        changed = 0
        moving: list[Entry] = []
        for priority in Priority:
            front = [entry for entry in wanted if entry.priority == priority]
            places = self._count_changes(priority, front) if front else 0
            if places:
                changed += places
                moving.extend(front)
        return moving, changed

    def _count_changes(self, priority: int, front: list[Entry]) -> int:
        """How many places of a class get another occupant when `front` moves to its head.

        Behind the new head everything up to where the last of `front` stood moves; nothing behind that does.
        """
        head = islice(self._seqs(priority), len(front))
        in_head = sum(entry.seq != seq for entry, seq in zip(front, head, strict=True))
        last = max(entry.position for entry in front)
        rank = sum(entry.position < last for entry in self._classes[priority].values())
        for run in self._shelf.runs(priority):
            if run.last_position > last:
                rank += run.count_before(last)
                break
            rank += run.count
        return in_head + max(0, rank + 1 - len(front))

    def _seqs(self, priority: int) -> Iterator[int]:
        for item in self._line(priority, _any):
            if isinstance(item, Run):
                yield from (seq for _, seq in item.items())
            else:
                yield item if isinstance(item, int) else item.seq

    def _line(self, priority: int, keep: Callable[[Entry], bool]) -> Iterator[Run | Entry | int]:
        """A class in order: pages of shelved entries between which nothing stands as they are, else one by one."""
        others = filter(keep, self._sorted(priority).values())
        other = next(others, None)
        for run in self._shelf.runs(priority):
            if other is None or other.position > run.last_position:
                yield run
                continue
            for position, seq in run.items():
                while other is not None and other.position < position:
                    yield other
                    other = next(others, None)
                yield seq
        if other is not None:
            yield other
            yield from others

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
