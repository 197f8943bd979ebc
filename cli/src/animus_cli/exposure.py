"""Which operations programs are offered by the transports, what each changes, and why the others are not offered.

A program that does work itself must not pass its own gate, answer its own question or change what is installed: what
decides in a person's place, or takes away what cannot be brought back of others' work, is offered only where a person
said ``--management``; what changes the installation never is.
"""

import enum
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["EXPOSED", "UNEXPOSED", "Effect", "Exposure"]


class Effect(enum.Enum):
    """What a call changes."""

    READS = "reads"
    ADDS = "adds"
    """Something new, twice when called twice."""
    SETS = "sets"
    """To a state; calling twice changes nothing more."""
    ENDS = "ends"
    """Takes away what cannot be brought back."""


class Exposure(NamedTuple):
    """How an operation is offered; `is_management` keeps it from programs that do work themselves."""

    effect: Effect
    is_management: bool = False


_MANAGEMENT = True

EXPOSED: Mapping[str, Exposure] = {
    "project/status": Exposure(Effect.READS),
    "daemon/status": Exposure(Effect.READS),
    "daemon/health": Exposure(Effect.READS),
    "daemon/events": Exposure(Effect.READS),
    "daemon/logs": Exposure(Effect.READS),
    "daemon/metrics": Exposure(Effect.READS),
    "daemon/agents": Exposure(Effect.READS),
    "daemon/pause": Exposure(Effect.SETS, _MANAGEMENT),
    "daemon/resume": Exposure(Effect.SETS, _MANAGEMENT),
    "daemon/drain": Exposure(Effect.SETS, _MANAGEMENT),
    "daemon/stop": Exposure(Effect.SETS, _MANAGEMENT),
    "daemon/restart": Exposure(Effect.SETS, _MANAGEMENT),
    "agent/run": Exposure(Effect.ADDS, _MANAGEMENT),
    "agent/status": Exposure(Effect.READS),
    "agent/cancel": Exposure(Effect.ENDS, _MANAGEMENT),
    "subject/create": Exposure(Effect.ADDS),
    "subject/batch-create": Exposure(Effect.ADDS),
    "subject/list": Exposure(Effect.READS),
    "subject/get": Exposure(Effect.READS),
    "subject/update": Exposure(Effect.SETS),
    "subject/delete": Exposure(Effect.ENDS, _MANAGEMENT),
    "subject/status": Exposure(Effect.SETS),
    "subject/next": Exposure(Effect.READS),
    "subject/watch": Exposure(Effect.READS),
    "queue/enqueue": Exposure(Effect.ADDS),
    "queue/list": Exposure(Effect.READS),
    "queue/stats": Exposure(Effect.READS),
    "queue/history": Exposure(Effect.READS),
    "queue/hold": Exposure(Effect.SETS),
    "queue/release": Exposure(Effect.SETS),
    "queue/drop": Exposure(Effect.ENDS),
    "queue/reorder": Exposure(Effect.SETS),
    "queue/export": Exposure(Effect.READS),
    "queue/import": Exposure(Effect.ADDS, _MANAGEMENT),
    "workflow/run": Exposure(Effect.ADDS),
    "workflow/execute": Exposure(Effect.ADDS),
    "workflow/list": Exposure(Effect.READS),
    "workflow/get": Exposure(Effect.READS),
    "workflow/events": Exposure(Effect.READS),
    "workflow/inspect": Exposure(Effect.READS),
    "workflow/pause": Exposure(Effect.SETS),
    "workflow/resume": Exposure(Effect.SETS),
    "workflow/cancel": Exposure(Effect.ENDS),
    "workflow/answer": Exposure(Effect.SETS, _MANAGEMENT),
    "workflow/phase/approve": Exposure(Effect.SETS, _MANAGEMENT),
    "workflow/phase/reject": Exposure(Effect.SETS, _MANAGEMENT),
    "workflow/delete": Exposure(Effect.ENDS, _MANAGEMENT),
    "workflow/checkpoints/get": Exposure(Effect.READS),
    "workflow/checkpoints/prune": Exposure(Effect.ENDS, _MANAGEMENT),
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
    "plugin/call": Exposure(Effect.ENDS, _MANAGEMENT),
    "audit/verify": Exposure(Effect.READS),
}

_INSTALLATION = "is about what is installed or trusted, which is a person's to decide"
_MACHINERY = "is for the command line's own use"
_AUTHORED = "writes the files that a person reads and commits"

UNEXPOSED: Mapping[str, str] = {
    "daemon/nudge": _MACHINERY,
    "daemon/render": _MACHINERY,
    "daemon/start": _MACHINERY,
    "project/init": _AUTHORED,
    "project/setup": _AUTHORED,
    "plugin/search": _INSTALLATION,
    "plugin/browse": _INSTALLATION,
    "plugin/install": _INSTALLATION,
    "plugin/uninstall": _INSTALLATION,
    "plugin/update": _INSTALLATION,
    "plugin/trust": _INSTALLATION,
}
"""Every other operation, and why no transport offers it."""
