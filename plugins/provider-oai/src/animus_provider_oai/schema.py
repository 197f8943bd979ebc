"""Does an answer hold the JSON object that was asked for? The everyday part of JSON Schema, no more.

A keyword not known here constrains nothing: the host judges the decision; this only tells when to ask again.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

__all__ = ["first_fault"]

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_DEPTH: Final = 32


def first_fault(value: Any, schema: Any) -> str | None:
    """What is wrong with `value`, with its place; None when nothing is found."""
    return next(_faults(value, schema, "the object", _DEPTH), None)


def _faults(value: Any, schema: Any, place: str, depth: int) -> Iterator[str]:
    if not isinstance(schema, dict) or not depth:
        return
    wanted = cast("dict[str, Any]", schema)
    if not _has_type(value, wanted.get("type")):
        yield f"{place} must be of type {wanted['type']!r}, not {value!r:.80}"
        return
    if "enum" in wanted and value not in wanted["enum"]:
        yield f"{place} must be one of {wanted['enum']!r}, not {value!r:.80}"
    if "const" in wanted and value != wanted["const"]:
        yield f"{place} must be {wanted['const']!r}, not {value!r:.80}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _range_faults(value, wanted, place)
    if isinstance(value, dict):
        yield from _member_faults(cast("dict[str, Any]", value), wanted, place, depth)
    if isinstance(value, list):
        for index, item in enumerate(cast("Iterable[Any]", value)):
            yield from _faults(item, wanted.get("items"), f"{place}[{index}]", depth - 1)


def _has_type(value: Any, named: Any) -> bool:
    names = list(cast("Iterable[Any]", named)) if isinstance(named, list) else [named]
    allowed = [kind for name in names if isinstance(name, str) for kind in _TYPES.get(name, (object,))]
    if not allowed:
        return True
    return any(isinstance(value, kind) and (not isinstance(value, bool) or kind in (bool, object)) for kind in allowed)


def _range_faults(value: float, schema: dict[str, Any], place: str) -> Iterator[str]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if isinstance(least, int | float) and value < least:
        yield f"{place} must be at least {least}, not {value}"
    if isinstance(most, int | float) and value > most:
        yield f"{place} must be at most {most}, not {value}"


def _member_faults(value: dict[str, Any], schema: dict[str, Any], place: str, depth: int) -> Iterator[str]:
    properties = cast("dict[str, Any]", schema.get("properties") or {})
    for name in schema.get("required") or ():
        if name not in value:
            yield f"{place} lacks {name!r}"
    for name, inner in value.items():
        if name in properties:
            yield from _faults(inner, properties[name], f"{place}.{name}", depth - 1)
        elif schema.get("additionalProperties") is False:
            yield f"{place} has {name!r}, which the schema does not know"
