"""Cron expressions, as far as an author can get them wrong."""

import re

from animus_workflow_runner_default.authoring.diagnostics import did_you_mean

__all__ = ["cron_fault"]

_SHORTCUTS = ("@hourly", "@daily", "@weekly", "@monthly")
_FIELDS: tuple[tuple[str, int, int], ...] = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_NAMES: dict[str, tuple[str, ...]] = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "day of week": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
_ITEM = re.compile(r"(?P<first>\*|[0-9]{1,2}|[a-z]{3})(?:-(?P<last>[0-9]{1,2}|[a-z]{3}))?(?:/(?P<step>[0-9]{1,2}))?")


def cron_fault(text: str) -> str | None:
    """What is wrong with a cron expression of five fields; None if nothing is."""
    if text.startswith("@"):
        return None if text in _SHORTCUTS else f"unknown shortcut{did_you_mean(text, _SHORTCUTS)}"
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} fields; cron takes 5: minute, hour, day of month, month, day of week"
    for field, (name, lowest, highest) in zip(fields, _FIELDS, strict=True):
        for item in field.split(","):
            fault = _item_fault(item, name, lowest, highest)
            if fault is not None:
                return f"{fault} in the field {name!r}"
    return None


def _item_fault(item: str, name: str, lowest: int, highest: int) -> str | None:
    match = _ITEM.fullmatch(item)
    if match is None or (match["first"] == "*" and match["last"]):
        return f"{item!r} cannot be read"
    ends = [_number(end, name) for end in (match["first"], match["last"]) if end not in (None, "*")]
    for end in ends:
        if end is None or not lowest <= end <= highest:
            return f"{item!r} is not within {lowest}-{highest}"
    if match["step"] == "0" or match["step"] == "00":
        return f"the step of {item!r} is zero"
    numbers = [end for end in ends if end is not None]
    return f"{item!r} runs backwards" if numbers != sorted(numbers) else None


def _number(text: str, name: str) -> int | None:
    if text.isdecimal():
        return int(text)
    names = _NAMES.get(name, ())
    return names.index(text) + (1 if name == "month" else 0) if text in names else None
