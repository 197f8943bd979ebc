"""The description of the routes for programs, as OpenAPI 3.1: made from the same table, so it says what is served."""

import importlib.metadata
from collections.abc import Mapping
from typing import Any

import msgspec

from animus_cli.arguments import referenced
from animus_control.operations import Operation
from animus_transport_http.event_stream import EVENT_STREAM
from animus_transport_http.query import is_plain
from animus_transport_http.resumption import NUMBERED
from animus_transport_http.route import PREFIX, Route, routes

__all__ = ["document"]

_JSON = "application/json"
_COMPONENTS = "#/components/schemas/"
_ERROR = {
    "type": "object",
    "properties": {
        "ok": {"const": False},
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string", "description": "A word for programs."},
                "message": {"type": "string", "description": "What happened, and what to do."},
                "details": {"type": "object", "description": "Facts for programs."},
            },
            "required": ["code", "message"],
        },
    },
    "required": ["ok", "error"],
}


def document(*, management: bool) -> dict[str, Any]:
    """The whole description; with what decides in a person's place if `management` is offered."""
    offered = [route for route in routes() if management or not route.exposure.is_management]
    schemas = _Schemas([route.operation for route in offered])
    paths: dict[str, Any] = {}
    for route in offered:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Animus",
            "version": importlib.metadata.version("animus-transport-http"),
            "description": "The control operations of one project's daemon.",
        },
        "security": [{"token": []}],
        "paths": paths | {"/" + "/".join([*PREFIX, "openapi.json"]): {"get": _SELF}},
        "components": {
            "schemas": referenced(paths, schemas.components),
            "responses": {"Refused": {"description": "Why not.", "content": {_JSON: {"schema": _ERROR}}}},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


_SELF = {
    "operationId": "openapi",
    "summary": "This description.",
    "responses": {"200": {"description": "OpenAPI 3.1.", "content": {_JSON: {"schema": {"type": "object"}}}}},
}


class _Schemas:
    """The schemas of params and results, named once for the whole document."""

    def __init__(self, operations: list[Operation]) -> None:
        types = [kind for operation in operations for kind in (operation.params, operation.result)]
        found, self.components = msgspec.json.schema_components(types, ref_template=f"{_COMPONENTS}{{name}}")
        names = [operation.name for operation in operations]
        references = {name: found[2 * index]["$ref"] for index, name in enumerate(names)}
        self.params = {name: self.components[ref.removeprefix(_COMPONENTS)] for name, ref in references.items()}
        self.result = {name: found[2 * index + 1] for index, name in enumerate(names)}

    def arguments(self, route: Route) -> dict[str, Any]:
        """The fields of the params that a route takes beside its path."""
        fields = self.params[route.operation.name].get("properties", {})
        return {name: fields[name] for name in route.schema["properties"]}


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": route.operation.name.replace("/", "."),
        "summary": route.operation.help,
        "tags": [route.path[0]],
    }
    parameters = _parameters(route, schemas)
    if parameters:
        described["parameters"] = parameters
    arguments = schemas.arguments(route)
    required: list[str] = route.schema.get("required", [])
    if arguments and not route.takes_query:
        body = {"type": "object", "properties": arguments, "additionalProperties": False}
        schema = body | ({"required": required} if required else {})
        described["requestBody"] = {"required": bool(required), "content": {_JSON: {"schema": schema}}}
    content = _content(route, schemas.result[route.operation.name])
    refused = {"$ref": "#/components/responses/Refused"}
    return described | {"responses": {"200": {"description": "Done.", "content": content}, "default": refused}}


def _parameters(route: Route, schemas: _Schemas) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if route.path_field is not None:
        field = schemas.params[route.operation.name]["properties"][route.path_field]
        found.append({"name": route.path_field, "in": "path", "required": True, "schema": field})
    if route.takes_query:
        found += [_query_parameter(name, field, route) for name, field in schemas.arguments(route).items()]
    if route.operation.name == NUMBERED:
        schema = {"type": "string", "description": "Of a stream: go on after the event with this number."}
        found.append({"name": "Last-Event-ID", "in": "header", "schema": schema})
    return found


def _query_parameter(name: str, field: Mapping[str, Any], route: Route) -> dict[str, Any]:
    own = route.schema["properties"][name]
    is_written_plain = own.get("type") == "array" or is_plain(own, route.schema)
    parameter: dict[str, Any] = {"name": name, "in": "query"}
    if name in route.schema.get("required", []):
        parameter["required"] = True
    return parameter | ({"schema": field} if is_written_plain else {"content": {_JSON: {"schema": field}}})


def _content(route: Route, result: Mapping[str, Any]) -> dict[str, Any]:
    if route.operation.result is str:
        return {"text/plain": {"schema": {"type": "string"}}}
    data = result if route.operation.stream is None else {"type": "array", "items": result}
    envelope = {"type": "object", "properties": {"ok": {"const": True}, "data": data}, "required": ["ok", "data"]}
    content = {} if route.is_endless else {_JSON: {"schema": envelope}}
    if route.operation.stream is not None:
        events = "Events whose data is one JSON text each; the last one is 'closed' and says why."
        content[EVENT_STREAM] = {"schema": {"type": "string", "description": events}}
    return content
