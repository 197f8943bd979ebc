"""The project and its daemon, on the control socket."""

import datetime
from typing import Annotated, Any

from msgspec import Meta

from animus_plugin_protocol.wire.control._workflows import WorkflowRunSummary
from animus_plugin_protocol.wire.log_storage import LogLevel
from animus_plugin_protocol.wire.presence import Wire, always
from animus_plugin_protocol.wire.queue import QueueStats

__all__ = [
    "AuditVerifyResult",
    "DaemonEvent",
    "DaemonEventsParams",
    "DaemonHealthResult",
    "DaemonLogsParams",
    "DaemonStatusResult",
    "PluginHealth",
    "ProjectStatusResult",
    "RenderParams",
    "SubscriptionClosedNote",
]


class PluginHealth(Wire, frozen=True, kw_only=True):
    """How one plugin process is.

    Status: ``stopped``, ``starting``, ``ready``, ``backoff``, ``cooling_down``, or ``out_of_room``: as many processes
    run as may, and none of them is idle.
    """

    name: str
    kinds: list[str]
    status: str
    pid: int | None = None
    restarts: int = always(0)
    memory_bytes: int | None = None
    cpu_seconds: float | None = None
    open_calls: int = always(0)
    frames: int = always(0)
    """In both directions, since the process was started."""
    bytes: int = always(0)
    last_error: str | None = None


class DaemonStatusResult(Wire, frozen=True, kw_only=True):
    """Whether a daemon serves this project."""

    running: bool
    pid: int | None = None
    uptime_seconds: float | None = None
    version: str | None = None
    project_root: str | None = None
    log_path: str | None = None
    socket_path: str | None = None
    pool_size: int | None = None
    active_runs: int | None = None
    parked_runs: int | None = None
    paused: bool = always(default=False)
    draining: bool = always(default=False)


class DaemonHealthResult(Wire, frozen=True, kw_only=True):
    """``healthy``, ``degraded``, ``unhealthy`` or ``down``, with a row per plugin."""

    status: str
    plugins: list[PluginHealth] = []
    last_error: str | None = None


class ProjectStatusResult(Wire, frozen=True, kw_only=True):
    """One screen: the daemon, the queue, the runs that need somebody, the subjects."""

    project_root: str
    repo_scope: str
    flavor: str
    daemon: DaemonStatusResult
    queue: QueueStats | None = None
    active: "list[WorkflowRunSummary]" = []
    waiting: "list[WorkflowRunSummary]" = []
    recent: "list[WorkflowRunSummary]" = []
    subjects: dict[str, dict[str, int]] = {}
    problems: list[str] = []


class DaemonEventsParams(Wire, frozen=True, kw_only=True):
    """Which events; with `follow` the stream goes on."""

    since: Annotated[datetime.datetime | None, Meta(description="Only events at or after this moment (RFC 3339).")] = (
        None
    )
    limit: Annotated[int, Meta(description="How many of the latest events.", ge=0)] | None = 50
    follow: Annotated[bool, Meta(description="Go on with new events as they happen.")] = False


class DaemonLogsParams(Wire, frozen=True, kw_only=True):
    """Which entries of the daemon's log; with `follow` the stream goes on."""

    since: Annotated[datetime.datetime | None, Meta(description="Only entries at or after this moment (RFC 3339).")] = (
        None
    )
    level: Annotated[LogLevel | None, Meta(description="Only entries at least as urgent.")] = None
    plugin: Annotated[str | None, Meta(description="Only what this plugin wrote.")] = None
    limit: Annotated[int, Meta(description="How many of the latest entries.", ge=0)] | None = 100
    search: Annotated[str | None, Meta(description="Only entries that contain this.")] = None
    follow: Annotated[bool, Meta(description="Go on with new entries as they are written.")] = False


class DaemonEvent(Wire, frozen=True, kw_only=True):
    """One recorded fact (schema ``animus.daemon-event.v1``)."""

    id: str
    seq: int
    occurred_at: datetime.datetime
    kind: str
    payload: Any = None


class RenderParams(Wire, frozen=True, kw_only=True):
    """Run an operation that needs no params and answer the text that a command prints of its result.

    `width` is in columns; without it lines are neither cut nor wrapped. With `json` the text is the envelope.
    """

    operation: str
    width: int | None = None
    colour: bool = False
    json: bool = False


class SubscriptionClosedNote(Wire, frozen=True, kw_only=True):
    """The stream of request `id` is over."""

    id: Any
    reason: str


class AuditVerifyResult(Wire, frozen=True, kw_only=True):
    """Whether the audit log is whole; else the line at which its chain breaks and why."""

    lines: int
    is_whole: bool
    line: int | None = None
    reason: str | None = None
    latest: str | None = None
    """The digest of the last line; kept elsewhere, it shows that nobody rewrote the log."""
