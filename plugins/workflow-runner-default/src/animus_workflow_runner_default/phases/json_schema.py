"""The part of JSON Schema that contracts may use, checked without a dependency.

Supported: ``type const enum required properties additionalProperties items minItems maxItems minimum maximum minLength
maxLength pattern allOf anyOf oneOf not``. Annotations are skipped. Any other keyword is a finding of its own: a rule
that is not understood must not count as kept.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from animus_workflow_runner_default.authoring.model import FieldSpec
from animus_workflow_runner_default.json_value import json_array, json_object

__all__ = ["check_fields", "check_schema", "unsupported_keywords"]

_ANNOTATIONS = frozenset(
    {"$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated", "format"}
)
_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}
MAX_SCHEMA_DEPTH = 32


def check_schema(value: Any, schema: Any, *, at: str = "$", depth: int = 0) -> list[str]:
    """All findings of `value` against `schema`, each beginning with the place it is about; none means it fits."""
    if depth > MAX_SCHEMA_DEPTH:
        return [f"{at}: nested deeper than {MAX_SCHEMA_DEPTH} levels"]
    if schema is True or schema is None:
        return []
    rules = json_object(schema)
    if rules is None:
        return [f"{at}: the schema allows nothing here"]
    findings: list[str] = []
    for keyword, rule in rules.items():
        if keyword in _ANNOTATIONS:
            continue
        check = _KEYWORDS.get(keyword)
        if check is None:
            findings.append(f"{at}: the schema keyword {keyword!r} is not supported")
        else:
            findings.extend(check(value, rule, rules, at, depth))
    return findings


def unsupported_keywords(schema: Any) -> list[str]:
    """The keywords of a schema this module does not know, so that a file can be refused when it is loaded."""
    rules = json_object(schema)
    if rules is None:
        return []
    found = [key for key in rules if key not in _ANNOTATIONS and key not in _KEYWORDS]
    for key in ("items", "not", "additionalProperties"):
        found += unsupported_keywords(rules.get(key))
    for key in ("allOf", "anyOf", "oneOf"):
        found += [name for part in rules.get(key, []) for name in unsupported_keywords(part)]
    return found + [name for part in dict(rules.get("properties", {})).values() for name in unsupported_keywords(part)]


def check_fields(body: Any, fields: dict[str, FieldSpec], *, at: str = "$") -> list[str]:
    """All findings of an object against field definitions."""
    values = json_object(body)
    if values is None:
        return [f"{at}: an object is needed"]
    findings: list[str] = []
    for name, spec in fields.items():
        if name in values:
            findings.extend(_check_field(values[name], spec, f"{at}.{name}"))
        elif spec.required:
            findings.append(f"{at}.{name}: missing")
    return findings


def _check_field(value: Any, spec: FieldSpec, at: str) -> Iterator[str]:
    if spec.type is not None and not _TYPES[spec.type](value):
        yield f"{at}: not of type {spec.type}"
        return
    if spec.enum and value not in spec.enum:
        yield f"{at}: not one of {spec.enum}"
    if spec.items is not None:
        for index, item in enumerate(json_array(value) or []):
            yield from _check_field(item, spec.items, f"{at}[{index}]")
    if spec.fields:
        yield from check_fields(value, spec.fields, at=at)


def _type(value: Any, rule: Any, _rules: dict[str, Any], at: str, _depth: int) -> Iterator[str]:
    names = json_array(rule) or [rule]
    if not any(name in _TYPES and _TYPES[name](value) for name in names):
        yield f"{at}: not of type {' or '.join(map(str, names))}"


def _const(value: Any, rule: Any, _rules: dict[str, Any], at: str, _depth: int) -> Iterator[str]:
    if value != rule:
        yield f"{at}: not {rule!r}"


def _enum(value: Any, rule: Any, _rules: dict[str, Any], at: str, _depth: int) -> Iterator[str]:
    if value not in rule:
        yield f"{at}: not one of {rule!r}"


def _required(value: Any, rule: Any, _rules: dict[str, Any], at: str, _depth: int) -> Iterator[str]:
    body = json_object(value)
    if body is not None:
        yield from (f"{at}.{name}: missing" for name in rule if name not in body)


def _properties(value: Any, rule: Any, _rules: dict[str, Any], at: str, depth: int) -> Iterator[str]:
    body = json_object(value) or {}
    for name, part in rule.items():
        if name in body:
            yield from check_schema(body[name], part, at=f"{at}.{name}", depth=depth + 1)


def _additional(value: Any, rule: Any, rules: dict[str, Any], at: str, depth: int) -> Iterator[str]:
    known = rules.get("properties", {})
    for name, part in (json_object(value) or {}).items():
        if name in known:
            continue
        if rule is False:
            yield f"{at}.{name}: not a known property"
        else:
            yield from check_schema(part, rule, at=f"{at}.{name}", depth=depth + 1)


def _items(value: Any, rule: Any, _rules: dict[str, Any], at: str, depth: int) -> Iterator[str]:
    for index, item in enumerate(json_array(value) or []):
        yield from check_schema(item, rule, at=f"{at}[{index}]", depth=depth + 1)


def _bound(measure: Callable[[Any], Any], *, low: bool, words: str) -> Callable[..., Iterator[str]]:
    def check(value: Any, rule: Any, _rules: dict[str, Any], at: str, _depth: int) -> Iterator[str]:
        size = measure(value)
        if size is not None and (size < rule if low else size > rule):
            yield f"{at}: {words} {rule}"

    return check


def _pattern(value: Any, rule: Any, _rules: dict[str, Any], at: str, _depth: int) -> Iterator[str]:
    if isinstance(value, str) and re.search(rule, value) is None:
        yield f"{at}: does not match {rule!r}"


def _all_of(value: Any, rule: Any, _rules: dict[str, Any], at: str, depth: int) -> Iterator[str]:
    for part in rule:
        yield from check_schema(value, part, at=at, depth=depth + 1)


def _count_fitting(value: Any, rule: Any, at: str, depth: int) -> int:
    return sum(not check_schema(value, part, at=at, depth=depth + 1) for part in rule)


def _any_of(value: Any, rule: Any, _rules: dict[str, Any], at: str, depth: int) -> Iterator[str]:
    if not _count_fitting(value, rule, at, depth):
        yield f"{at}: fits none of {len(rule)} alternatives"


def _one_of(value: Any, rule: Any, _rules: dict[str, Any], at: str, depth: int) -> Iterator[str]:
    fitting = _count_fitting(value, rule, at, depth)
    if fitting != 1:
        yield f"{at}: fits {fitting} of {len(rule)} alternatives, not exactly one"


def _not(value: Any, rule: Any, _rules: dict[str, Any], at: str, depth: int) -> Iterator[str]:
    if not check_schema(value, rule, at=at, depth=depth + 1):
        yield f"{at}: fits what the schema excludes"


def _items_of(value: Any) -> int | None:
    items = json_array(value)
    return None if items is None else len(items)


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, str) else None


def _numeric(value: Any) -> float | None:
    return value if _TYPES["number"](value) else None


_KEYWORDS: dict[str, Callable[..., Iterator[str]]] = {
    "type": _type,
    "const": _const,
    "enum": _enum,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "minItems": _bound(_items_of, low=True, words="fewer items than"),
    "maxItems": _bound(_items_of, low=False, words="more items than"),
    "minLength": _bound(_length, low=True, words="shorter than"),
    "maxLength": _bound(_length, low=False, words="longer than"),
    "minimum": _bound(_numeric, low=True, words="less than"),
    "maximum": _bound(_numeric, low=False, words="more than"),
    "pattern": _pattern,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
}
