"""The tools: one for each exposed operation, described by the operation's own row and params.

A field that has a description is an argument, as it is an option of the command; one without is for programs that
know the wire types. Source: MCP specification 2025-11-25, server features, tools.
"""

import difflib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from animus_control.operations import OPERATIONS, Operation
from animus_plugin_protocol.codec import encode_json
from animus_transport_mcp.exposure import EXPOSED, Effect, Exposure

__all__ = ["ArgumentsError", "Tool", "tools"]

LIST_LIMIT = 25
"""Rows of a list when the caller names no limit: a tool's answer is read by a model, word by word."""
_DEFINITIONS = "#/$defs/"
_REFERENCE = re.compile(rb'"#/\$defs/([^"]+)"')
_WAITS_FOR_THE_END = frozenset({"sync", "follow"})
"""Fields that keep a call open until something else has happened; a tool answers with what is there."""


class ArgumentsError(Exception):
    """The arguments of a call do not fit the tool; the message says which and what was expected."""


class Tool(NamedTuple):
    """One tool.

    Attributes:
        name: the operation's name in the letters every client accepts.
        schema: the JSON schema of its arguments.
    """

    name: str
    operation: Operation
    exposure: Exposure
    schema: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        """What ``tools/list`` says of it."""
        effect = self.exposure.effect
        return {
            "name": self.name,
            "title": self.operation.name,
            "description": self.operation.help,
            "inputSchema": self.schema,
            "annotations": {
                "readOnlyHint": effect is Effect.READS,
                "destructiveHint": effect is Effect.ENDS,
                "idempotentHint": effect is not Effect.ADDS,
                "openWorldHint": False,
            },
        }

    def params(self, arguments: Mapping[str, Any]) -> Any:
        """The params struct of the operation.

        Raises:
            ArgumentsError: an argument is unknown, missing or of another type.
        """
        known: dict[str, Any] = self.schema["properties"]
        for name in arguments:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known) or 'none'}"
                raise ArgumentsError(f"{self.name!r} takes no argument {name!r}; {hint}")
        given = dict(arguments)
        fields = {field.name for field in msgspec.structs.fields(self.operation.params)}
        if "limit" in fields:
            given.setdefault("limit", LIST_LIMIT)
        if "trigger_source" in fields:
            given["trigger_source"] = "mcp"
        try:
            return msgspec.convert(given, self.operation.params)
        except msgspec.ValidationError as error:
            raise ArgumentsError(f"{self.name!r}: {error}") from error


def tools(*, management: bool = False) -> dict[str, Tool]:
    """The tools by name; those that decide in a person's place only with `management`."""
    found = (
        Tool(_tool_name(name), OPERATIONS[name], exposure, _schema(OPERATIONS[name].params))
        for name, exposure in EXPOSED.items()
        if management or not exposure.is_management
    )
    return {tool.name: tool for tool in found}


def _tool_name(operation: str) -> str:
    return operation.replace("/", "_").replace("-", "_")


def _schema(params: Any) -> dict[str, Any]:
    """The schema of a params struct, with only its described fields, and closed."""
    (reference,), components = msgspec.json.schema_components([params], ref_template=f"{_DEFINITIONS}{{name}}")
    root = components.pop(reference["$ref"].removeprefix(_DEFINITIONS))
    properties = {
        name: _slim(field)
        for name, field in root.get("properties", {}).items()
        if _is_described(field) and name not in _WAITS_FOR_THE_END
    }
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [name for name in root.get("required", []) if name in properties]
    if required:
        schema["required"] = required
    used = _used(properties, components)
    if used:
        schema["$defs"] = used
    return schema


def _is_described(field: Mapping[str, Any]) -> bool:
    return "description" in field or any("description" in choice for choice in field.get("anyOf", []))


def _slim(field: dict[str, Any]) -> dict[str, Any]:
    """A field as a model needs to read it: that it may be left out says the list of required ones."""
    slim = {key: value for key, value in field.items() if (key, value) not in (("default", None), ("default", {}))}
    choices = [choice for choice in slim.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del slim["anyOf"]
        slim |= choices[0]
    return slim


def _used(schema: Any, components: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions that a schema refers to, also through others."""
    used: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        for name in _REFERENCE.findall(encode_json(waiting.pop())):
            if name.decode() not in used:
                used[name.decode()] = components[name.decode()]
                waiting.append(components[name.decode()])
    return used
