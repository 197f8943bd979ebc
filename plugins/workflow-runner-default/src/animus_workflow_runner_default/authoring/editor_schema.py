"""The JSON Schema of a workflow file, for editors: generated from the very types the loader reads files with."""

from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.catalog import LISTS, MAPPINGS, SETTINGS
from animus_workflow_runner_default.authoring.refusals import REFUSED
from animus_workflow_runner_default.authoring.shapes import EntryShape, TopLevel, WorkflowRefShape, WorkflowShape

__all__ = ["editor_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = "#/$defs/{name}"
_FREE: dict[str, Any] = {"^x-": {}}
"""Keys that an author may use freely next to those of any definition."""


def editor_schema() -> dict[str, Any]:
    """The schema of one file; every definition of it closed but for ``x-`` keys."""
    shapes: dict[str, Any] = {**MAPPINGS, **LISTS, **SETTINGS}
    wanted = [*dict.fromkeys([*shapes.values(), EntryShape, WorkflowRefShape])]
    schemas, definitions = msgspec.json.schema_components(wanted, ref_template=_REFERENCE)
    by_shape = dict(zip(wanted, schemas, strict=True))
    for definition in definitions.values():
        if definition.get("type") == "object" and "properties" in definition:
            definition["additionalProperties"] = False
            definition["patternProperties"] = _FREE
    _say_what_is_refused(definitions)
    entry = {"type": "object", "minProperties": 1, "maxProperties": 1}
    options = {"anyOf": [by_shape[EntryShape], {"type": "null"}]}
    definitions[WorkflowShape.__name__]["properties"]["phases"]["items"] = {
        "anyOf": [
            {"type": "string", "minLength": 1},
            by_shape[WorkflowRefShape],
            {**entry, "additionalProperties": options, "propertyNames": {"not": {"enum": ["id", "workflow_ref"]}}},
        ]
    }
    sections: dict[str, Any] = {
        **{name: _mapping(by_shape[shape]) for name, shape in MAPPINGS.items()},
        **{name: {"type": ["array", "null"], "items": by_shape[shape]} for name, shape in LISTS.items()},
        **{name: {"anyOf": [by_shape[shape], {"type": "null"}]} for name, shape in SETTINGS.items()},
        "default_workflow_ref": {"type": ["string", "null"]},
        "tools_allowlist": {"type": ["array", "null"], "items": {"type": "string"}},
    }
    for name in TopLevel.__struct_fields__:
        if name not in sections:
            sections[name] = {"type": ["object", "null"], "maxProperties": 0, "description": _reason(TopLevel, name)}
    return {
        "$schema": _DIALECT,
        "title": "Animus workflow file",
        "type": "object",
        "properties": {name: sections[name] for name in TopLevel.__struct_fields__},
        "additionalProperties": False,
        "patternProperties": _FREE,
        "$defs": definitions,
    }


def _mapping(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "additionalProperties": value}


def _reason(shape: type, key: str) -> str:
    refusal = REFUSED.get((shape, key))
    return "" if refusal is None else f"Refused: {refusal.reason}."


def _say_what_is_refused(definitions: dict[str, Any]) -> None:
    for shape, key in REFUSED:
        properties = definitions.get(shape.__name__, {}).get("properties", {})
        if key in properties:
            properties[key] = {**properties[key], "deprecated": True, "description": _reason(shape, key)}
