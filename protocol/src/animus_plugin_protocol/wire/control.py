"""The control protocol: what clients of a daemon's socket send and get (protocol section 4, and our additions).

Type names repeat those of the plugin kinds with other fields; never share a table between the two. The
description of a field is its help on the command line.
"""

import datetime
from typing import Annotated, Any

from msgspec import Meta

from animus_plugin_protocol.wire.config_source import ConfigDiagnostic
from animus_plugin_protocol.wire.dispatch import Actor, SubjectDispatch
from animus_plugin_protocol.wire.lifecycle import PluginManifest
from animus_plugin_protocol.wire.presence import Wire, always
from animus_plugin_protocol.wire.queue import QueueStats
from animus_plugin_protocol.wire.subject import Subject, SubjectPatch, SubjectStatus
from animus_plugin_protocol.wire.workflow_runner import WaitingFor

__all__ = [
    "ConfigValidateResult",
    "DaemonEvent",
    "DaemonEventsParams",
    "DaemonHealthResult",
    "DaemonStatusResult",
    "EmptyParams",
    "FlavorListResult",
    "FlavorRow",
    "FlavorUseParams",
    "FlavorUseResult",
    "PhaseGateParams",
    "PluginCallParams",
    "PluginHealth",
    "PluginListParams",
    "PluginListResult",
    "PluginRow",
    "PluginTrustParams",
    "PluginTrustResult",
    "PluginWarning",
    "ProjectStatusResult",
    "QueueEnqueueParams",
    "QueueEnqueueResult",
    "QueueEntryIdParams",
    "QueueEntryRow",
    "QueueHoldParams",
    "QueueListParams",
    "QueueListResult",
    "QueueMutationResult",
    "QueueReorderParams",
    "SubjectBatchParams",
    "SubjectBatchResult",
    "SubjectCreateParams",
    "SubjectFault",
    "SubjectGetParams",
    "SubjectListParams",
    "SubjectListResult",
    "SubjectNextParams",
    "SubjectNextResult",
    "SubjectStatusParams",
    "SubjectUpdateParams",
    "SubscriptionClosedNote",
    "UnitResult",
    "WorkflowConfigResult",
    "WorkflowDeleteParams",
    "WorkflowDeleteResult",
    "WorkflowDeletion",
    "WorkflowEvent",
    "WorkflowEventsParams",
    "WorkflowGetParams",
    "WorkflowGetResult",
    "WorkflowListParams",
    "WorkflowListResult",
    "WorkflowResumeParams",
    "WorkflowRunParams",
    "WorkflowRunResult",
    "WorkflowRunSummary",
    "WorkflowSignalResult",
    "WorkflowSteerParams",
]

SubjectText = Annotated[str, Meta(description="The subject as KIND:ID, for example task:TASK-001.")]
RunText = Annotated[str, Meta(description="The run id (or the queue entry id of the run).")]


class EmptyParams(Wire, frozen=True, kw_only=True):
    """Nothing to say."""


class UnitResult(Wire, frozen=True, kw_only=True):
    """Done."""


# --- project and daemon


class PluginHealth(Wire, frozen=True, kw_only=True):
    """How one plugin process is. Status: ``stopped``, ``starting``, ``ready``, ``backoff`` or ``cooling_down``."""

    name: str
    kinds: list[str]
    status: str
    pid: int | None = None
    restarts: int = always(0)
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


class DaemonEvent(Wire, frozen=True, kw_only=True):
    """One recorded fact (schema ``animus.daemon-event.v1``)."""

    id: str
    seq: int
    occurred_at: datetime.datetime
    kind: str
    payload: Any = None


class SubscriptionClosedNote(Wire, frozen=True, kw_only=True):
    """The stream of request `id` is over."""

    id: Any
    reason: str


# --- subjects


class SubjectCreateParams(Wire, frozen=True, kw_only=True):
    """Make a subject."""

    title: Annotated[str, Meta(description="One line that says what is wanted.")]
    kind: Annotated[str, Meta(description="Which kind of subject.")] = "task"
    body: Annotated[str | None, Meta(description="The whole description.")] = None
    status: Annotated[SubjectStatus | None, Meta(description="Where it is; ready if left out.")] = None
    priority: Annotated[int, Meta(description="0 (most urgent) to 4.", ge=0, le=4)] | None = None
    labels: Annotated[list[str], Meta(description="Labels.")] = []
    assignee: Annotated[str | None, Meta(description="Who is on it.")] = None
    custom: Annotated[dict[str, Any], Meta(description="Further fields, a JSON object.")] = {}


class SubjectListParams(Wire, frozen=True, kw_only=True):
    """Which subjects."""

    kind: Annotated[str, Meta(description="Which kind of subject.")] = "task"
    status: Annotated[list[SubjectStatus], Meta(description="Only these statuses.")] = []
    limit: Annotated[int, Meta(description="Rows a page.", ge=1)] = 50
    cursor: Annotated[str | None, Meta(description="Where the page before ended.")] = None


class SubjectListResult(Wire, frozen=True, kw_only=True):
    """A page of subjects."""

    subjects: list[Subject]
    next_cursor: str | None = None


class SubjectGetParams(Wire, frozen=True, kw_only=True):
    """Which subject."""

    id: SubjectText


class SubjectUpdateParams(Wire, frozen=True, kw_only=True):
    """Change a subject."""

    id: SubjectText
    patch: SubjectPatch


class SubjectStatusParams(Wire, frozen=True, kw_only=True):
    """Set a subject's status."""

    id: SubjectText
    status: Annotated[SubjectStatus, Meta(description="The status it gets.")]


class SubjectBatchParams(Wire, frozen=True, kw_only=True):
    """Make several subjects, in order."""

    items: Annotated[list[SubjectCreateParams], Meta(min_length=1, max_length=100)]
    stop_on_error: bool = always(default=True)


class SubjectFault(Wire, frozen=True, kw_only=True):
    """Why the item with this index (from 0) was not made."""

    index: int
    title: str
    message: str


class SubjectBatchResult(Wire, frozen=True, kw_only=True):
    """What was made and what was not; items after a fault at which it stopped are in neither list."""

    subjects: list[Subject]
    faults: list[SubjectFault] = []


class SubjectNextParams(Wire, frozen=True, kw_only=True):
    """The most urgent ready subject of a kind."""

    kind: Annotated[str, Meta(description="Which kind of subject.")] = "task"


class SubjectNextResult(Wire, frozen=True, kw_only=True):
    """The subject, if there is one."""

    subject: Subject | None = None


# --- queue


class QueueEnqueueParams(Wire, frozen=True, kw_only=True):
    """Ask for work on a subject. A client sends `subject` and friends, a whole `subject_dispatch`, or `task_id`."""

    subject: Annotated[str | None, Meta(description="The subject as KIND:ID, for example task:TASK-001.")] = None
    workflow_ref: Annotated[str | None, Meta(description="The workflow; the project's default one if left out.")] = None
    input: Annotated[Any, Meta(description="JSON handed to the workflow.")] = None
    vars: Annotated[dict[str, str], Meta(description="Workflow variables.")] = {}
    priority: Annotated[str | None, Meta(description="low, medium, high or critical.")] = None
    run_at: Annotated[str | None, Meta(description="Not before this moment (RFC 3339).")] = None
    expire_after_secs: Annotated[int, Meta(description="Give up this many seconds after run_at.", ge=1)] | None = None
    idempotency_key: Annotated[str | None, Meta(description="Asking twice with one key asks once.")] = None
    trigger_source: str = "manual"
    task_id: str | None = None
    subject_dispatch: SubjectDispatch | None = None
    actor: Actor | None = None


class QueueEnqueueResult(Wire, frozen=True, kw_only=True):
    """The entry that stands for the request."""

    enqueued: bool
    entry_id: str
    subject_id: str
    workflow_ref: str
    warning: str | None = None


class QueueListParams(Wire, frozen=True, kw_only=True):
    """Which entries; status words are the queue plugin's: ``pending``, ``assigned``, ``held``."""

    status: Annotated[list[str], Meta(description="Only pending, assigned or held entries.")] = []
    limit: Annotated[int, Meta(description="Rows a page.", ge=1)] = 50
    offset: Annotated[int, Meta(description="Rows to leave out.", ge=0)] = 0


class QueueEntryRow(Wire, frozen=True, kw_only=True):
    """An entry. `status` is the plugin's word; `control_status` is ``ready``, ``held`` or ``in-flight``."""

    id: str
    subject_id: str
    workflow_ref: str
    status: str
    control_status: str
    enqueued_at: str
    priority: str | None = None
    workflow_id: str | None = None
    run_at: str | None = None
    hold_reason: str | None = None
    lease_owner: str | None = None
    lease_expires_at: str | None = None


class QueueListResult(Wire, frozen=True, kw_only=True):
    """A page of entries; `total` counts the matches before paging."""

    entries: list[QueueEntryRow]
    total: int
    stats: QueueStats


class QueueEntryIdParams(Wire, frozen=True, kw_only=True):
    """Which entry: its id, or a subject (all its entries)."""

    id: Annotated[str, Meta(description="The entry id, or a subject as KIND:ID (all its entries).")]


class QueueHoldParams(Wire, frozen=True, kw_only=True):
    """Stop an entry."""

    id: Annotated[str, Meta(description="The entry id, or a subject as KIND:ID (all its entries).")]
    reason: Annotated[str | None, Meta(description="Why; shown in queue list.")] = None


class QueueReorderParams(Wire, frozen=True, kw_only=True):
    """The entries that are to stand first, in this order."""

    ids: Annotated[list[str], Meta(description="Entry ids; they go to the front of the queue, in this order.")]


class QueueMutationResult(Wire, frozen=True, kw_only=True):
    """Which entries changed and which did not need to."""

    changed: list[str]
    unchanged: list[str] = []


# --- workflows


class WorkflowRunSummary(Wire, frozen=True, kw_only=True):
    """One run. Status: pending, running, paused, completed, failed, escalated or cancelled."""

    id: str
    definition: str
    status: str
    started_at: datetime.datetime
    subject_id: str | None = None
    finished_at: datetime.datetime | None = None
    current_phase: str | None = None
    attempt: int | None = None
    reason: str | None = None
    waiting: WaitingFor | None = None
    branch: str | None = None


class WorkflowRunParams(Wire, frozen=True, kw_only=True):
    """Start a workflow. Without a subject the run is about the workflow itself (kind ``custom``)."""

    definition: Annotated[str | None, Meta(description="The workflow; the project's default one if left out.")] = None
    subject: Annotated[str | None, Meta(description="The subject as KIND:ID, for example task:TASK-001.")] = None
    title: Annotated[str | None, Meta(description="Instead of a subject: a title for an ad hoc one.")] = None
    description: Annotated[str | None, Meta(description="The ad hoc subject's description.")] = None
    input: Annotated[Any, Meta(description="JSON handed to the workflow.")] = None
    vars: Annotated[dict[str, str], Meta(description="Workflow variables.")] = {}
    priority: Annotated[str | None, Meta(description="low, medium, high or critical.")] = None
    sync: Annotated[bool, Meta(description="Wait until the run has ended or waits for a person.")] = False
    task_id: str | None = None
    actor: Actor | None = None


class WorkflowRunResult(Wire, frozen=True, kw_only=True):
    """`workflow_id` is absent while the entry waits for a free slot; the entry id works wherever a run id does."""

    entry_id: str
    status: str
    subject_id: str
    definition: str
    started_at: datetime.datetime
    workflow_id: str | None = None
    reason: str | None = None
    waiting: WaitingFor | None = None
    detail: Any = None


class WorkflowListParams(Wire, frozen=True, kw_only=True):
    """Which runs, newest first."""

    status: Annotated[list[str], Meta(description="Only these statuses.")] = []
    subject: Annotated[str | None, Meta(description="Only runs about this subject (KIND:ID).")] = None
    limit: Annotated[int, Meta(description="Rows a page.", ge=1)] = 50
    offset: Annotated[int, Meta(description="Rows to leave out.", ge=0)] = 0


class WorkflowListResult(Wire, frozen=True, kw_only=True):
    """Runs, newest first."""

    runs: list[WorkflowRunSummary]
    truncated: bool = always(default=False)


class WorkflowGetParams(Wire, frozen=True, kw_only=True):
    """Which run."""

    id: RunText


class WorkflowGetResult(WorkflowRunSummary, frozen=True, kw_only=True):
    """The summary with the journal's whole record in `detail`."""

    detail: Any = None


class WorkflowSteerParams(Wire, frozen=True, kw_only=True):
    """Pause or cancel a run."""

    id: RunText
    reason: Annotated[str | None, Meta(description="Why; kept with the run.")] = None
    actor: Actor | None = None


class WorkflowResumeParams(WorkflowSteerParams, frozen=True, kw_only=True):
    """Let a paused run go on."""

    force: Annotated[bool, Meta(description="Run a phase again although its earlier attempt may have had effects.")] = (
        False
    )


class PhaseGateParams(Wire, frozen=True, kw_only=True):
    """Decide a gate."""

    id: RunText
    note: Annotated[str | None, Meta(description="What to put on record with the decision.")] = None
    phase_id: Annotated[str | None, Meta(description="The phase; the one that waits if left out.")] = None
    actor: Actor | None = None


class WorkflowSignalResult(Wire, frozen=True, kw_only=True):
    """Where the run is after the signal."""

    id: str
    status: str
    message: str | None = None


class WorkflowConfigResult(Wire, frozen=True, kw_only=True):
    """The compiled definitions of the project."""

    config: Any


class WorkflowDeleteParams(Wire, frozen=True, kw_only=True):
    """Forget runs that have ended."""

    ids: Annotated[list[str], Meta(min_length=1)]


class WorkflowDeletion(Wire, frozen=True, kw_only=True):
    """A run that is forgotten; its worktree, if it had one, is left."""

    id: str
    bytes_freed: int
    worktree: str | None = None


class WorkflowDeleteResult(Wire, frozen=True, kw_only=True):
    """What was forgotten."""

    deleted: list[WorkflowDeletion]


class WorkflowEventsParams(Wire, frozen=True, kw_only=True):
    """Follow runs; `workflow_id` may be an entry id whose run has not begun."""

    workflow_id: str | None = None
    kinds: list[str] = []


class WorkflowEvent(Wire, frozen=True, kw_only=True):
    """Something that happened to a run.

    Kinds: ``run_started``, ``phase_started``, ``phase_decision``, ``phase_completed``, ``run_paused``,
    ``run_completed``, ``run_failed`` and so on; open.
    """

    workflow_id: str
    kind: str
    occurred_at: datetime.datetime
    payload: Any = None


class ConfigValidateResult(Wire, frozen=True, kw_only=True):
    """All findings about the workflow files and how many workflows can be run."""

    diagnostics: list[ConfigDiagnostic] = []
    workflows: list[str] = []


# --- plugins and flavors


class PluginListParams(Wire, frozen=True, kw_only=True):
    """Which plugins."""

    kind: Annotated[str | None, Meta(description="Only plugins of this kind.")] = None


class PluginRow(Wire, frozen=True, kw_only=True):
    """A plugin that was found. Source: ``project``, ``user``, ``installed`` or ``path``."""

    name: str
    source: str
    location: str
    trusted: bool
    kinds: list[str] = []
    version: str | None = None
    roles: list[str] = []
    in_flavor: bool = always(default=False)
    problem: str | None = None
    manifest: PluginManifest | None = None


class PluginWarning(Wire, frozen=True, kw_only=True):
    """Something about a plugin that was found and not used."""

    plugin: str
    message: str


class PluginListResult(Wire, frozen=True, kw_only=True):
    """What was found, in the environments searched."""

    plugins: list[PluginRow]
    warnings: list[PluginWarning] = []
    searched: list[str] = []


class PluginCallParams(Wire, frozen=True, kw_only=True):
    """Call a method of one plugin, named as `plugin list` names it."""

    name: Annotated[str, Meta(description="The plugin.")]
    method: Annotated[str, Meta(description="The method, for example queue/stats.")]
    params: Annotated[Any, Meta(description="The method's params, JSON.")] = None


class PluginTrustParams(Wire, frozen=True, kw_only=True):
    """Trust a plugin shipped in a repository, as it is now."""

    path: Annotated[str, Meta(description="The plugin's file.")]


class PluginTrustResult(Wire, frozen=True, kw_only=True):
    """What was trusted."""

    path: str
    sha256: str


class FlavorRow(Wire, frozen=True, kw_only=True):
    """A flavor that is installed."""

    id: str
    version: str
    title: str
    active: bool
    missing: list[str] = []


class FlavorListResult(Wire, frozen=True, kw_only=True):
    """The flavors found."""

    flavors: list[FlavorRow]


class FlavorUseParams(Wire, frozen=True, kw_only=True):
    """Make a flavor this project's."""

    id: Annotated[str, Meta(description="The flavor.")]


class FlavorUseResult(Wire, frozen=True, kw_only=True):
    """What was recorded, and what is still missing with the command that installs it."""

    id: str
    manifest: str
    missing: list[str] = []
    install_command: str | None = None
