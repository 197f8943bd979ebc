"""The resources: what a client may read and show without calling a tool.

Source: MCP specification 2025-11-25, server features, resources.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["RESOURCES", "Resource"]


class Resource(NamedTuple):
    """One resource: a name, and the operation with its arguments that gives its content."""

    name: str
    operation: str
    arguments: Mapping[str, Any]
    about: str


RESOURCES: Mapping[str, Resource] = {
    "animus://project/status": Resource("status", "project/status", {}, "The daemon, the queue, the runs."),
    "animus://project/tasks": Resource("tasks", "subject/list", {"kind": "task", "limit": 200}, "The tasks."),
    "animus://project/requirements": Resource(
        "requirements", "subject/list", {"kind": "requirement", "limit": 200}, "The requirements."
    ),
    "animus://project/workflows": Resource("workflows", "workflow/config/get", {}, "What can be run."),
    "animus://project/daemon-events": Resource(
        "daemon-events", "daemon/events", {"limit": 100}, "The latest recorded events."
    ),
}
