"""The method table: every method name, its kind, shape, direction and types, in one place (protocol section 3).

The loop, the host, the conformance suite and the documentation read this table; a method name stands nowhere
else. Types are named as ``module:Struct`` below ``animus_plugin_protocol.wire`` and imported when first asked
for, so that a plugin pays only for the kinds it serves.
"""

import importlib
from typing import Any, NamedTuple

__all__ = [
    "AGENT_CANCEL",
    "AGENT_ERROR",
    "AGENT_INTERACTION_REQUESTED",
    "AGENT_OUTPUT",
    "AGENT_RESPOND",
    "AGENT_RESUME",
    "AGENT_RUN",
    "AGENT_THINKING",
    "AGENT_TOOL_CALL",
    "AGENT_TOOL_RESULT",
    "CANCEL_REQUEST",
    "CONFIG_CHANGED",
    "CONFIG_LOAD",
    "CONFIG_VALIDATE",
    "CONFIG_WRITE",
    "CRATE_VERSIONS",
    "EXIT",
    "HEALTH_CHECK",
    "HOST_CALL",
    "HOST_NOTE",
    "INITIALIZE",
    "INITIALIZED",
    "JOURNAL_CHECKPOINT_LIST",
    "JOURNAL_CHECKPOINT_LOAD",
    "JOURNAL_CHECKPOINT_PRUNE",
    "JOURNAL_CHECKPOINT_SAVE",
    "JOURNAL_DELETE",
    "JOURNAL_EVENTS",
    "JOURNAL_LIST",
    "JOURNAL_LOAD",
    "JOURNAL_QUERY_IDS",
    "JOURNAL_RECORD",
    "JOURNAL_SAVE",
    "JOURNAL_SCHEMA",
    "LOG_ENTRY",
    "METHODS",
    "PING",
    "PROGRESS",
    "QUEUE_COMPLETION",
    "QUEUE_DROP",
    "QUEUE_ENQUEUE",
    "QUEUE_HOLD",
    "QUEUE_LEASE",
    "QUEUE_LIST",
    "QUEUE_MARK_ASSIGNED",
    "QUEUE_NEXT_DEADLINE",
    "QUEUE_RELEASE",
    "QUEUE_RELEASE_PENDING",
    "QUEUE_REORDER",
    "QUEUE_STATS",
    "QUEUE_V2_COMPLETION",
    "QUEUE_V2_ENQUEUE",
    "QUEUE_V2_LEASE",
    "QUEUE_V2_LEASE_RECOVER",
    "QUEUE_V2_LEASE_RENEW",
    "QUEUE_V2_RECOVER",
    "QUEUE_V2_RELEASE_PENDING",
    "QUEUE_V2_RENEW",
    "SHUTDOWN",
    "SUBJECT_CHANGED",
    "SUBJECT_CREATE",
    "SUBJECT_DELETE",
    "SUBJECT_GET",
    "SUBJECT_LIST",
    "SUBJECT_NEXT",
    "SUBJECT_SCHEMA",
    "SUBJECT_STATUS",
    "SUBJECT_UNWATCH",
    "SUBJECT_UPDATE",
    "SUBJECT_WATCH",
    "WORKFLOW_EXECUTE",
    "WORKFLOW_INSPECT",
    "WORKFLOW_RUN_PHASE",
    "WORKFLOW_SIGNAL",
    "Method",
    "method_named",
    "subject_verb",
]

EVERY_KIND = "*"
REQUEST = "request"
NOTIFICATION = "notification"
TO_PLUGIN = "to_plugin"
TO_HOST = "to_host"
BOTH_WAYS = "both_ways"
ANY = "any"

# shared
INITIALIZE = "initialize"
INITIALIZED = "initialized"
PING = "$/ping"
HEALTH_CHECK = "health/check"
CANCEL_REQUEST = "$/cancelRequest"
PROGRESS = "$/progress"
LOG_ENTRY = "log/entry"
SHUTDOWN = "shutdown"
EXIT = "exit"
HOST_CALL = "host/call"
HOST_NOTE = "host/note"

# queue
QUEUE_ENQUEUE = "queue/enqueue"
QUEUE_LIST = "queue/list"
QUEUE_LEASE = "queue/lease"
QUEUE_STATS = "queue/stats"
QUEUE_HOLD = "queue/hold"
QUEUE_RELEASE = "queue/release"
QUEUE_DROP = "queue/drop"
QUEUE_REORDER = "queue/reorder"
QUEUE_MARK_ASSIGNED = "queue/mark_assigned"
QUEUE_COMPLETION = "queue/completion"
QUEUE_RELEASE_PENDING = "queue/release_pending"
QUEUE_NEXT_DEADLINE = "queue/next_deadline"
QUEUE_V2_ENQUEUE = "queue/v2/enqueue"
QUEUE_V2_LEASE = "queue/v2/lease"
QUEUE_V2_LEASE_RENEW = "queue/v2/lease/renew"
QUEUE_V2_LEASE_RECOVER = "queue/v2/lease/recover"
QUEUE_V2_RENEW = "queue/v2/renew"
QUEUE_V2_RECOVER = "queue/v2/recover"
QUEUE_V2_COMPLETION = "queue/v2/completion"
QUEUE_V2_RELEASE_PENDING = "queue/v2/release_pending"

# workflow_runner
WORKFLOW_EXECUTE = "workflow/execute"
WORKFLOW_RUN_PHASE = "workflow/run_phase"
WORKFLOW_SIGNAL = "workflow/signal"
WORKFLOW_INSPECT = "workflow/inspect"

# config_source
CONFIG_LOAD = "config/load"
CONFIG_VALIDATE = "config/validate"
CONFIG_WRITE = "config/write"
CONFIG_CHANGED = "config/changed"

# workflow_journal
JOURNAL_SAVE = "journal/save"
JOURNAL_LOAD = "journal/load"
JOURNAL_LIST = "journal/list"
JOURNAL_QUERY_IDS = "journal/query_ids"
JOURNAL_DELETE = "journal/delete"
JOURNAL_CHECKPOINT_SAVE = "journal/checkpoint_save"
JOURNAL_CHECKPOINT_LOAD = "journal/checkpoint_load"
JOURNAL_CHECKPOINT_LIST = "journal/checkpoint_list"
JOURNAL_CHECKPOINT_PRUNE = "journal/checkpoint_prune"
JOURNAL_RECORD = "journal/record"
JOURNAL_EVENTS = "journal/events"
JOURNAL_SCHEMA = "journal/schema"

# subject_backend
SUBJECT_LIST = "subject/list"
SUBJECT_GET = "subject/get"
SUBJECT_CREATE = "subject/create"
SUBJECT_UPDATE = "subject/update"
SUBJECT_DELETE = "subject/delete"
SUBJECT_STATUS = "subject/status"
SUBJECT_NEXT = "subject/next"
SUBJECT_WATCH = "subject/watch"
SUBJECT_UNWATCH = "subject/unwatch"
SUBJECT_SCHEMA = "subject/schema"
SUBJECT_CHANGED = "subject/changed"

# provider
AGENT_RUN = "agent/run"
AGENT_RESUME = "agent/resume"
AGENT_CANCEL = "agent/cancel"
AGENT_RESPOND = "agent/respond"
AGENT_OUTPUT = "agent/output"
AGENT_THINKING = "agent/thinking"
AGENT_TOOL_CALL = "agent/toolCall"
AGENT_TOOL_RESULT = "agent/toolResult"
AGENT_ERROR = "agent/error"
AGENT_INTERACTION_REQUESTED = "agent/interactionRequested"


class Method(NamedTuple):
    """One row of the table. A params or result of None means nothing is carried, ``any`` that any JSON is."""

    name: str
    kind: str
    shape: str
    direction: str
    params: str | None
    result: str | None
    since: str

    @property
    def is_request(self) -> bool:
        """Whether an answer is expected."""
        return self.shape == REQUEST

    def params_type(self) -> Any:
        """The type of the params: a struct, ``Any``, or None where nothing is carried."""
        return _resolve(self.params)

    def result_type(self) -> Any:
        """The type of the result, likewise."""
        return _resolve(self.result)


def _resolve(reference: str | None) -> Any:
    if reference is None:
        return None
    if reference == ANY:
        return Any
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(f"animus_plugin_protocol.wire.{module}"), name)


_TABLE = (
    # shared
    Method(
        INITIALIZE, EVERY_KIND, REQUEST, TO_PLUGIN, "lifecycle:InitializeParams", "lifecycle:InitializeResult", "1.0.0"
    ),
    Method(INITIALIZED, EVERY_KIND, NOTIFICATION, TO_PLUGIN, None, None, "1.0.0"),
    Method(PING, EVERY_KIND, REQUEST, TO_PLUGIN, None, None, "1.0.0"),
    Method(HEALTH_CHECK, EVERY_KIND, REQUEST, TO_PLUGIN, None, "lifecycle:HealthCheckResult", "1.0.0"),
    Method(CANCEL_REQUEST, EVERY_KIND, NOTIFICATION, BOTH_WAYS, "lifecycle:CancelParams", None, "1.0.0"),
    Method(PROGRESS, EVERY_KIND, NOTIFICATION, TO_HOST, "lifecycle:ProgressNote", None, "1.0.0"),
    Method(LOG_ENTRY, EVERY_KIND, NOTIFICATION, TO_HOST, "lifecycle:LogEntryNote", None, "1.0.0"),
    Method(SHUTDOWN, EVERY_KIND, REQUEST, TO_PLUGIN, None, None, "1.0.0"),
    Method(EXIT, EVERY_KIND, NOTIFICATION, TO_PLUGIN, None, None, "1.0.0"),
    Method(HOST_CALL, EVERY_KIND, REQUEST, TO_HOST, "host:HostCallParams", ANY, "1.1.0"),
    Method(HOST_NOTE, EVERY_KIND, NOTIFICATION, TO_PLUGIN, "host:HostNote", None, "1.1.0"),
    # queue
    Method(QUEUE_ENQUEUE, "queue", REQUEST, TO_PLUGIN, "queue:QueueEnqueueParams", "queue:QueueEnqueueResult", "1.0.0"),
    Method(QUEUE_LIST, "queue", REQUEST, TO_PLUGIN, "queue:QueueListParams", "queue:QueueListResult", "1.0.0"),
    Method(QUEUE_LEASE, "queue", REQUEST, TO_PLUGIN, "queue:QueueLeaseParams", "queue:QueueLeaseResult", "1.0.0"),
    Method(QUEUE_STATS, "queue", REQUEST, TO_PLUGIN, None, "queue:QueueStats", "1.0.0"),
    Method(QUEUE_HOLD, "queue", REQUEST, TO_PLUGIN, "queue:QueueHoldParams", "queue:QueueMutationResult", "1.0.0"),
    Method(QUEUE_RELEASE, "queue", REQUEST, TO_PLUGIN, "queue:QueueEntryParams", "queue:QueueMutationResult", "1.0.0"),
    Method(QUEUE_DROP, "queue", REQUEST, TO_PLUGIN, "queue:QueueEntryParams", "queue:QueueMutationResult", "1.0.0"),
    Method(QUEUE_REORDER, "queue", REQUEST, TO_PLUGIN, "queue:QueueReorderParams", "queue:QueueReorderResult", "1.0.0"),
    Method(
        QUEUE_MARK_ASSIGNED,
        "queue",
        REQUEST,
        TO_PLUGIN,
        "queue:QueueMarkAssignedParams",
        "queue:QueueMutationResult",
        "1.0.0",
    ),
    Method(
        QUEUE_COMPLETION,
        "queue",
        REQUEST,
        TO_PLUGIN,
        "queue:QueueCompletionParams",
        "queue:QueueMutationResult",
        "1.0.0",
    ),
    Method(
        QUEUE_RELEASE_PENDING,
        "queue",
        REQUEST,
        TO_PLUGIN,
        "queue:QueueReleasePendingParams",
        "queue:QueueReleasePendingResult",
        "1.0.0",
    ),
    Method(QUEUE_NEXT_DEADLINE, "queue", REQUEST, TO_PLUGIN, None, "queue:QueueNextDeadlineResult", "1.0.0"),
    Method(
        QUEUE_V2_ENQUEUE,
        "queue",
        REQUEST,
        TO_PLUGIN,
        "queue_v2:FencedEnqueueParams",
        "queue_v2:FencedEnqueueResult",
        "1.1.0",
    ),
    Method(
        QUEUE_V2_LEASE, "queue", REQUEST, TO_PLUGIN, "queue_v2:FencedLeaseParams", "queue_v2:FencedLeaseResult", "1.1.0"
    ),
    Method(
        QUEUE_V2_LEASE_RENEW,
        "queue",
        REQUEST,
        TO_PLUGIN,
        "queue_v2:FencedRenewParams",
        "queue_v2:FencedMutationResult",
        "1.1.0",
    ),
    Method(
        QUEUE_V2_LEASE_RECOVER,
        "queue",
        REQUEST,
        TO_PLUGIN,
        "queue_v2:FencedRecoverParams",
        "queue_v2:FencedMutationResult",
        "1.1.0",
    ),
    Method(
        QUEUE_V2_RENEW,
        "queue",
        REQUEST,
        TO_PLUGIN,
        "queue_v2:FencedRenewParams",
        "queue_v2:FencedMutationResult",
        "1.1.0",
    ),
    Method(
        QUEUE_V2_RECOVER,
        "queue",
        REQUEST,
        TO_PLUGIN,
        "queue_v2:FencedRecoverParams",
        "queue_v2:FencedMutationResult",
        "1.1.0",
    ),
    Method(
        QUEUE_V2_COMPLETION,
        "queue",
        REQUEST,
        TO_PLUGIN,
        "queue_v2:FencedCompletionParams",
        "queue_v2:FencedMutationResult",
        "1.1.0",
    ),
    Method(
        QUEUE_V2_RELEASE_PENDING,
        "queue",
        REQUEST,
        TO_PLUGIN,
        "queue_v2:FencedReleasePendingParams",
        "queue_v2:FencedMutationResult",
        "1.1.0",
    ),
    # workflow_runner
    Method(
        WORKFLOW_EXECUTE,
        "workflow_runner",
        REQUEST,
        TO_PLUGIN,
        "workflow_runner:WorkflowExecuteParams",
        "workflow_runner:WorkflowExecuteResult",
        "1.0.0",
    ),
    Method(
        WORKFLOW_RUN_PHASE,
        "workflow_runner",
        REQUEST,
        TO_PLUGIN,
        "workflow_runner:WorkflowRunPhaseParams",
        "workflow_runner:WorkflowRunPhaseResult",
        "1.0.0",
    ),
    Method(
        WORKFLOW_SIGNAL,
        "workflow_runner",
        REQUEST,
        TO_PLUGIN,
        "workflow_runner:WorkflowSignalParams",
        "workflow_runner:WorkflowSignalResult",
        "1.1.0",
    ),
    Method(
        WORKFLOW_INSPECT,
        "workflow_runner",
        REQUEST,
        TO_PLUGIN,
        "workflow_runner:WorkflowInspectParams",
        "workflow_runner:WorkflowInspectResult",
        "1.1.0",
    ),
    # config_source
    Method(
        CONFIG_LOAD,
        "config_source",
        REQUEST,
        TO_PLUGIN,
        "config_source:ConfigLoadParams",
        "config_source:ConfigLoadResult",
        "1.1.0",
    ),
    Method(
        CONFIG_VALIDATE,
        "config_source",
        REQUEST,
        TO_PLUGIN,
        "config_source:ConfigLoadParams",
        "config_source:ConfigValidateResult",
        "1.1.0",
    ),
    Method(
        CONFIG_WRITE,
        "config_source",
        REQUEST,
        TO_PLUGIN,
        "config_source:ConfigWriteParams",
        "config_source:ConfigWriteResult",
        "1.1.0",
    ),
    Method(CONFIG_CHANGED, "config_source", NOTIFICATION, TO_HOST, "config_source:ConfigChangedNote", None, "1.1.0"),
    # workflow_journal
    Method(JOURNAL_SAVE, "workflow_journal", REQUEST, TO_PLUGIN, "workflow_journal:JournalSaveParams", ANY, "1.1.0"),
    Method(
        JOURNAL_LOAD,
        "workflow_journal",
        REQUEST,
        TO_PLUGIN,
        "workflow_journal:JournalRunParams",
        "workflow_journal:JournalLoadResult",
        "1.1.0",
    ),
    Method(
        JOURNAL_LIST,
        "workflow_journal",
        REQUEST,
        TO_PLUGIN,
        "workflow_journal:JournalListParams",
        "workflow_journal:JournalListResult",
        "1.1.0",
    ),
    Method(
        JOURNAL_QUERY_IDS,
        "workflow_journal",
        REQUEST,
        TO_PLUGIN,
        "workflow_journal:JournalListParams",
        "workflow_journal:JournalIdsResult",
        "1.1.0",
    ),
    Method(JOURNAL_DELETE, "workflow_journal", REQUEST, TO_PLUGIN, "workflow_journal:JournalRunParams", ANY, "1.1.0"),
    Method(
        JOURNAL_CHECKPOINT_SAVE,
        "workflow_journal",
        REQUEST,
        TO_PLUGIN,
        "workflow_journal:JournalCheckpointSaveParams",
        ANY,
        "1.1.0",
    ),
    Method(
        JOURNAL_CHECKPOINT_LOAD,
        "workflow_journal",
        REQUEST,
        TO_PLUGIN,
        "workflow_journal:JournalCheckpointParams",
        "workflow_journal:JournalCheckpointLoadResult",
        "1.1.0",
    ),
    Method(
        JOURNAL_CHECKPOINT_LIST,
        "workflow_journal",
        REQUEST,
        TO_PLUGIN,
        "workflow_journal:JournalRunParams",
        "workflow_journal:JournalCheckpointListResult",
        "1.1.0",
    ),
    Method(
        JOURNAL_CHECKPOINT_PRUNE,
        "workflow_journal",
        REQUEST,
        TO_PLUGIN,
        "workflow_journal:JournalCheckpointPruneParams",
        ANY,
        "1.1.0",
    ),
    Method(
        JOURNAL_RECORD, "workflow_journal", REQUEST, TO_PLUGIN, "workflow_journal:JournalRecordParams", ANY, "1.1.0"
    ),
    Method(
        JOURNAL_EVENTS,
        "workflow_journal",
        REQUEST,
        TO_PLUGIN,
        "workflow_journal:JournalEventsParams",
        "workflow_journal:JournalEventsResult",
        "1.1.0",
    ),
    Method(JOURNAL_SCHEMA, "workflow_journal", REQUEST, TO_PLUGIN, None, "workflow_journal:JournalSchema", "1.1.0"),
    # subject_backend
    Method(
        SUBJECT_LIST, "subject_backend", REQUEST, TO_PLUGIN, "subject:SubjectListParams", "subject:SubjectList", "1.0.0"
    ),
    Method(SUBJECT_GET, "subject_backend", REQUEST, TO_PLUGIN, "subject:SubjectIdParams", "subject:Subject", "1.0.0"),
    Method(
        SUBJECT_CREATE, "subject_backend", REQUEST, TO_PLUGIN, "subject:SubjectCreateParams", "subject:Subject", "1.0.0"
    ),
    Method(
        SUBJECT_UPDATE, "subject_backend", REQUEST, TO_PLUGIN, "subject:SubjectUpdateParams", "subject:Subject", "1.0.0"
    ),
    Method(
        SUBJECT_DELETE,
        "subject_backend",
        REQUEST,
        TO_PLUGIN,
        "subject:SubjectIdParams",
        "subject:SubjectDeleteResult",
        "1.0.0",
    ),
    Method(
        SUBJECT_STATUS, "subject_backend", REQUEST, TO_PLUGIN, "subject:SubjectStatusParams", "subject:Subject", "1.0.0"
    ),
    Method(SUBJECT_NEXT, "subject_backend", REQUEST, TO_PLUGIN, "subject:SubjectNextParams", ANY, "1.0.0"),
    Method(SUBJECT_WATCH, "subject_backend", REQUEST, TO_PLUGIN, "subject:SubjectListParams", ANY, "1.0.0"),
    Method(SUBJECT_UNWATCH, "subject_backend", REQUEST, TO_PLUGIN, "subject:SubjectUnwatchParams", ANY, "1.0.0"),
    Method(SUBJECT_SCHEMA, "subject_backend", REQUEST, TO_PLUGIN, None, "subject:SubjectSchema", "1.0.0"),
    Method(SUBJECT_CHANGED, "subject_backend", NOTIFICATION, TO_HOST, "subject:SubjectChangedNote", None, "1.0.0"),
    # provider
    Method(AGENT_RUN, "provider", REQUEST, TO_PLUGIN, "provider:AgentRunParams", "provider:AgentRunResult", "1.0.0"),
    Method(AGENT_RESUME, "provider", REQUEST, TO_PLUGIN, "provider:AgentRunParams", "provider:AgentRunResult", "1.0.0"),
    Method(
        AGENT_CANCEL,
        "provider",
        REQUEST,
        TO_PLUGIN,
        "provider:AgentCancelParams",
        "provider:AgentCancelResult",
        "1.0.0",
    ),
    Method(
        AGENT_RESPOND,
        "provider",
        REQUEST,
        TO_PLUGIN,
        "provider:AgentRespondParams",
        "provider:AgentRespondResult",
        "1.0.0",
    ),
    Method(AGENT_OUTPUT, "provider", NOTIFICATION, TO_HOST, "provider:AgentOutputNote", None, "1.0.0"),
    Method(AGENT_THINKING, "provider", NOTIFICATION, TO_HOST, "provider:AgentThinkingNote", None, "1.0.0"),
    Method(AGENT_TOOL_CALL, "provider", NOTIFICATION, TO_HOST, "provider:AgentToolCallNote", None, "1.0.0"),
    Method(AGENT_TOOL_RESULT, "provider", NOTIFICATION, TO_HOST, "provider:AgentToolResultNote", None, "1.0.0"),
    Method(AGENT_ERROR, "provider", NOTIFICATION, TO_HOST, "provider:AgentErrorNote", None, "1.0.0"),
    Method(
        AGENT_INTERACTION_REQUESTED,
        "provider",
        NOTIFICATION,
        TO_HOST,
        "provider:AgentInteractionRequestedNote",
        None,
        "1.0.0",
    ),
)

METHODS: dict[str, Method] = {row.name: row for row in _TABLE}

CRATE_VERSIONS: dict[str, str] = {
    "provider": "0.1.16",
    "subject_backend": "0.1.16",
    "queue": "0.4.0",
    "workflow_runner": "0.4.0",
    "config_source": "0.1.0",
    "workflow_journal": "0.1.0",
}
"""The version of each kind's contract that these types follow; a host compares the major only."""

_SUBJECT_PREFIX = "subject/"


def method_named(name: str, *, subject_kinds: tuple[str, ...] | frozenset[str] = ()) -> Method | None:
    """The row for `name`; ``<kind>/<verb>`` of a declared subject kind is the row of ``subject/<verb>``."""
    row = METHODS.get(name)
    if row is None:
        kind, _, verb = name.partition("/")
        if verb and kind in subject_kinds:
            row = METHODS.get(_SUBJECT_PREFIX + verb)
    return row


def subject_verb(kind: str, method: str) -> str:
    """The spelling a host uses for a subject method of one kind: ``task`` and ``subject/get`` give ``task/get``."""
    return f"{kind}/{method.removeprefix(_SUBJECT_PREFIX)}"
