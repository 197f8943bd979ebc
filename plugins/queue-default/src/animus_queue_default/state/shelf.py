"""Entries that nothing has happened to since they were enqueued: a few numbers each, the rest on disk.

Most of a long queue stands there and waits. Of such an entry the shelf keeps where its record lies and what it is
sorted by, in arrays of a page each, some 30 bytes an entry. Whoever wants more of it takes it off the shelf.

Entries of a class stand in order of ``seq``, which is their order of position too: an entry that an operator moved is
never put on the shelf.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterator

from animus_queue_default.model.entry import Entry, Priority
from animus_queue_default.model.status import Status

__all__ = ["EMPTY", "PAGE_BITS", "PAGE_ROWS", "Page", "Shelf", "Words", "only_waits"]

PAGE_BITS = 10
PAGE_ROWS = 1 << PAGE_BITS
"""How many values of ``seq`` one page spans."""
EMPTY = 0xFF
"""Stands in a page's priorities where there is no entry."""
_MASK = PAGE_ROWS - 1
_PENDING = Status.PENDING  # an enum's member by its name takes as long as the rest of `only_waits`
_MOST_GENERATIONS = 2**32 - 1
"""What a page has room for; only a queue that was taken over from elsewhere may count further."""
_SPARSE = 8
"""A page with so few entries left is not worth its arrays."""


class Page:
    """The entries of `PAGE_ROWS` consecutive values of ``seq``, by row."""

    __slots__ = ("count", "generations", "lengths", "places", "positions", "priorities", "words")

    def __init__(self) -> None:
        self.priorities = bytearray(b"\xff" * PAGE_ROWS)
        self.positions = array("q", bytes(8 * PAGE_ROWS))
        self.places = array("Q", bytes(8 * PAGE_ROWS))
        self.lengths = array("I", bytes(4 * PAGE_ROWS))
        self.words = array("I", bytes(4 * PAGE_ROWS))
        self.generations = array("I", bytes(4 * PAGE_ROWS))
        self.count = 0


class Shelf:
    """All shelved entries by ``seq``."""

    def __init__(self) -> None:
        self.pages: dict[int, Page] = {}
        self.numbers: list[int] = []
        """The numbers of the pages, ascending."""
        self.by_priority = [0 for _ in Priority]
        self._lowest = [0 for _ in Priority]
        """Nothing of a class stands below this ``seq``."""

    def __len__(self) -> int:
        return sum(self.by_priority)

    def __bool__(self) -> bool:
        return bool(self.pages)

    def __contains__(self, seq: int) -> bool:
        page = self.pages.get(seq >> PAGE_BITS)
        return page is not None and page.priorities[seq & _MASK] != EMPTY

    def add(self, seq: int, priority: int, position: int, word: int, generation: int) -> None:
        """Put an entry on the shelf; where its record lies is said later."""
        page = self.pages.get(seq >> PAGE_BITS) or self.open_page(seq >> PAGE_BITS)
        row = seq & _MASK
        page.priorities[row] = priority
        page.positions[row] = position
        page.words[row] = word
        page.generations[row] = generation
        page.count += 1
        self.by_priority[priority] += 1
        self._lowest[priority] = min(self._lowest[priority], seq)

    def open_page(self, number: int) -> Page:
        """The page of that number, made if it is missing."""
        page = self.pages.get(number)
        if page is None:
            page = self.pages[number] = Page()
            insort(self.numbers, number)
        return page

    def note_added(self, priority: int, count: int, first: int) -> None:
        """There are `count` more entries of a class, none of them below `first`."""
        self.by_priority[priority] += count
        self._lowest[priority] = min(first, self._lowest[priority])

    def place(self, seq: int, place: int, length: int) -> bool:
        """Say where the record of an entry lies; False if it is not on the shelf."""
        page = self.pages.get(seq >> PAGE_BITS)
        row = seq & _MASK
        if page is None or page.priorities[row] == EMPTY:
            return False
        page.places[row] = place
        page.lengths[row] = length
        return True

    def place_of(self, seq: int) -> tuple[int, int]:
        """Where the record of a shelved entry lies, and how long it is; zeros if nobody said."""
        page = self.pages[seq >> PAGE_BITS]
        return page.places[seq & _MASK], page.lengths[seq & _MASK]

    def word_of(self, seq: int) -> int:
        """The number of a shelved entry's workflow."""
        return self.pages[seq >> PAGE_BITS].words[seq & _MASK]

    def generation_of(self, seq: int) -> int:
        """The generation of a shelved entry's subject; 0 if the entry is not there."""
        page = self.pages.get(seq >> PAGE_BITS)
        row = seq & _MASK
        return 0 if page is None or page.priorities[row] == EMPTY else page.generations[row]

    def take(self, seq: int) -> int | None:
        """Take an entry off; the length of its record (0 if nobody said), or None if it is not there."""
        page = self.pages.get(seq >> PAGE_BITS)
        row = seq & _MASK
        if page is None or page.priorities[row] == EMPTY:
            return None
        length = page.lengths[row]
        self.by_priority[page.priorities[row]] -= 1
        page.priorities[row] = EMPTY
        page.count -= 1
        if not page.count:
            del self.pages[seq >> PAGE_BITS]
            del self.numbers[bisect_left(self.numbers, seq >> PAGE_BITS)]
        return length

    def stragglers(self, seq: int) -> list[int]:
        """The last few entries of the page of `seq`, if there are so few and the page is not the newest."""
        number = seq >> PAGE_BITS
        page = self.pages.get(number)
        if page is None or page.count > _SPARSE or number == self.numbers[-1]:
            return []
        return self.among(range(number << PAGE_BITS, (number + 1) << PAGE_BITS))

    def among(self, seqs: range) -> list[int]:
        """Which of `seqs`, all of one page, stand on the shelf."""
        page = self.pages.get(seqs.start >> PAGE_BITS)
        if page is None or not seqs:
            return []
        first = seqs.start & _MASK
        return [seq for seq, priority in zip(seqs, page.priorities[first:], strict=False) if priority != EMPTY]

    def first(self) -> tuple[int, int, int] | None:
        """Priority, position and seq of the entry that comes before all others."""
        for priority, count in enumerate(self.by_priority):
            if count:
                seq = self._first_of(priority)
                return priority, self.pages[seq >> PAGE_BITS].positions[seq & _MASK], seq
        return None

    def _first_of(self, priority: int) -> int:
        number = self._lowest[priority] >> PAGE_BITS
        row = self._lowest[priority] & _MASK
        for at in range(bisect_left(self.numbers, number), len(self.numbers)):
            here = self.numbers[at]
            found = self.pages[here].priorities.find(priority, row if here == number else 0)
            if found >= 0:
                self._lowest[priority] = here << PAGE_BITS | found
                return self._lowest[priority]
        raise AssertionError(f"the shelf counts entries of class {priority} and finds none")

    def runs(self, priority: int) -> Iterator["Run"]:
        """The entries of a class in order, a page at a time. The shelf must not change meanwhile."""
        if self.by_priority[priority]:
            for number in self.numbers:
                count = self.pages[number].priorities.count(priority)
                if count:
                    yield Run(self.pages[number], number << PAGE_BITS, priority, count)


class Words(dict[str, int]):
    """The workflows that entries ask for, each once, with the number that stands for it on the shelf."""

    def __init__(self) -> None:
        super().__init__()
        self._spellings: list[str] = []

    def number(self, workflow_ref: str) -> int:
        """The number of a workflow, a new one if it has none."""
        known = self.get(workflow_ref)
        if known is None:
            known = self[workflow_ref] = len(self._spellings)
            self._spellings.append(workflow_ref)
        return known

    def kept(self, workflow_ref: str) -> str:
        """The one copy of `workflow_ref` that is kept."""
        known = self.get(workflow_ref)
        return self._spellings[self.number(workflow_ref) if known is None else known]


class Run:
    """The entries of one class on one page."""

    __slots__ = ("_base", "_page", "_priority", "count")

    def __init__(self, page: Page, base: int, priority: int, count: int) -> None:
        self._page = page
        self._base = base
        self._priority = priority
        self.count = count

    @property
    def last_position(self) -> int:
        """The position of the last of them."""
        return self._page.positions[self._page.priorities.rfind(self._priority)]

    def items(self) -> Iterator[tuple[int, int]]:
        """Position and seq of each."""
        page, row = self._page, -1
        while (row := page.priorities.find(self._priority, row + 1)) >= 0:
            yield page.positions[row], self._base | row

    def count_before(self, position: int) -> int:
        """How many stand before `position`."""
        return sum(1 for mine, _ in self.items() if mine < position)


def only_waits(entry: Entry) -> bool:
    """Whether all there is to know of `entry` is that it waits for its turn."""
    standing = entry.standing
    return (
        entry.run_at is None
        and entry.repository is None
        and entry.dispatch is not None
        and entry.position >= 0  # or else an operator moved it
        and standing.status is _PENDING
        and standing.workflow_id is None
        and standing.subject_generation <= _MOST_GENERATIONS
        and entry.subject != ""
    )
