"""Golden vectors: for every wire type what is read, what is written back, and what is refused.

One JSON object a line: ``type``, ``name``, ``wire``; valid ones with ``written`` where they are written back otherwise
than they were read, invalid ones with ``refused`` (what is wrong). They are derived from the types by their presence
classes, so that a type cannot change without them; those written by hand are ``conformance/vectors/written.jsonl``.
"""

import datetime
import enum
import json
import types
import typing
from collections.abc import Iterable
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from animus_conformance.export import presence_of, wire_structs

__all__ = ["Vector", "derived_vectors", "vector_lines"]

_MOMENT: Final = "2026-01-02T03:04:05Z"
_TEXTS: Final = {
    "execution": "x",
    "active_operation_id": "op-1",
}
_LEGACY: Final = frozenset({"Task", "Requirement", "Custom"})
"""Members of `SubjectRef` that are read only in place of all others."""


class Vector(NamedTuple):
    """One line of a file."""

    type: str
    name: str
    wire: Any
    written: Any = msgspec.UNSET
    refused: str | None = None


def derived_vectors() -> dict[str, list[Vector]]:
    """The vectors of every type, by wire module."""
    found: dict[str, list[Vector]] = {}
    for reference, struct in sorted(wire_structs().items()):
        found.setdefault(reference.partition(":")[0], []).extend(_of(reference, struct))
    return found


def vector_lines(vectors: Iterable[Vector]) -> str:
    """As they stand in a file."""
    return "".join(json.dumps(_shown(vector), ensure_ascii=False, separators=(",", ":")) + "\n" for vector in vectors)


def _shown(vector: Vector) -> dict[str, Any]:
    shown = {"type": vector.type, "name": vector.name, "wire": vector.wire}
    if vector.written is not msgspec.UNSET:
        shown["written"] = vector.written
    return shown if vector.refused is None else {**shown, "refused": vector.refused}


def _of(reference: str, struct: type[msgspec.Struct]) -> list[Vector]:
    full, minimal = _sample(struct, full=True), _sample(struct, full=False)
    vectors = [_valid(reference, "full", full, struct), _valid(reference, "minimal", minimal, struct)]
    is_strict = struct.__struct_config__.forbid_unknown_fields
    odd = {**minimal, "x_unknown": 1}
    vectors.append(
        Vector(reference, "unknown field", odd, refused="unknown field")
        if is_strict
        else _valid(reference, "unknown field", odd, struct)
    )
    for field in msgspec.structs.fields(struct):
        name, presence = field.encode_name, presence_of(field)
        if name in _LEGACY:
            continue
        if presence == "required":
            without = {key: value for key, value in minimal.items() if key != name}
            vectors.append(Vector(reference, f"{name} missing", without, refused="missing"))
        null = {**full, name: None}
        if _refuses(struct, null):
            vectors.append(Vector(reference, f"{name} null", null, refused="null"))
        else:
            vectors.append(_valid(reference, f"{name} null", null, struct))
        wrong = {**full, name: _wrong(field.type)}
        if _refuses(struct, wrong):
            vectors.append(Vector(reference, f"{name} of another type", wrong, refused="type"))
    return vectors


def _valid(reference: str, name: str, wire: Any, struct: type[msgspec.Struct]) -> Vector:
    written = json.loads(msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(wire), type=struct)))
    return Vector(reference, name, wire) if written == wire else Vector(reference, name, wire, written)


def _refuses(struct: type[msgspec.Struct], wire: Any) -> bool:
    try:
        msgspec.json.decode(msgspec.json.encode(wire), type=struct)
    except (msgspec.ValidationError, ValueError):
        return True
    return False


def _sample(struct: type[msgspec.Struct], *, full: bool) -> dict[str, Any]:
    """An object of the type: with every field, or with the required ones only."""
    sample: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        name = field.encode_name
        if name in _LEGACY:
            continue
        # A reference that names nothing is refused although both of its fields have a default.
        is_needed = field.required or (struct.__name__, name) in {("SubjectRef", "kind"), ("SubjectRef", "id")}
        is_needed = is_needed or (struct.__name__, name) == ("TriggerEventNote", "event_id")
        if full or is_needed:
            sample[name] = _value(field.type, name, full=full)
    return sample


def _value(kind: Any, name: str, *, full: bool) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _value(arguments[0], name, full=full)
    if origin in {types.UnionType, typing.Union}:
        return _value(next(item for item in arguments if item is not type(None)), name, full=full)
    if origin is list:
        return [_value(arguments[0], name, full=full)]
    if origin is dict:
        return {"key": _value(arguments[1], name, full=full)}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _sample(kind, full=full)
    return _plain(kind, name)


def _plain(kind: Any, name: str) -> Any:
    enumeration: type | None = kind if isinstance(kind, type) else None
    if enumeration is not None and issubclass(enumeration, enum.StrEnum):
        return next(iter(enumeration)).value
    plain: dict[Any, Any] = {
        str: _TEXTS.get(name, f"{name} ü"),
        int: 2,
        float: 0.5,
        bool: True,
        datetime.datetime: _MOMENT,
    }
    return plain.get(kind, {"any": [1, None, "ü"]})


def _wrong(kind: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _wrong(arguments[0])
    if origin in {types.UnionType, typing.Union}:
        return _wrong(next(item for item in arguments if item is not type(None)))
    return "text" if kind in {int, bool, float} or origin in {list, dict} else 7.5
