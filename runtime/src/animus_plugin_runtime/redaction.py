"""Secrets do not travel: what stands below keys that name them, and text that looks like one, is left out."""

import re
from typing import Any, cast

__all__ = ["redacted"]

_HIDDEN = "[redacted]"
_NAMES = r"(?:token|secret|password|passwd|api[_-]?key|authorization|credential|cookie|private[_-]?key)s?"
_KEY = re.compile(f"{_NAMES}$", re.IGNORECASE)
_PAIR = re.compile(rf'("[\w-]*{_NAMES}"\s*:\s*)"(?:[^"\\]|\\.)*"?', re.IGNORECASE)
"""A member of an object inside a text, as a frame is one."""

_VALUE = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+|AIza[\w-]{30,}|glpat-[\w-]{20,})"
    r"|(?i:(?<=bearer )|(?<=basic ))[\w.~+/=-]{8,}"
    r"|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
)


def redacted(value: Any) -> Any:
    """`value` without secrets: keys decide for what stands below them, the form of a text for itself."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        hidden = {name for name, item in items if _KEY.search(name) and not isinstance(item, int | float)}
        return {name: _HIDDEN if name in hidden else redacted(item) for name, item in items}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in cast("list[Any]", value)]
    if isinstance(value, str):
        return _VALUE.sub(_HIDDEN, _PAIR.sub(rf'\1"{_HIDDEN}"', value))
    return value
