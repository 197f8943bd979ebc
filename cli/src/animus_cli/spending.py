"""What agents used: tokens and money, as phases and runs report them. What is unknown is left out, never guessed."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from animus_cli.json_value import json_object

__all__ = ["Spent", "spent_in", "spent_text", "total_of"]

_THOUSAND = 1000
_SMALL_DOLLARS = 0.1


class Spent(NamedTuple):
    """Tokens read and written, and dollars; None is unknown. Tokens read from a cache are part of those read."""

    read: int | None = None
    written: int | None = None
    dollars: float | None = None


def spent_in(row: dict[str, Any]) -> Spent:
    """What a phase, a run or an event says it used."""
    tokens = json_object(row.get("tokens"))
    return Spent(_count(tokens.get("input")), _count(tokens.get("output")), _amount(row.get("cost_usd")))


def total_of(parts: Iterable[Spent]) -> Spent:
    """All together; unknown only where every part is."""
    known = list(parts)
    read = [part.read for part in known if part.read is not None]
    written = [part.written for part in known if part.written is not None]
    dollars = [part.dollars for part in known if part.dollars is not None]
    return Spent(sum(read) if read else None, sum(written) if written else None, sum(dollars) if dollars else None)


def spent_text(spent: Spent) -> str:
    """For people: ``12.3k + 800 tokens, $0.04``; empty if nothing is known."""
    tokens = [_short(count) for count in (spent.read, spent.written) if count is not None]
    parts = [f"{' + '.join(tokens)} tokens"] if tokens else []
    if spent.dollars is not None:
        parts.append(f"${spent.dollars:.{4 if spent.dollars < _SMALL_DOLLARS else 2}f}")
    return ", ".join(parts)


def _short(count: int) -> str:
    return str(count) if count < _THOUSAND else f"{count / _THOUSAND:.1f}k"


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _amount(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
