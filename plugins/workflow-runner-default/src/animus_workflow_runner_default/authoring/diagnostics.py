"""Findings about definitions: what is wrong, where, and what was probably meant."""

from collections.abc import Iterable
from typing import Literal

import msgspec

__all__ = ["Diagnostic", "Position", "did_you_mean", "nearest"]

MINIMUM_SIMILARITY = 0.6
"""Below this ratio a known name is no help."""
SHOWN_NAMES = 12
"""So many known names stand in a message at most."""


class Position(msgspec.Struct, frozen=True):
    """A place in a file; lines and columns count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. An ``error`` disables the definition it stands in; a ``warning`` does not."""

    severity: Literal["error", "warning"]
    message: str
    position: Position

    def __str__(self) -> str:
        return f"{self.position}: {self.severity}: {self.message}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None if none is alike."""
    import difflib  # noqa: PLC0415 - only a wrong definition pays for the import

    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=MINIMUM_SIMILARITY)
    return by_lower[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` or the list of what there is, to be appended to a message about an unknown name."""
    names = sorted(known)
    match = nearest(name, names)
    if match is not None:
        return f"; did you mean {match!r}?"
    shown = ", ".join(names[:SHOWN_NAMES])
    return f"; known: {shown}{', ...' if len(names) > SHOWN_NAMES else ''}" if names else ""
