"""The operation table: every control operation once, with its name, types, help and where it can run.

The control socket and the command line are generated from this table. Handlers are named, not imported, so that
reading the table costs nothing but the wire types: ``module:function`` below ``animus_kernel.handlers``.
"""

import enum
from typing import Any, NamedTuple

from animus_plugin_protocol.wire import control, subject

__all__ = ["OPERATIONS", "Operation", "Place", "operation_named"]


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


_SUBJECT_FLAG = (("workflow_ref", "--workflow"), ("vars", "--var"), ("input", "--input-json"))

_TABLE = (
    Operation(
        "project/status",
        ("status",),
        control.EmptyParams,
        control.ProjectStatusResult,
        Place.PROJECT,
        "project:status",
        "Show the daemon, the queue, the runs and what waits for you, on one screen.",
    ),
    Operation(
        "daemon/status",
        ("daemon", "status"),
        control.EmptyParams,
        control.DaemonStatusResult,
        Place.LOCAL,
        "daemon:status",
        "Say whether a daemon serves this project.",
    ),
    Operation(
        "daemon/health",
        ("daemon", "health"),
        control.EmptyParams,
        control.DaemonHealthResult,
        Place.DAEMON,
        "daemon:health",
        "Show how the daemon and its plugins are.",
    ),
    Operation(
        "daemon/stop",
        (),
        control.EmptyParams,
        control.UnitResult,
        Place.DAEMON,
        "daemon:stop",
        "Ask the daemon to end; runs that were under way go on at the next start.",
    ),
    Operation(
        "daemon/nudge",
        (),
        control.EmptyParams,
        control.UnitResult,
        Place.DAEMON,
        "daemon:nudge",
        "Ask the daemon to look at the queue now.",
    ),
    Operation(
        "daemon/events",
        ("daemon", "events"),
        control.DaemonEventsParams,
        control.DaemonEvent,
        Place.LOCAL,
        "daemon:events",
        "Print the recorded events.",
        stream="daemon/event",
    ),
    Operation(
        "subject/create",
        ("subject", "create"),
        control.SubjectCreateParams,
        subject.Subject,
        Place.PROJECT,
        "subjects:create",
        "Make a subject.",
        flags=(("labels", "--label"),),
    ),
    Operation(
        "subject/list",
        ("subject", "list"),
        control.SubjectListParams,
        control.SubjectListResult,
        Place.PROJECT,
        "subjects:list_subjects",
        "List subjects.",
    ),
    Operation(
        "subject/get",
        ("subject", "get"),
        control.SubjectGetParams,
        subject.Subject,
        Place.PROJECT,
        "subjects:get",
        "Show one subject.",
        arguments=("id",),
    ),
    Operation(
        "subject/update",
        (),
        control.SubjectUpdateParams,
        subject.Subject,
        Place.PROJECT,
        "subjects:update",
        "Change a subject.",
    ),
    Operation(
        "subject/status",
        ("subject", "status"),
        control.SubjectStatusParams,
        subject.Subject,
        Place.PROJECT,
        "subjects:set_status",
        "Set a subject's status.",
        arguments=("id", "status"),
    ),
    Operation(
        "subject/next",
        ("subject", "next"),
        control.SubjectNextParams,
        control.SubjectNextResult,
        Place.PROJECT,
        "subjects:next_subject",
        "Show the most urgent ready subject.",
    ),
    Operation(
        "queue/enqueue",
        ("queue", "enqueue"),
        control.QueueEnqueueParams,
        control.QueueEnqueueResult,
        Place.PROJECT,
        "queue:enqueue",
        "Ask for work on a subject.",
        flags=_SUBJECT_FLAG,
    ),
    Operation(
        "queue/list",
        ("queue", "list"),
        control.QueueListParams,
        control.QueueListResult,
        Place.PROJECT,
        "queue:list_entries",
        "List the entries of the queue.",
    ),
    Operation(
        "queue/stats",
        ("queue", "stats"),
        control.EmptyParams,
        control.QueueStats,
        Place.PROJECT,
        "queue:stats",
        "Count the entries of the queue.",
    ),
    Operation(
        "queue/hold",
        ("queue", "hold"),
        control.QueueHoldParams,
        control.QueueMutationResult,
        Place.PROJECT,
        "queue:hold",
        "Keep an entry from being started.",
        arguments=("id",),
    ),
    Operation(
        "queue/release",
        ("queue", "release"),
        control.QueueEntryIdParams,
        control.QueueMutationResult,
        Place.PROJECT,
        "queue:release",
        "Free a held entry.",
        arguments=("id",),
    ),
    Operation(
        "queue/drop",
        ("queue", "drop"),
        control.QueueEntryIdParams,
        control.QueueMutationResult,
        Place.PROJECT,
        "queue:drop",
        "Take an entry off the queue.",
        arguments=("id",),
    ),
    Operation(
        "workflow/run",
        ("workflow", "run"),
        control.WorkflowRunParams,
        control.WorkflowRunResult,
        Place.PROJECT,
        "workflows:run",
        "Start a workflow.",
        arguments=("definition",),
        flags=(("vars", "--var"), ("input", "--input-json")),
    ),
    Operation(
        "workflow/list",
        ("workflow", "list"),
        control.WorkflowListParams,
        control.WorkflowListResult,
        Place.PROJECT,
        "workflows:list_runs",
        "List runs, newest first.",
    ),
    Operation(
        "workflow/get",
        ("workflow", "get"),
        control.WorkflowGetParams,
        control.WorkflowGetResult,
        Place.PROJECT,
        "workflows:get",
        "Show one run with its phases and attempts.",
        arguments=("id",),
    ),
    Operation(
        "workflow/resume",
        ("workflow", "resume"),
        control.WorkflowSteerParams,
        control.WorkflowSignalResult,
        Place.PROJECT,
        "workflows:resume",
        "Let a paused run go on.",
        arguments=("id",),
    ),
    Operation(
        "workflow/pause",
        ("workflow", "pause"),
        control.WorkflowSteerParams,
        control.WorkflowSignalResult,
        Place.PROJECT,
        "workflows:pause",
        "Stop a run after its current phase.",
        arguments=("id",),
    ),
    Operation(
        "workflow/cancel",
        ("workflow", "cancel"),
        control.WorkflowSteerParams,
        control.WorkflowSignalResult,
        Place.PROJECT,
        "workflows:cancel",
        "End a run and everything it started.",
        arguments=("id",),
    ),
    Operation(
        "workflow/phase/approve",
        ("workflow", "phase", "approve"),
        control.PhaseGateParams,
        control.WorkflowSignalResult,
        Place.PROJECT,
        "workflows:approve",
        "Let a run pass its gate.",
        arguments=("id",),
    ),
    Operation(
        "workflow/phase/reject",
        ("workflow", "phase", "reject"),
        control.PhaseGateParams,
        control.WorkflowSignalResult,
        Place.PROJECT,
        "workflows:reject",
        "Refuse a run at its gate.",
        arguments=("id",),
    ),
    Operation(
        "workflow/events",
        (),
        control.WorkflowEventsParams,
        control.WorkflowEvent,
        Place.DAEMON,
        "workflows:events",
        "Follow runs.",
        stream="workflow/event",
    ),
    Operation(
        "workflow/config/validate",
        ("workflow", "config", "validate"),
        control.EmptyParams,
        control.ConfigValidateResult,
        Place.PROJECT,
        "workflows:validate_config",
        "Check the workflow files; findings carry file, line and column.",
    ),
    Operation(
        "plugin/list",
        ("plugin", "list"),
        control.PluginListParams,
        control.PluginListResult,
        Place.LOCAL,
        "plugins:list_plugins",
        "List the plugins that were found, and where was looked.",
    ),
    Operation(
        "plugin/trust",
        ("plugin", "trust"),
        control.PluginTrustParams,
        control.PluginTrustResult,
        Place.LOCAL,
        "plugins:trust",
        "Trust a plugin shipped in this repository, as it is now.",
        arguments=("path",),
    ),
    Operation(
        "flavor/list",
        ("flavor", "list"),
        control.EmptyParams,
        control.FlavorListResult,
        Place.LOCAL,
        "flavors:list_flavors",
        "List the installed flavors.",
    ),
    Operation(
        "flavor/use",
        ("flavor", "use"),
        control.FlavorUseParams,
        control.FlavorUseResult,
        Place.LOCAL,
        "flavors:use",
        "Make a flavor this project's.",
        arguments=("id",),
    ),
)

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _TABLE}


def operation_named(name: str) -> Operation | None:
    """The operation called `name` on the socket, or None."""
    return OPERATIONS.get(name)
