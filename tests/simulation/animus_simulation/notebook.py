"""What a user was promised: every acknowledged act, to be compared with what is there in the end."""

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Notebook", "Wish"]


@dataclass
class Wish:
    """Something that was asked for under a key."""

    key: str
    subject: str
    workflow: str
    can_expire: bool
    entry_id: str | None = None
    """Once it was acknowledged."""
    is_refused: bool = False


@dataclass
class Notebook:
    """Attributes:
    wishes: by key.
    held: entries whose hold was acknowledged, since the last release that was sent.
    forced: how often each run was told to go on by force, answered or not.
    released: how often the release of an entry was asked for.
    releasing: how many of those may still come into effect.
    dropped, cancelled: acknowledged ends, by entry and by run.
    """

    wishes: dict[str, Wish] = field(default_factory=dict)
    held: dict[str, float] = field(default_factory=dict)
    released: Counter[str] = field(default_factory=Counter)
    releasing: Counter[str] = field(default_factory=Counter)
    forced: dict[str, int] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    ended_elsewhere: set[str] = field(default_factory=set)
    """Entries of which the other host said that they ended, answered or not."""
    ending_wished: set[str] = field(default_factory=set)
    """Runs and entries that somebody may have cancelled or dropped, answered or not."""

    @property
    def acknowledged(self) -> list[Wish]:
        """The wishes that were answered with an entry."""
        return [wish for wish in self.wishes.values() if wish.entry_id is not None]
