"""Plain data against a shape: every unknown key, every wrong type, each with the path it stands at.

The fast path is one `msgspec.convert`; only when that refuses is the data walked value by value, because msgspec stops
at the first finding and does not say under which key of a mapping it stands.
"""

from collections.abc import Iterator
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import inspect

from animus_plugin_protocol.described import described
from animus_workflow_runner_default.authoring.diagnostics import did_you_mean, nearest
from animus_workflow_runner_default.authoring.document import Path
from animus_workflow_runner_default.authoring.plain import describe, is_list, is_mapping
from animus_workflow_runner_default.authoring.refusals import refusal_of
from animus_workflow_runner_default.authoring.vocabulary import HINTS, NOUNS

__all__ = ["EXTENSION_PREFIX", "Finding", "check_keys", "check_types", "convert"]

EXTENSION_PREFIX = "x-"
"""Keys an author may use freely, next to the keys of any definition."""

T = TypeVar("T")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with the value at `path` (or with its key)."""

    path: Path
    message: str
    severity: Literal["error", "warning"] = "error"
    of_key: bool = False
    topic: str = ""
    """Warnings of one topic in one file are reported once."""


_TYPES: dict[type, inspect.Type] = {}
_FIELDS: dict[type, dict[str, inspect.Type | None]] = {}
"""By shape: its keys, and the type of those below which there are keys to check."""


def _type_of(shape: type) -> inspect.Type:
    if shape not in _TYPES:
        _TYPES[shape] = inspect.type_info(shape)
    return _TYPES[shape]


def convert(value: object, shape: type[T], path: Path) -> tuple[T | None, list[Finding]]:
    """The value as a `shape`, and all findings; None if one of them is an error about a type."""
    findings = list(check_keys(value, shape, path))
    try:
        return msgspec.convert(value, described(shape)), findings
    except msgspec.ValidationError:
        return None, [*findings, *check_types(value, shape, path)]


def check_keys(value: object, shape: type, path: Path) -> Iterator[Finding]:
    """Unknown and refused keys, in all depth."""
    return _keys(value, _type_of(shape), path)


def _keys(value: object, expected: inspect.Type, path: Path) -> Iterator[Finding]:
    if is_mapping(value):
        struct = _member(expected, inspect.StructType)
        mapping = _member(expected, inspect.DictType)
        if struct is not None:
            yield from _struct_keys(value, struct, path)
        elif mapping is not None:
            for key, item in value.items():
                yield from _keys(item, mapping.value_type, (*path, key))
    elif is_list(value) and (items := _member(expected, inspect.ListType)) is not None:
        for index, item in enumerate(value):
            yield from _keys(item, items.item_type, (*path, index))


def _struct_keys(value: dict[str, Any], struct: inspect.StructType, path: Path) -> Iterator[Finding]:
    fields = _FIELDS.get(struct.cls)
    if fields is None:
        fields = {field.encode_name: field.type if _has_keys(field.type) else None for field in struct.fields}
        _FIELDS[struct.cls] = fields
    for key, item in value.items():
        if key in fields:
            reason = refusal_of(struct.cls, key, item)
            if reason is not None:
                noun = _noun(struct.cls, path)
                yield Finding(path=(*path, key), message=f"{noun} key {key!r} is refused: {reason}", of_key=True)
            inner = fields[key]
            if inner is not None and item is not None:
                yield from _keys(item, inner, (*path, key))
        elif not key.startswith(EXTENSION_PREFIX):
            yield _unknown(struct.cls, key, fields, path)


def _has_keys(expected: inspect.Type) -> bool:
    """Whether a value of the type can hold a mapping whose keys are given."""
    if isinstance(expected, inspect.UnionType):
        return any(_has_keys(member) for member in expected.types)
    if isinstance(expected, inspect.ListType):
        return _has_keys(expected.item_type)
    if isinstance(expected, inspect.DictType):
        return _has_keys(expected.value_type)
    return isinstance(expected, inspect.StructType)


M = TypeVar("M", bound=inspect.Type)


def _member(expected: inspect.Type, kind: type[M]) -> M | None:
    """The type itself, or the member of the union, that is of `kind`."""
    members = expected.types if isinstance(expected, inspect.UnionType) else (expected,)
    return next((member for member in members if isinstance(member, kind)), None)


def _noun(shape: type, path: Path) -> str:
    return NOUNS.get(shape) or str(next((step for step in reversed(path) if isinstance(step, str)), "top-level"))


def _unknown(shape: type, key: str, known: dict[str, Any], path: Path) -> Finding:
    hint = HINTS.get((shape, key))
    advice = f"; {hint}" if hint else did_you_mean(key, known)
    message = f"unknown {_noun(shape, path)} key {key!r}{advice}"
    return Finding(path=(*path, key), message=message, of_key=True)


def check_types(value: object, shape: type, path: Path) -> Iterator[Finding]:
    """Every value of a wrong type and every missing key, in all depth."""
    return _values(value, _type_of(shape), path)


def _values(value: object, expected: inspect.Type, path: Path) -> Iterator[Finding]:
    if value is None and _member(expected, inspect.NoneType) is not None:
        return
    if is_mapping(value):
        if (struct := _member(expected, inspect.StructType)) is not None:
            yield from _fields(value, struct, path)
            return
        if (mapping := _member(expected, inspect.DictType)) is not None:
            for key, item in value.items():
                yield from _values(item, mapping.value_type, (*path, key))
            return
    items = _member(expected, inspect.ListType)
    if is_list(value) and items is not None and len(value) >= (items.min_length or 0):
        for index, item in enumerate(value):
            yield from _values(item, items.item_type, (*path, index))
        return
    if not _accepts(value, expected):
        yield Finding(path=path, message=_mismatch(value, expected, path))


def _fields(value: dict[str, Any], struct: inspect.StructType, path: Path) -> Iterator[Finding]:
    for field in struct.fields:
        if field.encode_name in value:
            yield from _values(value[field.encode_name], field.type, (*path, field.encode_name))
        elif field.required:
            message = f"{_noun(struct.cls, path)} needs the key {field.encode_name!r}: {_words(field.type)}"
            yield Finding(path=path, message=message)


def _accepts(value: object, expected: inspect.Type) -> bool:
    """Whether a scalar (or a container no member takes) is a value of the type."""
    members = expected.types if isinstance(expected, inspect.UnionType) else (expected,)
    return any(_is_value(value, member) for member in members)


def _is_value(value: object, member: inspect.Type) -> bool:
    if isinstance(member, inspect.LiteralType):
        return value in member.values and not isinstance(value, bool)
    if isinstance(member, inspect.StrType):
        return isinstance(value, str) and len(value) >= (member.min_length or 0)
    if isinstance(member, inspect.IntType | inspect.FloatType):
        return _is_number(value, member)
    return isinstance(member, inspect.AnyType) or (isinstance(member, inspect.BoolType) and isinstance(value, bool))


def _is_number(value: object, member: inspect.IntType | inspect.FloatType) -> bool:
    numbers = int if isinstance(member, inspect.IntType) else (int, float)
    if not isinstance(value, numbers) or isinstance(value, bool):
        return False
    if member.gt is not None and value <= member.gt:
        return False
    return (member.ge is None or value >= member.ge) and (member.le is None or value <= member.le)


def _mismatch(value: object, expected: inspect.Type, path: Path) -> str:
    key = next((step for step in reversed(path) if isinstance(step, str)), "value")
    literal = _member(expected, inspect.LiteralType)
    match = nearest(value, [str(word) for word in literal.values]) if literal and isinstance(value, str) else None
    if match is not None:
        advice = f"; did you mean {match!r}?"
    elif _member(expected, inspect.StrType) is not None and isinstance(value, bool | int | float):
        advice = f'; put it in quotes: "{describe(value).removeprefix("the number ")}"'
    else:
        advice = ""
    return f"{key!r} takes {_words(expected)}, not {describe(value)}{advice}"


def _words(expected: inspect.Type) -> str:
    members = expected.types if isinstance(expected, inspect.UnionType) else (expected,)
    names = [name for member in members if (name := _word(member))]
    return " or ".join(names)


def _word(member: inspect.Type) -> str:
    if isinstance(member, inspect.LiteralType):
        return ", ".join(repr(value) for value in member.values)
    if isinstance(member, inspect.IntType | inspect.FloatType):
        noun = "a whole number" if isinstance(member, inspect.IntType) else "a number"
        bounds = [f"at least {member.ge}"] if member.ge is not None else []
        bounds += [f"more than {member.gt}"] if member.gt is not None else []
        bounds += [f"at most {member.le}"] if member.le is not None else []
        return f"{noun} ({', '.join(bounds)})" if bounds else noun
    if isinstance(member, inspect.StrType):
        return "a string that is not empty" if member.min_length else "a string"
    if isinstance(member, inspect.ListType):
        return "a list that is not empty" if member.min_length else "a list"
    if isinstance(member, inspect.BoolType):
        return "true or false"
    return "a mapping" if isinstance(member, inspect.StructType | inspect.DictType) else ""
