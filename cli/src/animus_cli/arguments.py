"""What programs may give to an operation: a closed JSON schema made from its params struct, and the struct back.

A transport says which fields it takes; an argument it does not take is refused with the nearest one that it does.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from animus_cli.failure import did_you_mean
from animus_control.operations import Operation
from animus_plugin_protocol.codec import encode_json

__all__ = ["WAITS_FOR_THE_END", "ArgumentsError", "closed_schema", "is_described", "params_of", "referenced"]

WAITS_FOR_THE_END = frozenset({"sync", "follow"})
"""Fields that keep a call open until something else has happened; a transport answers with what is there."""

_DEFINITIONS = "#/$defs/"
_REFERENCE = re.compile(rb'"#/(?:\$defs|components/schemas)/([^"]+)"')


class ArgumentsError(Exception):
    """The arguments of a call do not fit the operation; the message says which and what was expected."""


def closed_schema(params: Any, takes: Callable[[str, Mapping[str, Any]], bool]) -> dict[str, Any]:
    """The JSON schema of a params struct, closed.

    Args:
        params: the struct's type.
        takes: whether a field belongs to it, by the field's name and schema.
    """
    (reference,), components = msgspec.json.schema_components([params], ref_template=f"{_DEFINITIONS}{{name}}")
    root = components.pop(reference["$ref"].removeprefix(_DEFINITIONS))
    properties = {name: _slim(field) for name, field in root.get("properties", {}).items() if takes(name, field)}
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [name for name in root.get("required", []) if name in properties]
    if required:
        schema["required"] = required
    used = referenced(properties, components)
    if used:
        schema["$defs"] = used
    return schema


def is_described(field: Mapping[str, Any]) -> bool:
    """Whether a field says what it is for; one that does not is for programs that know the wire types."""
    return "description" in field or any("description" in choice for choice in field.get("anyOf", []))


def params_of(
    operation: Operation,
    given: Mapping[str, Any],
    *,
    known: Collection[str],
    caller: str,
    fixed: Mapping[str, Any],
    is_text: bool = False,
) -> Any:
    """The params struct of what was given.

    Args:
        operation: whose params they are.
        given: the arguments.
        known: the names that are taken.
        caller: what the operation is called where the arguments come from.
        fixed: what the transport says itself, of fields that the operation has.
        is_text: numbers and truth values may be written as text.

    Raises:
        ArgumentsError: an argument is unknown, missing or of another type.
    """
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known) or f" There are: {', '.join(known) or 'none'}."
            raise ArgumentsError(f"{caller!r} takes no argument {name!r}.{hint}")
    fields = {field.name for field in msgspec.structs.fields(operation.params)}
    whole = {**given, **{name: value for name, value in fixed.items() if name in fields}}
    try:
        return msgspec.convert(whole, operation.params, strict=not is_text)
    except msgspec.ValidationError as error:
        raise ArgumentsError(f"{caller!r}: {error}") from error


def _slim(field: dict[str, Any]) -> dict[str, Any]:
    """A field as a reader needs it: that it may be left out says the list of required ones."""
    slim = {key: value for key, value in field.items() if (key, value) not in (("default", None), ("default", {}))}
    choices = [choice for choice in slim.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del slim["anyOf"]
        slim |= choices[0]
    return slim


def referenced(schema: Any, components: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the `components` that a schema refers to, also through others."""
    used: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        for name in _REFERENCE.findall(encode_json(waiting.pop())):
            if name.decode() not in used:
                used[name.decode()] = components[name.decode()]
                waiting.append(components[name.decode()])
    return used
