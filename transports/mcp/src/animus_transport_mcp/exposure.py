"""Which of the operations that programs are offered are tools, and why the others are not."""

from collections.abc import Mapping

from animus_cli.exposure import EXPOSED, Exposure

__all__ = ["NOT_TOOLS", "TOOLS"]

_STREAM = "sends without end; a tool gives one answer"
_FOLDED = "another tool does it"
_UNDESCRIBED = "its params are for programs that know the wire types"

NOT_TOOLS: Mapping[str, str] = {
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
}

TOOLS: Mapping[str, Exposure] = {name: exposure for name, exposure in EXPOSED.items() if name not in NOT_TOOLS}
"""What is a tool; its effect becomes the tool's hints (MCP specification, tool annotations)."""
