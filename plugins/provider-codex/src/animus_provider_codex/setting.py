"""Settings of the program's configuration, as arguments: ``-c key=<TOML>``."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["setting", "toml"]

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


def setting(key: str, value: Any) -> list[str]:
    """The two arguments that set `key`, a dotted path of bare keys."""
    return ["-c", f"{key}={toml(value)}"]


def toml(value: Any) -> str:
    """`value` as TOML on one line: text, truth, numbers, lists and tables of these."""
    if isinstance(value, str):
        # A JSON string is a TOML string, but for DEL, and for lone surrogates, which no argument can carry either.
        text = value.encode("utf-8", "replace").decode("utf-8")
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(name)} = {toml(item)}" for name, item in value.items()) + "}"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - any mapping
    if isinstance(value, Sequence):
        return "[" + ", ".join(toml(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType] - any sequence
    return str(value)


def _key(name: Any) -> str:
    text = str(name)
    return text if _BARE_KEY.fullmatch(text) else toml(text)
