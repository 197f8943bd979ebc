"""The whole command tree on one page, and the sections of the first help page."""

from collections.abc import Callable, Iterable

__all__ = ["OTHER", "SECTIONS", "sections_of", "tree_lines"]

Words = tuple[str, ...]

SECTIONS: dict[str, tuple[str, ...]] = {
    "Begin": ("init", "demo", "doctor", "completion", "version"),
    "Look": ("status", "why", "history", "output"),
    "Work": ("subject", "queue", "workflow", "schedule", "trigger", "agent"),
    "Run": ("daemon", "audit", "secret"),
    "Extend": ("plugin", "pack", "flavor"),
}
"""Headings of the first help page and what stands below each; what is in none stands below `OTHER`."""

OTHER = "Other"


def sections_of(names: Iterable[str]) -> dict[str, list[str]]:
    """`names` by section, in the order of `SECTIONS`; sections without a name are left out."""
    known = set(names)
    sections = {heading: [name for name in order if name in known] for heading, order in SECTIONS.items()}
    placed = {name for group in sections.values() for name in group}
    sections[OTHER] = sorted(known - placed)
    return {heading: group for heading, group in sections.items() if group}


def tree_lines(places: Iterable[Words], about: Callable[[Words], str]) -> list[str]:
    """Every command below ``animus`` as a tree, with what each does."""
    known = sorted(places)
    order = [name for group in sections_of({place[0] for place in known}).values() for name in group]
    drawn = _branches((), known, order)
    width = max(len(branch) for branch, _ in drawn) + 2
    return ["animus", *(f"{branch.ljust(width)}{about(place)}".rstrip() for branch, place in drawn)]


def _branches(above: Words, places: list[Words], order: list[str], indent: str = "") -> list[tuple[str, Words]]:
    depth = len(above)
    below = [place for place in places if place[:depth] == above and len(place) > depth]
    names = sorted(
        {place[depth] for place in below}, key=lambda name: (order.index(name) if name in order else 0, name)
    )
    lines: list[tuple[str, Words]] = []
    for number, name in enumerate(names):
        is_last = number == len(names) - 1
        lines.append((f"{indent}{'└─' if is_last else '├─'} {name}", (*above, name)))
        lines += _branches((*above, name), below, [], indent + ("   " if is_last else "│  "))
    return lines
