"""Which operations are tools, what a client may be told about each, and why the others are not.

An agent must not pass its own gate, answer its own question or change what is installed: what decides in a person's
place is a tool only with ``--management``, and what changes the installation never is.
"""

import enum
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["EXPOSED", "UNEXPOSED", "Effect", "Exposure"]


class Effect(enum.Enum):
    """What a call changes; becomes the hints of a tool (MCP specification, tool annotations)."""

    READS = "reads"
    ADDS = "adds"
    """Something new, twice when called twice."""
    SETS = "sets"
    """To a state; calling twice changes nothing more."""
    ENDS = "ends"
    """Takes away what cannot be brought back."""


class Exposure(NamedTuple):
    """How an operation is a tool; `is_management` keeps it from agents that do work themselves."""

    effect: Effect
    is_management: bool = False


_MANAGEMENT = True

EXPOSED: Mapping[str, Exposure] = {
    "project/status": Exposure(Effect.READS),
    "daemon/status": Exposure(Effect.READS),
    "daemon/health": Exposure(Effect.READS),
    "daemon/events": Exposure(Effect.READS),
    "daemon/logs": Exposure(Effect.READS),
    "daemon/pause": Exposure(Effect.SETS, _MANAGEMENT),
    "daemon/resume": Exposure(Effect.SETS, _MANAGEMENT),
    "daemon/drain": Exposure(Effect.SETS, _MANAGEMENT),
    "daemon/stop": Exposure(Effect.SETS, _MANAGEMENT),
    "subject/create": Exposure(Effect.ADDS),
    "subject/list": Exposure(Effect.READS),
    "subject/get": Exposure(Effect.READS),
    "subject/status": Exposure(Effect.SETS),
    "subject/next": Exposure(Effect.READS),
    "queue/enqueue": Exposure(Effect.ADDS),
    "queue/list": Exposure(Effect.READS),
    "queue/stats": Exposure(Effect.READS),
    "queue/history": Exposure(Effect.READS),
    "queue/hold": Exposure(Effect.SETS),
    "queue/release": Exposure(Effect.SETS),
    "queue/drop": Exposure(Effect.ENDS),
    "queue/reorder": Exposure(Effect.SETS),
    "workflow/run": Exposure(Effect.ADDS),
    "workflow/list": Exposure(Effect.READS),
    "workflow/get": Exposure(Effect.READS),
    "workflow/pause": Exposure(Effect.SETS),
    "workflow/resume": Exposure(Effect.SETS),
    "workflow/cancel": Exposure(Effect.ENDS),
    "workflow/phase/approve": Exposure(Effect.SETS, _MANAGEMENT),
    "workflow/phase/reject": Exposure(Effect.SETS, _MANAGEMENT),
    "workflow/config/validate": Exposure(Effect.READS),
    "workflow/config/get": Exposure(Effect.READS),
    "schedule/list": Exposure(Effect.READS),
    "schedule/get": Exposure(Effect.READS),
    "schedule/history": Exposure(Effect.READS),
    "schedule/enable": Exposure(Effect.SETS, _MANAGEMENT),
    "schedule/disable": Exposure(Effect.SETS, _MANAGEMENT),
    "schedule/run": Exposure(Effect.ADDS, _MANAGEMENT),
    "trigger/list": Exposure(Effect.READS),
    "trigger/fire": Exposure(Effect.ADDS, _MANAGEMENT),
    "plugin/list": Exposure(Effect.READS),
    "plugin/info": Exposure(Effect.READS),
    "plugin/ping": Exposure(Effect.READS),
    "audit/verify": Exposure(Effect.READS),
}

_INSTALLATION = "changes what is installed or trusted, which is a person's to decide"
_STREAM = "sends without end; a tool gives one answer"
_MACHINERY = "is for the command line's own use"
_FOLDED = "another tool does it"
_UNDESCRIBED = "its params are for programs that know the wire types"

UNEXPOSED: Mapping[str, str] = {
    "daemon/nudge": _MACHINERY,
    "daemon/render": _MACHINERY,
    "daemon/start": _MACHINERY,
    "daemon/restart": "would end the connection that asked for it; a person restarts",
    "daemon/agents": _FOLDED,
    "daemon/metrics": "is read by a collector, as text",
    "agent/run": "an agent that starts agents goes round the queue and its limits",
    "agent/status": _FOLDED,
    "agent/cancel": _FOLDED,
    "subject/watch": _STREAM,
    "subject/update": _UNDESCRIBED,
    "subject/delete": "takes away what cannot be brought back, of work that is not the agent's",
    "subject/batch-create": _UNDESCRIBED,
    "queue/export": _UNDESCRIBED,
    "queue/import": _UNDESCRIBED,
    "workflow/execute": _FOLDED,
    "workflow/events": _STREAM,
    "workflow/checkpoints/get": "is the runner's own record of a run",
    "workflow/checkpoints/prune": _UNDESCRIBED,
    "workflow/answer": _UNDESCRIBED,
    "workflow/delete": _UNDESCRIBED,
    "workflow/inspect": _UNDESCRIBED,
    "plugin/call": "reaches every plugin past what this table allows",
    "plugin/search": _INSTALLATION,
    "plugin/browse": _INSTALLATION,
    "plugin/install": _INSTALLATION,
    "plugin/uninstall": _INSTALLATION,
    "plugin/update": _INSTALLATION,
    "plugin/trust": _INSTALLATION,
}
"""Every other operation, and why it is no tool."""
