"""Which live entries a subject has, and how many generations it has had."""

from collections.abc import Iterable

from animus_queue_default.state.index import Index

__all__ = ["Generations", "Subjects"]


class Subjects(Index["int | dict[int, None]"]):
    """The live entries of a subject, by seq: a number, or a dict where there are several.

    A dict for each would be the largest part of memory.
    """

    def add(self, subject: str, seq: int) -> None:
        """One more entry."""
        known = self.get(subject)
        if known is None:
            self[subject] = seq
        elif isinstance(known, dict):
            known[seq] = None
        else:
            self[subject] = {known: None, seq: None}

    def remove(self, subject: str, seq: int) -> None:
        """One entry fewer."""
        known = self[subject]
        if known != seq and isinstance(known, dict) and len(known) > 1:
            del known[seq]
        else:
            del self[subject]

    def seqs(self, subject: str) -> list[int]:
        """The entries of `subject`, in the order they came."""
        known = self.get(subject)
        if known is None:
            return []
        return list(known) if isinstance(known, dict) else [known]

    def count(self, subject: str) -> int:
        """How many there are."""
        known = self.get(subject)
        if known is None:
            return 0
        return len(known) if isinstance(known, dict) else 1


class Generations(Index[int]):
    """The highest generation each subject has had; it never falls. That of a shelved entry stands on the shelf."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []
        """The subjects in the order they came, so that a part of them can be read while more come."""

    def note(self, subject: str, generation: int) -> None:
        """`subject` has had that generation; 0 is none."""
        highest = self.get(subject, 0)
        if generation > highest:
            self[subject] = generation
            if not highest:
                self.order.append(subject)

    def page(self, start: int, size: int) -> list[tuple[str, int]]:
        """Subjects from the `start`-th on, with their generations."""
        return [(subject, self[subject]) for subject in self.order[start : start + size]]

    def note_all(self, pairs: Iterable[tuple[str, int]]) -> None:
        """As `note`, for many."""
        known, order = self.get, self.order
        for subject, generation in pairs:
            highest = known(subject, 0)
            if generation > highest:
                self[subject] = generation
                if not highest:
                    order.append(subject)
