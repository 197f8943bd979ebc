"""The tools: one for each exposed operation, described by the operation's own row and params.

A field that has a description is an argument, as it is an option of the command; one without is for programs that
know the wire types. Source: MCP specification 2025-11-25, server features, tools.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from animus_cli.arguments import WAITS_FOR_THE_END, ArgumentsError, closed_schema, is_described, params_of
from animus_cli.exposure import Effect, Exposure
from animus_control.operations import OPERATIONS, Operation
from animus_transport_mcp.exposure import TOOLS

__all__ = ["ArgumentsError", "Tool", "tools"]

LIST_LIMIT = 25
"""Rows of a list when the caller names no limit: a tool's answer is read by a model, word by word."""


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
        given = {"limit": LIST_LIMIT, **arguments} if "limit" in known else arguments
        return params_of(self.operation, given, known=known, caller=self.name, fixed={"trigger_source": "mcp"})


def tools(*, management: bool = False) -> dict[str, Tool]:
    """The tools by name; those that decide in a person's place only with `management`."""
    found = (
        Tool(_tool_name(name), OPERATIONS[name], exposure, closed_schema(OPERATIONS[name].params, _is_argument))
        for name, exposure in TOOLS.items()
        if management or not exposure.is_management
    )
    return {tool.name: tool for tool in found}


def _tool_name(operation: str) -> str:
    return operation.replace("/", "_").replace("-", "_")


def _is_argument(name: str, field: Mapping[str, Any]) -> bool:
    return is_described(field) and name not in WAITS_FOR_THE_END
