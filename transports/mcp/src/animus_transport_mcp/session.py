"""One client's session: what it may ask, in which order, and what it is answered.

Source: MCP specification 2025-11-25, lifecycle, tools and resources. A request is answered with a result or an
`RpcFault`; a tool that fails is a result that says so, which is how a model learns of it.
"""

import importlib.metadata
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from animus_control.errors import ControlError, error_from_fault
from animus_control.operations import OPERATIONS, Operation
from animus_plugin_protocol.codec import encode_json
from animus_plugin_protocol.errors import ErrorCode, RefusedError, RpcFault
from animus_transport_mcp.answer import error_answer, result_answer
from animus_transport_mcp.resource import RESOURCES
from animus_transport_mcp.tool import ArgumentsError, tools

__all__ = ["VERSIONS", "Route", "Session"]

Route = Callable[[Operation, Any], Any]
"""Runs an operation; raises `ControlError`."""

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""The versions of MCP that are spoken, latest first; a client that asks for another one is offered the latest."""

_RESOURCE_NOT_FOUND = -32002
_INSTRUCTIONS = (
    "Animus runs workflows on subjects (tasks, requirements) from a durable queue. To hand work over, make a subject"
    " with subject_create and call queue_enqueue with its id as KIND:ID; workflow_get says how a run stands and what"
    " it waits for. What is queued starts when a daemon serves the project: see daemon_status."
)
_STARTS_WORK = frozenset({"queue/enqueue", "workflow/run"})


class Session:
    """The server's side of one connection.

    Args:
        route: how an operation is run.
        has_daemon: whether a daemon serves the project now.
        management: whether the tools that decide in a person's place are offered.
    """

    def __init__(self, route: Route, has_daemon: Callable[[], bool], *, management: bool = False) -> None:
        self._route = route
        self._has_daemon = has_daemon
        self._tools = tools(management=management)
        self._is_open = False
        self._methods: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "tools/list": self._list_tools,
            "tools/call": self._call_tool,
            "resources/list": self._list_resources,
            "resources/templates/list": lambda _: {"resourceTemplates": []},
            "resources/read": self._read_resource,
        }

    def answer(self, method: str, params: Any) -> dict[str, Any]:
        """The result of a request.

        Raises:
            RpcFault: it is refused.
        """
        params = _members(params, f"params of {method!r}")
        if method == "ping":
            return {}
        if method == "initialize":
            return self._initialize(params)
        if not self._is_open:
            raise RefusedError(f"{method!r} came before 'initialize'", code=ErrorCode.INVALID_REQUEST)
        if method not in self._methods:
            raise RefusedError(f"there is no method {method!r}", code=ErrorCode.METHOD_NOT_FOUND)
        return self._methods[method](params)

    def _initialize(self, params: Mapping[str, Any]) -> dict[str, Any]:
        wanted = params.get("protocolVersion")
        if not isinstance(wanted, str):
            raise RefusedError("'initialize' needs a 'protocolVersion'", code=ErrorCode.INVALID_PARAMS)
        self._is_open = True
        return {
            "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
            "capabilities": {"tools": {}, "resources": {}},
            "serverInfo": {
                "name": "animus",
                "title": "Animus",
                "version": importlib.metadata.version("animus-transport-mcp"),
            },
            "instructions": _INSTRUCTIONS,
        }

    def _list_tools(self, params: Mapping[str, Any]) -> dict[str, Any]:
        _refuse_cursor(params)
        return {"tools": [tool.describe() for tool in self._tools.values()]}

    def _call_tool(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name, arguments = params.get("name"), _members(params.get("arguments"), "'arguments'")
        tool = self._tools.get(name) if isinstance(name, str) else None
        if tool is None:
            raise RefusedError(f"there is no tool {name!r}", code=ErrorCode.INVALID_PARAMS)
        try:
            result = self._run(tool.operation, tool.params(arguments))
        except ArgumentsError as error:
            return error_answer(ControlError("invalid_request", str(error)))
        except ControlError as error:
            return error_answer(error)
        return result_answer(result, self._remark(tool.operation))

    def _run(self, operation: Operation, params: Any) -> Any:
        try:
            return self._route(operation, params)
        except RpcFault as fault:
            raise error_from_fault(fault, operation.name) from fault

    def _remark(self, operation: Operation) -> str | None:
        if operation.name not in _STARTS_WORK or self._has_daemon():
            return None
        return "No daemon serves this project, so it waits. next: animus daemon start"

    def _list_resources(self, params: Mapping[str, Any]) -> dict[str, Any]:
        _refuse_cursor(params)
        rows = [
            {"uri": uri, "name": resource.name, "description": resource.about, "mimeType": "application/json"}
            for uri, resource in RESOURCES.items()
        ]
        return {"resources": rows}

    def _read_resource(self, params: Mapping[str, Any]) -> dict[str, Any]:
        uri = params.get("uri")
        resource = RESOURCES.get(uri) if isinstance(uri, str) else None
        if resource is None:
            raise RefusedError(f"there is no resource {uri!r}", code=_RESOURCE_NOT_FOUND, data={"uri": uri})
        operation = OPERATIONS[resource.operation]
        try:
            result = self._run(operation, msgspec.convert(dict(resource.arguments), operation.params))
        except ControlError as error:
            raise RefusedError(error.message, code=ErrorCode.INTERNAL_ERROR, data=error.to_wire()["data"]) from error
        text = encode_json(msgspec.to_builtins(result, str_keys=True)).decode()
        return {"contents": [{"uri": uri, "mimeType": "application/json", "text": text}]}


def _members(value: Any, what: str) -> dict[str, Any]:
    """The members of a JSON object that may have been left out."""
    if not isinstance(value, dict | None):
        raise RefusedError(f"{what} must be an object", code=ErrorCode.INVALID_PARAMS)
    return cast("dict[str, Any]", value or {})


def _refuse_cursor(params: Mapping[str, Any]) -> None:
    """Every list is one page, so no cursor was ever handed out."""
    if params.get("cursor") is not None:
        raise RefusedError(f"{params['cursor']!r} is no cursor of this list", code=ErrorCode.INVALID_PARAMS)
