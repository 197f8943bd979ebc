"""What a plain YAML scalar means: the YAML 1.2 core schema, narrowed to what JSON can hold.

Narrowed, because a value that changes its meaning on the way is worse than one that stays text: numbers with leading
zeros (``012``), dates, times (``22:00``), ``.inf``, ``.nan`` and integers beyond 64 bits are strings.
"""

import re

__all__ = ["Scalar", "from_tag", "resolve_plain"]

Scalar = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_FIRST_OF_NUMBER = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})")
_BASED = re.compile(r"0o[0-7]{1,21}|0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_TYPES_OF_TAG: dict[str, tuple[type, ...]] = {
    "tag:yaml.org,2002:null": (type(None),),
    "tag:yaml.org,2002:bool": (bool,),
    "tag:yaml.org,2002:int": (int,),
    "tag:yaml.org,2002:float": (int, float),
}
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


def resolve_plain(text: str) -> Scalar:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if text[0] in _FIRST_OF_NUMBER else text


def _number(text: str) -> Scalar:
    if _INTEGER.fullmatch(text):
        number = int(text)
        return number if _LOWEST <= number <= _HIGHEST else text
    if _BASED.fullmatch(text):
        number = int(text, 0)
        return number if number <= _HIGHEST else text
    if _FLOAT.fullmatch(text):
        value = float(text)
        return text if value in (float("inf"), float("-inf")) else value
    return text


def from_tag(tag: str, text: str) -> Scalar:
    """The value of a scalar with an explicit tag (``!!str 12``).

    Raises:
        ValueError: the tag is not one of the core schema, or the text is no value of it.
    """
    if tag in ("!", "tag:yaml.org,2002:str"):
        return text
    value = resolve_plain(text)
    expected = _TYPES_OF_TAG.get(tag)
    if expected is None:
        raise ValueError(f"the tag {_short(tag)!r} is not supported; remove it")
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        raise ValueError(f"{text!r} is no value of the tag {_short(tag)!r}")
    return float(value) if tag.endswith(":float") and isinstance(value, int) else value


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
