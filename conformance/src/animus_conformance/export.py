"""The protocol as one JSON object, from which stubs in other languages can be generated.

It holds the method table, every wire type with the presence class of each field, the error codes with their bands,
and the ids of the requirements. ``conformance/protocol.json`` is this text.
"""

import enum
import importlib
import json
import pkgutil
import types
import typing
from typing import Annotated, Any, Final

import msgspec

import animus_plugin_protocol.wire as wire_package
from animus_conformance.suite import REQUIREMENTS
from animus_plugin_protocol import PROTOCOL_VERSION, methods
from animus_plugin_protocol.errors import ERROR_CODES

__all__ = ["BANDS", "export_text", "exported", "presence_of", "wire_structs"]

_LOCAL: Final = frozenset({"control", "presence"})
"""Wire modules that no plugin speaks."""

BANDS: Final = {
    "json-rpc": (-32768, -32600),
    "plugin": (-32099, -32000),
    "workflow_runner": (-32199, -32100),
    "queue": (-32299, -32200),
    "durable_store": (-32399, -32300),
    "memory_store": (-32499, -32400),
    "host": (-32599, -32500),
}
"""First and last code of each band."""


def wire_structs() -> dict[str, type[msgspec.Struct]]:
    """Every wire type that plugins and hosts exchange, as ``module:Struct``."""
    found: dict[str, type[msgspec.Struct]] = {}
    for module_info in pkgutil.iter_modules(wire_package.__path__):
        if module_info.name in _LOCAL:
            continue
        module = importlib.import_module(f"{wire_package.__name__}.{module_info.name}")
        for name in module.__all__:
            item = getattr(module, name)
            if isinstance(item, type) and issubclass(item, msgspec.Struct):
                found[f"{module_info.name}:{name}"] = item
    return found


def presence_of(field: msgspec.structs.FieldInfo) -> str:
    """How a field appears on the wire.

    ``required``; ``omitted_null`` (left out when null, null accepted); ``omitted_default`` (left out when it holds its
    default, null refused); ``always`` (defaulted when missing, always written); ``always_null`` (the same, null is a
    value); ``tristate`` (absent, null and a value differ).
    """
    if field.required:
        return "required"
    if field.default is msgspec.UNSET:
        return "tristate"
    is_list_or_map = field.default_factory in {list, dict}
    nullable = _is_nullable(field.type)
    if field.default_factory is not msgspec.NODEFAULT and not is_list_or_map:
        return "always_null" if nullable else "always"
    return "omitted_null" if nullable and field.default is None else "omitted_default"


def exported() -> dict[str, Any]:
    """The whole of it as JSON values."""
    return {
        "protocol_version": PROTOCOL_VERSION,
        "kinds": methods.CRATE_VERSIONS,
        "methods": [row._asdict() for row in methods.METHODS.values()],
        "types": {name: _described(struct) for name, struct in sorted(wire_structs().items())},
        "enums": _enums(),
        "error_bands": {name: list(band) for name, band in BANDS.items()},
        "error_codes": {str(code): word for code, word in sorted(ERROR_CODES.items(), reverse=True)},
        "requirements": [
            {
                "id": requirement.id,
                "text": requirement.text,
                "suite": requirement.suite,
                "kind": requirement.kind,
                "needs": requirement.needs,
                "when": requirement.when,
                "since": requirement.since,
            }
            for requirement in REQUIREMENTS
        ],
    }


def export_text() -> str:
    """As it stands in the file."""
    return json.dumps(exported(), indent=1, ensure_ascii=False) + "\n"


def _described(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "unknown_fields": "refused" if struct.__struct_config__.forbid_unknown_fields else "ignored",
        "fields": [
            {"name": field.encode_name, "type": _type_text(field.type), "presence": presence_of(field)}
            for field in msgspec.structs.fields(struct)
        ],
    }


def _enums() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for module_info in pkgutil.iter_modules(wire_package.__path__):
        if module_info.name in _LOCAL:
            continue
        module = importlib.import_module(f"{wire_package.__name__}.{module_info.name}")
        for name in module.__all__:
            item = getattr(module, name)
            if isinstance(item, type) and issubclass(item, enum.StrEnum):
                found[f"{module_info.name}:{name}"] = [member.value for member in item]
    return found


def _is_nullable(kind: Any) -> bool:
    if typing.get_origin(kind) is Annotated:
        return _is_nullable(typing.get_args(kind)[0])
    return kind is Any or kind is type(None) or type(None) in typing.get_args(kind)


def _type_text(kind: Any) -> str:
    """The JSON type of a field: ``string``, ``integer``, ``[module:Struct]``, ``{string: any}``, ``moment``."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _type_text(arguments[0])
    if origin in {types.UnionType, typing.Union}:
        known = [_type_text(item) for item in arguments if item not in {type(None), msgspec.UnsetType}]
        return " | ".join(known) or "null"
    if origin in {list, dict}:
        inner = _type_text(arguments[-1])
        return f"[{inner}]" if origin is list else f"{{string: {inner}}}"
    plain = {str: "string", int: "integer", float: "number", bool: "boolean", Any: "any", msgspec.Raw: "any"}
    if kind in plain:
        return plain[kind]
    named: Any = kind
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct | enum.StrEnum):
        return f"{named.__module__.rpartition('.')[2]}:{named.__name__}"
    return "moment" if getattr(named, "__name__", "") == "datetime" else str(named)
