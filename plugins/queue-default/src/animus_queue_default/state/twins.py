"""Entries that wait alike: same subject, same workflow, to start at once. The oldest stands for all of them."""

__all__ = ["Twins"]

_Likeness = tuple[str, str]


class Twins:
    """The oldest of the entries that wait alike, whatever the order in which they came to wait."""

    def __init__(self) -> None:
        self._oldest: dict[_Likeness, int] = {}
        self._others: dict[_Likeness, set[int]] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Twins) and (self._oldest, self._others) == (other._oldest, other._others)

    __hash__ = None  # type: ignore[assignment] # mutable

    def get(self, subject: str, workflow_ref: str) -> int | None:
        """The oldest entry that waits with that workflow for `subject`."""
        return self._oldest.get((subject, workflow_ref))

    def add(self, subject: str, workflow_ref: str, seq: int) -> None:
        """An entry waits."""
        key = (subject, workflow_ref)
        known = self._oldest.setdefault(key, seq)
        if known != seq:
            self._oldest[key] = min(known, seq)
            self._others.setdefault(key, set()).add(max(known, seq))

    def remove(self, subject: str, workflow_ref: str, seq: int) -> None:
        """It does not wait any more."""
        key = (subject, workflow_ref)
        others = self._others.get(key)
        if others is None:
            del self._oldest[key]
            return
        if seq in others:
            others.discard(seq)
        else:
            self._oldest[key] = min(others)
            others.discard(self._oldest[key])
        if not others:
            del self._others[key]
