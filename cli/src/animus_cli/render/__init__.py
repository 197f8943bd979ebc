"""How results look to people: one function per operation, from the result and the screen to lines.

The functions are pure, so a test can look at the lines. They are found by name and imported when they are needed.
"""

import importlib
from typing import Any

from animus_cli.terminal import Screen

__all__ = ["RENDERERS", "lines_for"]

RENDERERS: dict[str, str] = {
    "project/status": "status:overview",
    "daemon/status": "daemon:status",
    "daemon/health": "daemon:health",
    "daemon/metrics": "daemon:metrics",
    "audit/verify": "daemon:audit",
    "daemon/pause": "daemon:status",
    "daemon/resume": "daemon:status",
    "daemon/drain": "daemon:status",
    "daemon/events": "daemon:event",
    "daemon/logs": "daemon:log_entry",
    "agent/cancel": "agents:cancelled",
    "subject/create": "subject:one",
    "subject/list": "subject:page",
    "subject/get": "subject:one",
    "subject/status": "subject:one",
    "subject/next": "subject:upcoming",
    "queue/enqueue": "queue:receipt",
    "queue/list": "queue:page",
    "queue/stats": "queue:counts",
    "queue/history": "queue:past",
    "queue/reorder": "queue:reordered",
    "workflow/run": "workflow:started",
    "workflow/list": "workflow:page",
    "workflow/get": "workflow:one",
    "workflow/resume": "workflow:signalled",
    "workflow/checkpoints/get": "checkpoints:one",
    "workflow/phase/approve": "workflow:signalled",
    "workflow/phase/reject": "workflow:signalled",
    "workflow/config/validate": "config:findings",
    "workflow/config/get": "config:definitions",
    "schedule/list": "schedule:page",
    "schedule/get": "schedule:one",
    "schedule/enable": "schedule:one",
    "schedule/disable": "schedule:one",
    "schedule/run": "queue:receipt",
    "schedule/history": "schedule:past",
    "trigger/list": "trigger:page",
    "trigger/fire": "queue:receipt",
    "plugin/call": "plugin:answered",
    "plugin/list": "plugin:found",
    "plugin/trust": "plugin:trusted",
    "plugin/ping": "plugin:pinged",
    "plugin/search": "catalogue:page",
    "plugin/browse": "catalogue:page",
    "plugin/install": "catalogue:installed",
    "plugin/uninstall": "catalogue:uninstalled",
    "plugin/update": "catalogue:updated",
}
"""Operation to the function below this package that lays its result out."""


def lines_for(operation_name: str, result: Any, screen: Screen) -> list[str]:
    """The lines of an operation's result."""
    module, _, function = RENDERERS[operation_name].partition(":")
    lines: list[str] = getattr(importlib.import_module(f"{__name__}.{module}"), function)(result, screen)
    return lines
