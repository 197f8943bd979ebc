"""Scripts from JSON.

```json
{"conversations": [{"when": {"contains": "review"}, "times": 1, "turns": [
  {"steps": [{"think": "look"}, {"call_tool": "shell", "arguments": {"command": "ls"}}], "usage": {"input": 10}},
  {"fail": 429, "retry_after": 1},
  {"say": "done"}]}]}
```
"""

import dataclasses
import difflib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from animus_scripted_api.request import DIALECTS
from animus_scripted_api.script import Conversation, Script, When
from animus_scripted_api.step import (
    CallTool,
    Drop,
    Fail,
    Junk,
    Reply,
    Say,
    Stall,
    Step,
    StreamFail,
    Think,
    Truncate,
    Usage,
)

__all__ = ["ScriptError", "load_script", "parse_script"]

_STEPS: Final[Mapping[str, tuple[Any, str | None]]] = {
    "say": (Say, "text"),
    "think": (Think, "text"),
    "call_tool": (CallTool, "name"),
    "fail": (Fail, "status"),
    "stream_fail": (StreamFail, "code"),
    "stall": (Stall, "seconds"),
    "truncate": (Truncate, "after_bytes"),
    "junk": (Junk, "data"),
    "drop": (Drop, None),
}
"""The key that names a step, its class, and the field that the key's value is."""
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "None": (type(None),),
    "dict[str, Any]": (dict,),
}


class ScriptError(Exception):
    """A script that cannot be meant; the message names the file and the place in it."""


def load_script(path: Path) -> Script:
    """The script in a file.

    Raises:
        ScriptError: it cannot be read or understood.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"script {str(path)!r} cannot be read: {error}") from error
    return parse_script(text, name=str(path))


def parse_script(text: str, *, name: str = "script") -> Script:
    """The script in `text`; `name` stands in error messages.

    Raises:
        ScriptError: it is not JSON or does not say a script.
    """
    try:
        loaded: Any = json.loads(text)
    except ValueError as error:
        raise ScriptError(f"{name}: not JSON: {error}") from error
    whole = _mapping(loaded, name)
    if "conversations" in whole:
        _check_keys(whole, ("conversations",), name)
        parts = _items(whole["conversations"], f"{name}: conversations")
        return Script(*(_conversation(part, place) for place, part in parts))
    _check_keys(whole, ("turns", "repeat_last"), name)
    return Script(_conversation(whole, name))


def _conversation(value: Any, place: str) -> Conversation:
    part = _mapping(value, place)
    _check_keys(part, ("turns", "when", "times", "repeat_last"), place)
    if "turns" not in part:
        raise ScriptError(f"{place}: no 'turns'; write the replies in order, as a list")
    prefix = place + ("." if ": " in place else ": ")
    when = _built(When, _mapping(part.get("when", {}), f"{prefix}when"), f"{prefix}when")
    if when.dialect not in {None, *DIALECTS}:
        raise ScriptError(f"{prefix}when.dialect must be one of {', '.join(DIALECTS)}, not {when.dialect!r}")
    times, repeat_last = part.get("times"), part.get("repeat_last", False)
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise ScriptError(f"{prefix}times must be a number of conversations from 1, not {times!r}")
    if not isinstance(repeat_last, bool):
        raise ScriptError(f"{prefix}repeat_last must be true or false, not {repeat_last!r}")
    turns = [_reply(turn, where) for where, turn in _items(part["turns"], f"{prefix}turns")]
    return Conversation(turns, when, times, repeat_last)


def _reply(value: Any, place: str) -> Reply:
    turn = _mapping(value, place)
    usage = _built(Usage, _mapping(turn.get("usage", {}), f"{place}.usage"), f"{place}.usage")
    if "steps" in turn:
        _check_keys(turn, ("steps", "usage"), place)
        return Reply(tuple(_step(step, where) for where, step in _items(turn["steps"], f"{place}.steps")), usage)
    return Reply((_step({key: value for key, value in turn.items() if key != "usage"}, place),), usage)


def _step(value: Any, place: str) -> Step:
    step = _mapping(value, place)
    named = [key for key in step if key in _STEPS]
    if len(named) != 1:
        raise ScriptError(
            f"{place}: a step has exactly one of {_list(_STEPS)}; this one has {_list(step)}{_hint(step, _STEPS)}"
        )
    kind, field = _STEPS[named[0]]
    fields = {key: value for key, value in step.items() if key != named[0]}
    if field is not None:
        fields[field] = step[named[0]]
    elif step[named[0]] is not True:
        raise ScriptError(f"{place}.{named[0]} must be true, not {step[named[0]]!r}")
    return cast("Step", _built(kind, fields, place, given_as={field: named[0]} if field else {}))


def _built(kind: Any, values: dict[str, Any], place: str, given_as: Mapping[str, str] | None = None) -> Any:
    """An instance of the dataclass `kind`, its fields checked by their annotations."""
    fields = {field.name: _annotation(kind, field.name) for field in dataclasses.fields(kind)}
    _check_keys(values, fields, place)
    for name, value in values.items():
        allowed = tuple(found for word in fields[name].split(" | ") for found in _TYPES[word])
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            shown = (given_as or {}).get(name, name)
            raise ScriptError(f"{place}.{shown} must be {fields[name]}, not {value!r}")
    return kind(**values)


def _annotation(kind: Any, name: str) -> str:
    found: Any = kind.__annotations__[name]
    return str(found).replace("typing.", "") if hasattr(found, "__args__") else str(found.__name__)


def _items(value: Any, place: str) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, list):
        raise ScriptError(f"{place} must be a list, not {value!r}")
    return ((f"{place}[{index}]", item) for index, item in enumerate(cast("Iterable[Any]", value)))


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ScriptError(f"{place}: must be an object, not {value!r}")
    return cast("dict[str, Any]", value)


def _check_keys(given: Mapping[str, Any], known: Iterable[str], place: str) -> None:
    unknown = [key for key in given if key not in set(known)]
    if unknown:
        raise ScriptError(f"{place}: unknown key {unknown[0]!r}; known are {_list(known)}{_hint(unknown, known)}")


def _hint(given: Iterable[str], known: Iterable[str]) -> str:
    near = [near for key in given for near in difflib.get_close_matches(key, list(known), 1)]
    return f"; did you mean {near[0]!r}?" if near else ""


def _list(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names) or "nothing"
