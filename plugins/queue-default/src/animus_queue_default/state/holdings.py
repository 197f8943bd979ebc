"""The entries that are not on the shelf, each as a whole, and every index over them."""

from collections.abc import Callable

from animus_queue_default.model.entry import FRESH, Entry, Standing
from animus_queue_default.state.order import Order
from animus_queue_default.state.readiness import Readiness
from animus_queue_default.state.shelf import Shelf, Words
from animus_queue_default.state.standings import Standings
from animus_queue_default.state.subjects import Generations

__all__ = ["Holdings"]


class Holdings(dict[int, Entry]):
    """Entries by seq.

    Args:
        shelf: where the others stand.
        look: gives one of those as it is.
        warm_up: takes one of those off the shelf; it is added here then.
        words: the workflows that entries ask for.
        generations: is told the generations of subjects.
    """

    def __init__(
        self,
        shelf: Shelf,
        look: Callable[[int], Entry],
        warm_up: Callable[[int], object],
        words: Words,
        generations: Generations,
    ) -> None:
        super().__init__()
        self._words = words
        self._generations = generations
        self._lengths: dict[int, int] = {}
        self.standings = Standings()
        self.order = Order(shelf, look)
        self.readiness = Readiness(self, shelf, look, warm_up)

    def add(self, entry: Entry, length: int) -> None:
        """Hold `entry` from now on; the record that added it is so long, or 0 while it is not written."""
        # What a record spells out again for each entry is kept once.
        entry.workflow_ref = self._words.kept(entry.workflow_ref)
        if entry.task_id == entry.subject_key:
            entry.task_id = entry.subject_key
        if entry.standing == FRESH:
            entry.standing = FRESH
        seq = entry.seq
        self[seq] = entry
        self._lengths[seq] = length
        self.order.add(entry)
        self._file(entry)

    def set_length(self, seq: int, length: int) -> None:
        """The record that added an entry was written and is so long."""
        self._lengths[seq] = length

    def change(self, entry: Entry, standing: Standing) -> None:
        """Let `entry`, which is held, stand otherwise."""
        self.standings.leave(entry)
        self.readiness.remove(entry)
        entry.standing = standing
        self._file(entry)

    def release(self, seq: int) -> int:
        """Hold an entry no more; the length of the record that added it."""
        entry = self.pop(seq)
        self.standings.leave(entry)
        self.readiness.remove(entry)
        self.order.remove(entry)
        return self._lengths.pop(seq)

    def _file(self, entry: Entry) -> None:
        generation = entry.standing.subject_generation
        if generation:
            self._generations.note(entry.subject, generation)
        self.standings.enter(entry)
        self.readiness.add(entry)
