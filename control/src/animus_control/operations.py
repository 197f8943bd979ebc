"""The operation table: every control operation once, with its name, types, help and where it can run.

The control socket and the command line are generated from this table. Handlers are named, not imported, so that
reading the table costs nothing but the wire types: ``module:function`` below ``animus_kernel.handlers``, or a package
above the kernel's for what needs no kernel (``package.module:function``).
"""

import enum
from typing import Any, NamedTuple

from animus_plugin_protocol.wire import control as c
from animus_plugin_protocol.wire import log_storage as log
from animus_plugin_protocol.wire import queue as q
from animus_plugin_protocol.wire import queue_care as qc
from animus_plugin_protocol.wire import subject as s
from animus_plugin_protocol.wire import workflow_runner as w

__all__ = ["OPERATIONS", "Operation", "Place"]


class Place(enum.Enum):
    """Where an operation can run."""

    DAEMON = "daemon"
    """Only inside a living daemon."""
    PROJECT = "project"
    """In the daemon if one lives, else in the caller's own process with the same plugins."""
    LOCAL = "local"
    """In the caller's own process, with or without a daemon; needs no plugin."""


class Operation(NamedTuple):
    """One control operation.

    `command` is its place on the command line (empty: none), `arguments` the params given by position there,
    `stream` the notification a streaming operation sends after its acknowledgement.
    """

    name: str
    command: tuple[str, ...]
    params: Any
    result: Any
    place: Place
    handler: str
    help: str
    arguments: tuple[str, ...] = ()
    flags: tuple[tuple[str, str], ...] = ()
    stream: str | None = None


_ID = ("id",)
_RUN_FLAGS = (("vars", "--var"), ("input", "--input-json"))
_ENQUEUE_FLAGS = (("workflow_ref", "--workflow"), *_RUN_FLAGS)
_HIDDEN = False


def _row(
    name: str, params: Any, result: Any, handler: str, about: str, *, shown: bool = True, **rest: Any
) -> Operation:
    rest.setdefault("place", Place.PROJECT)
    command = tuple(name.split("/")) if shown else ()
    return Operation(name, command, params, result, handler=handler, help=about, **rest)


# One operation is a row of one or two lines; the formatter would make it eight.
# fmt: off
_TABLE = (
    _row("project/status", c.EmptyParams, c.ProjectStatusResult, "project:status",
         "Show the daemon, the queue, the runs and what waits for you, on one screen.")._replace(command=("status",)),
    _row("project/init", c.ProjectInitParams, c.ProjectInitResult, "animus_composition.scaffold.initialization:init",
         "Look at the project and write the files that make its checks a workflow.", shown=_HIDDEN, place=Place.LOCAL),
    _row("project/setup", c.ProjectSetupParams, c.ProjectInitResult, "project:setup",
         "Write the files of the project and name Animus to its agents.", shown=_HIDDEN, place=Place.DAEMON),
    _row("daemon/status", c.EmptyParams, c.DaemonStatusResult, "daemon:status",
         "Say whether a daemon serves this project."),
    _row("daemon/health", c.EmptyParams, c.DaemonHealthResult, "daemon:health",
         "Show how the daemon and its plugins are.", place=Place.DAEMON),
    _row("daemon/stop", c.EmptyParams, c.UnitResult, "daemon:stop",
         "Ask the daemon to end; runs that were under way go on at the next start.", shown=_HIDDEN, place=Place.DAEMON),
    _row("daemon/nudge", c.EmptyParams, c.UnitResult, "daemon:nudge",
         "Ask the daemon to look at the queue now.", shown=_HIDDEN, place=Place.DAEMON),
    _row("daemon/render", c.RenderParams, str, "display:render",
         "Lay a result out as a command would.", shown=_HIDDEN, place=Place.DAEMON),
    _row("daemon/pause", c.EmptyParams, c.DaemonStatusResult, "daemon:pause",
         "Start nothing new; runs under way go on.", place=Place.DAEMON),
    _row("daemon/resume", c.EmptyParams, c.DaemonStatusResult, "daemon:resume",
         "Start new runs again.", place=Place.DAEMON),
    _row("daemon/drain", c.EmptyParams, c.DaemonStatusResult, "daemon:drain",
         "Start nothing new and end when no run is under way.", place=Place.DAEMON),
    _row("daemon/events", c.DaemonEventsParams, c.DaemonEvent, "daemon:events",
         "Print the recorded events.", stream="daemon/event"),
    _row("daemon/logs", c.DaemonLogsParams, log.LogEntry, "daemon:logs",
         "Print the end of the daemon's log: its own messages and what its plugins wrote.", stream="daemon/log"),
    _row("daemon/agents", c.EmptyParams, c.DaemonAgentsResult, "agents:at_work",
         "List the agents at work.", shown=_HIDDEN, place=Place.DAEMON),
    _row("daemon/start", c.EmptyParams, c.UnitResult, "daemon:start",
         "Do nothing: it runs.", shown=_HIDDEN, place=Place.DAEMON),
    _row("daemon/restart", c.EmptyParams, c.UnitResult, "daemon:restart",
         "Ask the daemon to end and start again in the same process, with the settings in force then.",
         shown=_HIDDEN, place=Place.DAEMON),
    _row("agent/run", c.AgentRunParams, c.AgentRunResult, "agents:run",
         "Run one session of an agent, outside of any workflow.", shown=_HIDDEN, place=Place.DAEMON),
    _row("agent/status", c.AgentStatusParams, c.AgentStatusResult, "agents:status",
         "Show one session of an agent that was asked for outside of a workflow.", shown=_HIDDEN),
    _row("agent/cancel", c.AgentSessionParams, c.UnitResult, "agents:cancel",
         "End one session of an agent.", place=Place.DAEMON, arguments=("session_id",)),
    _row("subject/watch", c.SubjectWatchParams, s.SubjectChangedEvent, "subjects:watch",
         "Follow the changes of subjects.", shown=_HIDDEN, place=Place.DAEMON, stream="subject/changed"),
    _row("subject/create", c.SubjectCreateParams, s.Subject, "subjects:create",
         "Make a subject.", flags=(("labels", "--label"),)),
    _row("subject/list", c.SubjectListParams, c.SubjectListResult, "subjects:list_subjects", "List subjects."),
    _row("subject/get", c.SubjectGetParams, s.Subject, "subjects:get", "Show one subject.", arguments=_ID),
    _row("subject/update", c.SubjectUpdateParams, s.Subject, "subjects:update", "Change a subject.", shown=_HIDDEN),
    _row("subject/delete", c.SubjectGetParams, s.SubjectDeleteResult, "subjects:delete",
         "Remove a subject.", shown=_HIDDEN),
    _row("subject/batch-create", c.SubjectBatchParams, c.SubjectBatchResult, "subjects:batch_create",
         "Make several subjects.", shown=_HIDDEN),
    _row("subject/status", c.SubjectStatusParams, s.Subject, "subjects:set_status",
         "Set a subject's status.", arguments=("id", "status")),
    _row("subject/next", c.SubjectNextParams, c.SubjectNextResult, "subjects:next_subject",
         "Show the most urgent ready subject."),
    _row("queue/enqueue", c.QueueEnqueueParams, c.QueueEnqueueResult, "queue:enqueue",
         "Ask for work on a subject.", flags=_ENQUEUE_FLAGS),
    _row("queue/list", c.QueueListParams, c.QueueListResult, "queue:list_entries", "List the entries of the queue."),
    _row("queue/stats", c.EmptyParams, q.QueueStats, "queue:stats", "Count the entries of the queue."),
    _row("queue/history", c.QueueHistoryParams, qc.QueueHistoryResult, "queue:history",
         "List the entries that have left the queue, latest first."),
    _row("queue/export", c.QueueExportParams, qc.QueueExportResult, "queue:export",
         "Write a part of the queue down.", shown=_HIDDEN),
    _row("queue/import", qc.QueueImportParams, qc.QueueImportResult, "queue:take_in",
         "Add entries that were written down.", shown=_HIDDEN),
    _row("queue/hold", c.QueueHoldParams, c.QueueMutationResult, "queue:hold",
         "Keep an entry from being started.", shown=_HIDDEN),
    _row("queue/release", c.QueueEntryIdParams, c.QueueMutationResult, "queue:release",
         "Free a held entry.", shown=_HIDDEN),
    _row("queue/drop", c.QueueEntryIdParams, c.QueueMutationResult, "queue:drop",
         "Take an entry off the queue.", shown=_HIDDEN),
    _row("queue/reorder", c.QueueReorderParams, q.QueueReorderResult, "queue:reorder",
         "Put entries first.", arguments=("ids",)),
    _row("workflow/run", c.WorkflowRunParams, c.WorkflowRunResult, "workflows:run",
         "Start a workflow.", arguments=("definition",), flags=_RUN_FLAGS),
    _row("workflow/execute", c.WorkflowExecuteParams, c.WorkflowRunResult, "workflows:execute",
         "Start a workflow by its name.", shown=_HIDDEN),
    _row("workflow/list", c.WorkflowListParams, c.WorkflowListResult, "workflows:list_runs",
         "List runs, newest first."),
    _row("workflow/get", c.WorkflowGetParams, c.WorkflowGetResult, "workflows:get",
         "Show one run with its phases and attempts.", arguments=_ID),
    _row("workflow/resume", c.WorkflowResumeParams, c.WorkflowSignalResult, "steering:resume",
         "Let a paused run go on.", arguments=_ID),
    _row("workflow/pause", c.WorkflowSteerParams, c.WorkflowSignalResult, "steering:pause",
         "Stop a run after its current phase.", shown=_HIDDEN),
    _row("workflow/cancel", c.WorkflowSteerParams, c.WorkflowSignalResult, "steering:cancel",
         "End a run and everything it started.", shown=_HIDDEN),
    _row("workflow/checkpoints/get", c.CheckpointParams, c.CheckpointResult, "checkpoints:get",
         "Show one checkpoint of a run.", arguments=("id", "number")),
    _row("workflow/checkpoints/prune", c.CheckpointPruneParams, c.UnitResult, "checkpoints:prune",
         "Forget all but the latest checkpoints of a run.", shown=_HIDDEN),
    _row("workflow/phase/approve", c.PhaseGateParams, c.WorkflowSignalResult, "steering:approve",
         "Let a run pass its gate.", arguments=_ID),
    _row("workflow/phase/reject", c.PhaseGateParams, c.WorkflowSignalResult, "steering:reject",
         "Refuse a run at its gate.", arguments=_ID),
    _row("workflow/answer", c.WorkflowAnswerParams, c.WorkflowSignalResult, "steering:answer",
         "Answer what the agent of a run asked.", shown=_HIDDEN),
    _row("workflow/delete", c.WorkflowDeleteParams, c.WorkflowDeleteResult, "workflows:delete",
         "Forget runs that have ended.", shown=_HIDDEN),
    _row("workflow/inspect", w.WorkflowInspectParams, w.WorkflowInspectResult, "workflows:inspect",
         "Ask the runner about a run or a definition.", shown=_HIDDEN),
    _row("workflow/events", c.WorkflowEventsParams, c.WorkflowEvent, "workflows:events",
         "Follow runs.", shown=_HIDDEN, place=Place.DAEMON, stream="workflow/event"),
    _row("workflow/config/validate", c.EmptyParams, c.ConfigValidateResult, "workflows:check",
         "Check the workflow files; findings carry file, line and column."),
    _row("workflow/config/get", c.EmptyParams, c.WorkflowConfigResult, "workflows:config",
         "Print the compiled definitions."),
    _row("schedule/list", c.ScheduleListParams, c.ScheduleListResult, "schedules:list_schedules",
         "List the schedules and when they fire next."),
    _row("schedule/get", c.ScheduleIdParams, c.ScheduleRow, "schedules:get", "Show one schedule.", arguments=_ID),
    _row("schedule/enable", c.ScheduleIdParams, c.ScheduleRow, "schedules:enable",
         "Let a schedule fire, from now on.", arguments=_ID),
    _row("schedule/disable", c.ScheduleIdParams, c.ScheduleRow, "schedules:disable",
         "Keep a schedule from firing.", arguments=_ID),
    _row("schedule/run", c.ScheduleIdParams, c.QueueEnqueueResult, "schedules:run",
         "Ask for the work of a schedule now.", arguments=_ID),
    _row("schedule/history", c.ScheduleHistoryParams, c.ScheduleHistoryResult, "schedules:history",
         "Show the latest moments of a schedule and what became of them.", arguments=_ID),
    _row("trigger/list", c.TriggerListParams, c.TriggerListResult, "triggers:list_triggers",
         "List the triggers and whether they are watched for.", place=Place.DAEMON),
    _row("trigger/fire", c.TriggerFireParams, c.QueueEnqueueResult, "triggers:fire",
         "Report an event of a trigger by hand.", place=Place.DAEMON, arguments=_ID, flags=(("payload", "--payload"),)),
    _row("daemon/metrics", c.EmptyParams, str, "daemon:metrics",
         "Print the daemon's metrics as Prometheus reads them.", place=Place.DAEMON),
    _row("audit/verify", c.EmptyParams, c.AuditVerifyResult, "daemon:verify_audit",
         "Check that nobody altered the record of who changed what.", place=Place.LOCAL),
    _row("plugin/call", c.PluginCallParams, Any, "plugins:call",
         "Call a method of a plugin.", arguments=("name", "method")),
    _row("plugin/ping", c.PluginNameParams, c.PluginPingResult, "plugins:ping",
         "Start a plugin if it does not run, and ask whether it answers.", arguments=("name",)),
    _row("plugin/list", c.PluginListParams, c.PluginListResult, "animus_composition.catalogue:list_plugins",
         "List the plugins that were found, and where was looked.", place=Place.LOCAL),
    _row("plugin/info", c.PluginNameParams, c.PluginInfoResult, "animus_composition.catalogue:info",
         "Show one plugin.", shown=_HIDDEN, place=Place.LOCAL),
    _row("plugin/search", c.PluginSearchParams, c.CatalogueResult, "animus_composition.catalogue:search",
         "Look for plugins among those installed and those that installed flavors name.",
         place=Place.LOCAL, arguments=("query",)),
    _row("plugin/browse", c.PluginBrowseParams, c.CatalogueResult, "animus_composition.catalogue:browse",
         "List the plugins that are installed or that an installed flavor names.", place=Place.LOCAL),
    _row("plugin/install", c.PluginInstallParams, c.PluginInstallResult, "animus_composition.installation:install",
         "Install a distribution with plugins, packs or a flavor; without --yes it only says how.",
         place=Place.LOCAL, arguments=("source",)),
    _row("plugin/uninstall", c.PluginNameParams, c.UnitResult, "animus_composition.installation:uninstall",
         "Remove the distribution of a plugin.", place=Place.LOCAL, arguments=("name",)),
    _row("plugin/update", c.PluginUpdateParams, c.PluginUpdateResult, "animus_composition.installation:update",
         "Bring plugins to their latest version.", place=Place.LOCAL, arguments=("name",)),
    _row("plugin/trust", c.PluginTrustParams, c.PluginTrustResult, "animus_composition.catalogue:trust",
         "Trust a plugin shipped in this repository, as it is now.", place=Place.LOCAL, arguments=("path",)),
)

# fmt: on

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _TABLE}
