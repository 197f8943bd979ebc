"""Secrets do not travel: what stands below keys that name them, and text that looks like one, is left out."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

__all__ = ["redacted", "secret_values"]

_HIDDEN = "[redacted]"
_NAMES = r"(?:token|secret|password|passwd|api[_-]?key|authorization|credential|cookie|private[_-]?key)s?"
_KEY = re.compile(f"{_NAMES}$", re.IGNORECASE)
_PAIR = re.compile(rf'("[\w-]*{_NAMES}"\s*:\s*)"(?:[^"\\]|\\.)*"?', re.IGNORECASE)
"""A member of an object inside a text, as a frame is one."""

_WORDS = ("token", "secret", "passw", "api", "authorization", "credential", "cookie", "private")
"""Without one of these a text holds no such member; looking for them is quick."""

_FORMS = {
    "sk-": re.compile(r"sk-[A-Za-z0-9_-]{16,}"),
    "gh": re.compile(r"gh[pousr]_[A-Za-z0-9]{20,}"),
    "github_pat_": re.compile(r"github_pat_\w{20,}"),
    "xox": re.compile(r"xox[abprs]-[\w-]{10,}"),
    "AKIA": re.compile(r"AKIA[0-9A-Z]{16}"),
    "eyJ": re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+"),
    "AIza": re.compile(r"AIza[\w-]{30,}"),
    "glpat-": re.compile(r"glpat-[\w-]{20,}"),
    "://": re.compile(r"://[^\s/:@]+:[^\s/@]+(?=@)"),
    "-----BEGIN": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"),
}
"""What a secret looks like, by how it begins: what begins with plain text is found at the speed of a search."""

_SCHEME = re.compile(r"(bearer |basic )[\w.~+/=-]{8,}", re.IGNORECASE)

_SHORT = 8
"""A shorter value is not looked for in texts: it would be found everywhere."""


def secret_values(variables: Mapping[str, str]) -> list[str]:
    """The values of variables whose names say that they are secrets, the longest first."""
    named = {value for name, value in variables.items() if _KEY.search(name) and len(value) >= _SHORT}
    return sorted(named, key=len, reverse=True)


def redacted(value: Any, secrets: Iterable[str] = ()) -> Any:
    """`value` without secrets: keys decide for what stands below them, the form of a text for itself.

    Args:
        value: anything that JSON has.
        secrets: texts that are left out wherever they stand.
    """
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        hidden = {name for name, item in items if _KEY.search(name) and not isinstance(item, int | float)}
        return {name: _HIDDEN if name in hidden else redacted(item, secrets) for name, item in items}
    if isinstance(value, list | tuple):
        return [redacted(item, secrets) for item in cast("list[Any]", value)]
    if isinstance(value, str):
        return _text(value, secrets)
    return value


def _text(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    lower = text.lower()
    if any(word in lower for word in _WORDS):
        text = _PAIR.sub(rf'\1"{_HIDDEN}"', text)
    for sign, form in _FORMS.items():
        if sign in text:
            text = form.sub(_hide, text)
    return _SCHEME.sub(rf"\1{_HIDDEN}", text) if "bearer " in lower or "basic " in lower else text


def _hide(found: re.Match[str]) -> str:
    """What stands for a form; one that begins within a word is none."""
    before, start = found.string, found.start()
    if found[0].startswith("://"):
        return f"://{_HIDDEN}"
    is_within = found[0][0] != "-" and start > 0 and (before[start - 1].isalnum() or before[start - 1] == "_")
    return found[0] if is_within else _HIDDEN
