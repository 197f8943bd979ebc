"""The arguments of a GET: text for a plain field, the field again for a list, JSON for anything else."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from animus_plugin_protocol.codec import DECODE_ERRORS
from animus_transport_http.refusal import RefusalError

__all__ = ["is_list", "is_plain", "query_arguments"]

_PLAIN = frozenset({"string", "integer", "number", "boolean"})


def query_arguments(fields: Iterable[tuple[str, str]], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in a query; an unknown one is kept as text, to be refused by name.

    Raises:
        RefusalError: one is there twice and is no list, or is no JSON where JSON is wanted.
    """
    given: dict[str, Any] = {}
    for name, text in fields:
        field = schema["properties"].get(name, {"type": "string"})
        if is_list(field):
            given.setdefault(name, []).append(text)
        elif name in given:
            raise RefusalError(400, "invalid_input", f"the argument {name!r} is given twice")
        else:
            given[name] = text if is_plain(field, schema) else _json(name, text)
    return given


def is_list(field: Mapping[str, Any]) -> bool:
    """Whether a field may be given several times."""
    return field.get("type") == "array"


def is_plain(field: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    """Whether a field is written as it is, without JSON around it."""
    reference = field.get("$ref")
    if reference is not None:
        field = schema["$defs"][reference.rpartition("/")[2]]
    return field.get("type") in _PLAIN or "enum" in field


def _json(name: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except DECODE_ERRORS as error:
        raise RefusalError(400, "invalid_input", f"the argument {name!r} is no JSON: {error}") from None
