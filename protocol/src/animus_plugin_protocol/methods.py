"""The method table: every method name, its kind, shape, direction and types, in one place (docs/protocol.md).

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
    "AGENT_SESSION_STARTED",
    "AGENT_THINKING",
    "AGENT_TOOL_CALL",
    "AGENT_TOOL_RESULT",
    "CANCEL_REQUEST",
    "CHANNEL_RECEIVE",
    "CHANNEL_SCHEMA",
    "CHANNEL_SEND",
    "CHANNEL_STATUS",
    "CONFIG_CHANGED",
    "CONFIG_LOAD",
    "CONFIG_VALIDATE",
    "CONFIG_WRITE",
    "CONVERSATION_APPEND_MESSAGE",
    "CONVERSATION_CREATE",
    "CONVERSATION_DELETE",
    "CONVERSATION_LIST",
    "CONVERSATION_LOAD_MESSAGES",
    "CONVERSATION_LOAD_META",
    "CONVERSATION_SAVE_META",
    "CRATE_VERSIONS",
    "DURABLE_ABANDON_STEP",
    "DURABLE_BEGIN_STEP",
    "DURABLE_BEGIN_WORKFLOW_RUN",
    "DURABLE_COMMIT_STEP",
    "DURABLE_QUERY_RUN",
    "DURABLE_RECOVER_IN_FLIGHT",
    "ENVIRONMENT_EXEC",
    "ENVIRONMENT_EXEC_SESSION",
    "ENVIRONMENT_EXEC_STREAM",
    "ENVIRONMENT_GET",
    "ENVIRONMENT_JOURNAL",
    "ENVIRONMENT_LIST",
    "ENVIRONMENT_OUTPUT",
    "ENVIRONMENT_PREPARE",
    "ENVIRONMENT_REAP",
    "ENVIRONMENT_TEARDOWN",
    "ENVIRONMENT_TEARDOWN_NODE",
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
    "LOG_STORAGE_EVENT",
    "LOG_STORAGE_QUERY",
    "LOG_STORAGE_SCHEMA",
    "LOG_STORAGE_STORE",
    "LOG_STORAGE_TAIL",
    "MEMORY_DELETE_SCOPE",
    "MEMORY_GET",
    "MEMORY_LIST_SCOPES",
    "MEMORY_PUT",
    "MEMORY_QUERY",
    "METHODS",
    "NOTIFIER_FLUSH",
    "NOTIFIER_NOTIFY",
    "NOTIFIER_SCHEMA",
    "PING",
    "PROGRESS",
    "QUEUE_COMPLETION",
    "QUEUE_DROP",
    "QUEUE_ENQUEUE",
    "QUEUE_EXPORT",
    "QUEUE_HISTORY",
    "QUEUE_HOLD",
    "QUEUE_IMPORT",
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
    "QUEUE_WHY",
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
    "TRANSPORT_SCHEMA",
    "TRANSPORT_SHUTDOWN",
    "TRANSPORT_START",
    "TRIGGER_ACK",
    "TRIGGER_EVENT",
    "TRIGGER_SCHEMA",
    "TRIGGER_WATCH",
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
QUEUE_WHY = "queue/why"
QUEUE_HISTORY = "queue/history"
QUEUE_EXPORT = "queue/export"
QUEUE_IMPORT = "queue/import"
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
AGENT_SESSION_STARTED = "agent/sessionStarted"
AGENT_OUTPUT = "agent/output"
AGENT_THINKING = "agent/thinking"
AGENT_TOOL_CALL = "agent/toolCall"
AGENT_TOOL_RESULT = "agent/toolResult"
AGENT_ERROR = "agent/error"
AGENT_INTERACTION_REQUESTED = "agent/interactionRequested"

# trigger_backend
TRIGGER_WATCH = "trigger/watch"
TRIGGER_ACK = "trigger/ack"
TRIGGER_SCHEMA = "trigger/schema"
TRIGGER_EVENT = "trigger/event"

# log_storage_backend
LOG_STORAGE_STORE = "log_storage/store"
LOG_STORAGE_QUERY = "log_storage/query"
LOG_STORAGE_TAIL = "log_storage/tail"
LOG_STORAGE_SCHEMA = "log_storage/schema"
LOG_STORAGE_EVENT = "log_storage/event"

# transport_backend
TRANSPORT_START = "transport/start"
TRANSPORT_SHUTDOWN = "transport/shutdown"
TRANSPORT_SCHEMA = "transport/schema"

# durable_store
DURABLE_BEGIN_WORKFLOW_RUN = "durable/begin_workflow_run"
DURABLE_BEGIN_STEP = "durable/begin_step"
DURABLE_COMMIT_STEP = "durable/commit_step"
DURABLE_ABANDON_STEP = "durable/abandon_step"
DURABLE_RECOVER_IN_FLIGHT = "durable/recover_in_flight"
DURABLE_QUERY_RUN = "durable/query_run"

# memory_store
MEMORY_PUT = "memory/put"
MEMORY_GET = "memory/get"
MEMORY_QUERY = "memory/query"
MEMORY_LIST_SCOPES = "memory/list_scopes"
MEMORY_DELETE_SCOPE = "memory/delete_scope"

# notifier
NOTIFIER_NOTIFY = "notifier/notify"
NOTIFIER_FLUSH = "notifier/flush"
NOTIFIER_SCHEMA = "notifier/schema"

# conversation_store
CONVERSATION_CREATE = "conversation/create"
CONVERSATION_LOAD_META = "conversation/load_meta"
CONVERSATION_SAVE_META = "conversation/save_meta"
CONVERSATION_APPEND_MESSAGE = "conversation/append_message"
CONVERSATION_LOAD_MESSAGES = "conversation/load_messages"
CONVERSATION_LIST = "conversation/list"
CONVERSATION_DELETE = "conversation/delete"

# environment
ENVIRONMENT_PREPARE = "environment/prepare"
ENVIRONMENT_EXEC = "environment/exec"
ENVIRONMENT_EXEC_STREAM = "environment/exec_stream"
ENVIRONMENT_EXEC_SESSION = "environment/exec_session"
ENVIRONMENT_TEARDOWN = "environment/teardown"
ENVIRONMENT_LIST = "environment/list"
ENVIRONMENT_GET = "environment/get"
ENVIRONMENT_TEARDOWN_NODE = "environment/teardown_node"
ENVIRONMENT_REAP = "environment/reap"
ENVIRONMENT_OUTPUT = "environment/output"
ENVIRONMENT_JOURNAL = "environment/journal"

# channel_backend
CHANNEL_RECEIVE = "channel/receive"
CHANNEL_SEND = "channel/send"
CHANNEL_STATUS = "channel/status"
CHANNEL_SCHEMA = "channel/schema"


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


_Row = tuple[str, str | None, str | None]


def _rows(kind: str, shape: str, direction: str, since: str, *rows: _Row) -> tuple[Method, ...]:
    """Rows that differ only in name, params and result."""
    return tuple(Method(name, kind, shape, direction, params, result, since) for name, params, result in rows)


_TABLE = (
    *_rows(
        EVERY_KIND,
        REQUEST,
        TO_PLUGIN,
        "1.0.0",
        (INITIALIZE, "lifecycle:InitializeParams", "lifecycle:InitializeResult"),
        (PING, None, None),
        (HEALTH_CHECK, None, "lifecycle:HealthCheckResult"),
        (SHUTDOWN, None, None),
    ),
    *_rows(
        EVERY_KIND,
        NOTIFICATION,
        TO_PLUGIN,
        "1.0.0",
        (INITIALIZED, None, None),
        (EXIT, None, None),
    ),
    *_rows(
        EVERY_KIND,
        NOTIFICATION,
        BOTH_WAYS,
        "1.0.0",
        (CANCEL_REQUEST, "lifecycle:CancelParams", None),
    ),
    *_rows(
        EVERY_KIND,
        NOTIFICATION,
        TO_HOST,
        "1.0.0",
        (PROGRESS, "lifecycle:ProgressNote", None),
        (LOG_ENTRY, "lifecycle:LogEntryNote", None),
    ),
    *_rows(
        EVERY_KIND,
        REQUEST,
        TO_HOST,
        "1.1.0",
        (HOST_CALL, "host:HostCallParams", ANY),
    ),
    *_rows(
        EVERY_KIND,
        NOTIFICATION,
        TO_PLUGIN,
        "1.1.0",
        (HOST_NOTE, "host:HostNote", None),
    ),
    *_rows(
        "queue",
        REQUEST,
        TO_PLUGIN,
        "1.0.0",
        (QUEUE_ENQUEUE, "queue:QueueEnqueueParams", "queue:QueueEnqueueResult"),
        (QUEUE_LIST, "queue:QueueListParams", "queue:QueueListResult"),
        (QUEUE_LEASE, "queue:QueueLeaseParams", "queue:QueueLeaseResult"),
        (QUEUE_STATS, None, "queue:QueueStats"),
        (QUEUE_HOLD, "queue:QueueHoldParams", "queue:QueueMutationResult"),
        (QUEUE_RELEASE, "queue:QueueEntryParams", "queue:QueueMutationResult"),
        (QUEUE_DROP, "queue:QueueEntryParams", "queue:QueueMutationResult"),
        (QUEUE_REORDER, "queue:QueueReorderParams", "queue:QueueReorderResult"),
        (QUEUE_MARK_ASSIGNED, "queue:QueueMarkAssignedParams", "queue:QueueMutationResult"),
        (QUEUE_COMPLETION, "queue:QueueCompletionParams", "queue:QueueMutationResult"),
        (QUEUE_RELEASE_PENDING, "queue:QueueReleasePendingParams", "queue:QueueReleasePendingResult"),
        (QUEUE_NEXT_DEADLINE, None, "queue:QueueNextDeadlineResult"),
    ),
    # ours: a host asks for them only where the manifest lists them
    *_rows(
        "queue",
        REQUEST,
        TO_PLUGIN,
        "1.1.0",
        (QUEUE_WHY, "queue_care:QueueWhyParams", "queue_care:QueueWhyResult"),
        (QUEUE_HISTORY, "queue_care:QueueHistoryParams", "queue_care:QueueHistoryResult"),
        (QUEUE_EXPORT, "queue_care:QueueExportParams", "queue_care:QueueExportResult"),
        (QUEUE_IMPORT, "queue_care:QueueImportParams", "queue_care:QueueImportResult"),
    ),
    *_rows(
        "queue",
        REQUEST,
        TO_PLUGIN,
        "1.1.0",
        (QUEUE_V2_ENQUEUE, "queue_v2:FencedEnqueueParams", "queue_v2:FencedEnqueueResult"),
        (QUEUE_V2_LEASE, "queue_v2:FencedLeaseParams", "queue_v2:FencedLeaseResult"),
        (QUEUE_V2_LEASE_RENEW, "queue_v2:FencedRenewParams", "queue_v2:FencedMutationResult"),
        (QUEUE_V2_LEASE_RECOVER, "queue_v2:FencedRecoverParams", "queue_v2:FencedMutationResult"),
        (QUEUE_V2_RENEW, "queue_v2:FencedRenewParams", "queue_v2:FencedMutationResult"),
        (QUEUE_V2_RECOVER, "queue_v2:FencedRecoverParams", "queue_v2:FencedMutationResult"),
        (QUEUE_V2_COMPLETION, "queue_v2:FencedCompletionParams", "queue_v2:FencedMutationResult"),
        (QUEUE_V2_RELEASE_PENDING, "queue_v2:FencedReleasePendingParams", "queue_v2:FencedMutationResult"),
    ),
    *_rows(
        "workflow_runner",
        REQUEST,
        TO_PLUGIN,
        "1.0.0",
        (WORKFLOW_EXECUTE, "workflow_runner:WorkflowExecuteParams", "workflow_runner:WorkflowExecuteResult"),
        (WORKFLOW_RUN_PHASE, "workflow_runner:WorkflowRunPhaseParams", "workflow_runner:WorkflowRunPhaseResult"),
    ),
    *_rows(
        "workflow_runner",
        REQUEST,
        TO_PLUGIN,
        "1.1.0",
        (WORKFLOW_SIGNAL, "workflow_runner:WorkflowSignalParams", "workflow_runner:WorkflowSignalResult"),
        (WORKFLOW_INSPECT, "workflow_runner:WorkflowInspectParams", "workflow_runner:WorkflowInspectResult"),
    ),
    *_rows(
        "config_source",
        REQUEST,
        TO_PLUGIN,
        "1.1.0",
        (CONFIG_LOAD, "config_source:ConfigLoadParams", "config_source:ConfigLoadResult"),
        (CONFIG_VALIDATE, "config_source:ConfigLoadParams", "config_source:ConfigValidateResult"),
        (CONFIG_WRITE, "config_source:ConfigWriteParams", "config_source:ConfigWriteResult"),
    ),
    *_rows(
        "config_source",
        NOTIFICATION,
        TO_HOST,
        "1.1.0",
        (CONFIG_CHANGED, "config_source:ConfigChangedNote", None),
    ),
    *_rows(
        "workflow_journal",
        REQUEST,
        TO_PLUGIN,
        "1.1.0",
        (JOURNAL_SAVE, "workflow_journal:JournalSaveParams", ANY),
        (JOURNAL_LOAD, "workflow_journal:JournalRunParams", "workflow_journal:JournalLoadResult"),
        (JOURNAL_LIST, "workflow_journal:JournalListParams", "workflow_journal:JournalListResult"),
        (JOURNAL_QUERY_IDS, "workflow_journal:JournalListParams", "workflow_journal:JournalIdsResult"),
        (JOURNAL_DELETE, "workflow_journal:JournalRunParams", ANY),
        (JOURNAL_CHECKPOINT_SAVE, "workflow_journal:JournalCheckpointSaveParams", ANY),
        (
            JOURNAL_CHECKPOINT_LOAD,
            "workflow_journal:JournalCheckpointParams",
            "workflow_journal:JournalCheckpointLoadResult",
        ),
        (JOURNAL_CHECKPOINT_LIST, "workflow_journal:JournalRunParams", "workflow_journal:JournalCheckpointListResult"),
        (JOURNAL_CHECKPOINT_PRUNE, "workflow_journal:JournalCheckpointPruneParams", ANY),
        (JOURNAL_RECORD, "workflow_journal:JournalRecordParams", ANY),
        (JOURNAL_EVENTS, "workflow_journal:JournalEventsParams", "workflow_journal:JournalEventsResult"),
        (JOURNAL_SCHEMA, None, "workflow_journal:JournalSchema"),
    ),
    *_rows(
        "subject_backend",
        REQUEST,
        TO_PLUGIN,
        "1.0.0",
        (SUBJECT_LIST, "subject:SubjectListParams", "subject:SubjectList"),
        (SUBJECT_GET, "subject:SubjectIdParams", "subject:Subject"),
        (SUBJECT_CREATE, "subject:SubjectCreateParams", "subject:Subject"),
        (SUBJECT_UPDATE, "subject:SubjectUpdateParams", "subject:Subject"),
        (SUBJECT_DELETE, "subject:SubjectIdParams", "subject:SubjectDeleteResult"),
        (SUBJECT_STATUS, "subject:SubjectStatusParams", "subject:Subject"),
        (SUBJECT_NEXT, "subject:SubjectNextParams", ANY),
        (SUBJECT_WATCH, "subject:SubjectListParams", ANY),
        (SUBJECT_UNWATCH, "subject:SubjectUnwatchParams", ANY),
        (SUBJECT_SCHEMA, None, "subject:SubjectSchema"),
    ),
    *_rows(
        "subject_backend",
        NOTIFICATION,
        TO_HOST,
        "1.0.0",
        (SUBJECT_CHANGED, "subject:SubjectChangedNote", None),
    ),
    *_rows(
        "provider",
        REQUEST,
        TO_PLUGIN,
        "1.0.0",
        (AGENT_RUN, "provider:AgentRunParams", "provider:AgentRunResult"),
        (AGENT_RESUME, "provider:AgentRunParams", "provider:AgentRunResult"),
        (AGENT_CANCEL, "provider:AgentCancelParams", "provider:AgentCancelResult"),
        (AGENT_RESPOND, "provider:AgentRespondParams", "provider:AgentRespondResult"),
    ),
    *_rows(
        "provider",
        NOTIFICATION,
        TO_HOST,
        "1.0.0",
        (AGENT_SESSION_STARTED, "provider:AgentSessionStartedNote", None),
        (AGENT_OUTPUT, "provider:AgentOutputNote", None),
        (AGENT_THINKING, "provider:AgentThinkingNote", None),
        (AGENT_TOOL_CALL, "provider:AgentToolCallNote", None),
        (AGENT_TOOL_RESULT, "provider:AgentToolResultNote", None),
        (AGENT_ERROR, "provider:AgentErrorNote", None),
        (AGENT_INTERACTION_REQUESTED, "provider:AgentInteractionRequestedNote", None),
    ),
    *_rows(
        "trigger_backend",
        REQUEST,
        TO_PLUGIN,
        "1.0.0",
        (TRIGGER_WATCH, "trigger:TriggerWatchParams", ANY),
        (TRIGGER_ACK, "trigger:TriggerAckParams", "trigger:TriggerAckResult"),
        (TRIGGER_SCHEMA, None, "trigger:TriggerSchema"),
    ),
    *_rows(
        "trigger_backend",
        NOTIFICATION,
        TO_HOST,
        "1.0.0",
        (TRIGGER_EVENT, "trigger:TriggerEventNote", None),
    ),
    *_rows(
        "log_storage_backend",
        REQUEST,
        TO_PLUGIN,
        "1.0.0",
        (LOG_STORAGE_STORE, "log_storage:LogStoreParams", "log_storage:LogStoreResult"),
        (LOG_STORAGE_QUERY, "log_storage:LogQueryParams", "log_storage:LogQueryResult"),
        (LOG_STORAGE_TAIL, "log_storage:LogQueryParams", ANY),
        (LOG_STORAGE_SCHEMA, None, "log_storage:LogStorageSchema"),
    ),
    *_rows(
        "log_storage_backend",
        NOTIFICATION,
        TO_HOST,
        "1.0.0",
        (LOG_STORAGE_EVENT, "log_storage:LogStorageEventNote", None),
    ),
    *_rows(
        "transport_backend",
        REQUEST,
        TO_PLUGIN,
        "1.0.0",
        (TRANSPORT_START, "transport:TransportStartParams", "transport:TransportInfo"),
        (TRANSPORT_SHUTDOWN, None, ANY),
        (TRANSPORT_SCHEMA, None, "transport:TransportSchema"),
    ),
    *_rows(
        "durable_store",
        REQUEST,
        TO_PLUGIN,
        "1.1.0",
        (DURABLE_BEGIN_WORKFLOW_RUN, "durable_store:DurableBeginRunParams", "durable_store:DurableBeginRunResult"),
        (DURABLE_BEGIN_STEP, "durable_store:DurableBeginStepParams", "durable_store:DurableBeginStepResult"),
        (DURABLE_COMMIT_STEP, "durable_store:DurableCommitStepParams", "durable_store:DurableAck"),
        (DURABLE_ABANDON_STEP, "durable_store:DurableAbandonStepParams", "durable_store:DurableAck"),
        (DURABLE_RECOVER_IN_FLIGHT, "durable_store:DurableRecoverParams", "durable_store:DurableRecoverResult"),
        (DURABLE_QUERY_RUN, "durable_store:DurableQueryRunParams", "durable_store:DurableQueryRunResult"),
    ),
    *_rows(
        "memory_store",
        REQUEST,
        TO_PLUGIN,
        "1.1.0",
        (MEMORY_PUT, "memory_store:MemoryPutParams", "memory_store:MemoryPutResult"),
        (MEMORY_GET, "memory_store:MemoryGetParams", "memory_store:MemoryGetResult"),
        (MEMORY_QUERY, "memory_store:MemoryQueryParams", "memory_store:MemoryQueryResult"),
        (MEMORY_LIST_SCOPES, "memory_store:MemoryListScopesParams", "memory_store:MemoryListScopesResult"),
        (MEMORY_DELETE_SCOPE, "memory_store:MemoryScopeParams", "memory_store:MemoryAck"),
    ),
    *_rows(
        "notifier",
        REQUEST,
        TO_PLUGIN,
        "1.1.0",
        (NOTIFIER_NOTIFY, "notifier:NotifierNotifyParams", "notifier:NotifierNotifyResult"),
        (NOTIFIER_FLUSH, "notifier:NotifierFlushParams", "notifier:NotifierFlushResult"),
        (NOTIFIER_SCHEMA, None, "notifier:NotifierSchema"),
    ),
    *_rows(
        "conversation_store",
        REQUEST,
        TO_PLUGIN,
        "1.1.0",
        (
            CONVERSATION_CREATE,
            "conversation_store:ConversationCreateParams",
            "conversation_store:ConversationCreateResult",
        ),
        (
            CONVERSATION_LOAD_META,
            "conversation_store:ConversationIdParams",
            "conversation_store:ConversationLoadMetaResult",
        ),
        (CONVERSATION_SAVE_META, "conversation_store:ConversationSaveMetaParams", ANY),
        (CONVERSATION_APPEND_MESSAGE, "conversation_store:ConversationAppendMessageParams", ANY),
        (
            CONVERSATION_LOAD_MESSAGES,
            "conversation_store:ConversationIdParams",
            "conversation_store:ConversationLoadMessagesResult",
        ),
        (CONVERSATION_LIST, "conversation_store:ConversationListParams", "conversation_store:ConversationListResult"),
        (CONVERSATION_DELETE, "conversation_store:ConversationIdParams", ANY),
    ),
    *_rows(
        "environment",
        REQUEST,
        TO_PLUGIN,
        "1.1.0",
        (ENVIRONMENT_PREPARE, "environment:EnvironmentPrepareParams", "environment:EnvironmentPrepareResult"),
        (ENVIRONMENT_EXEC, "environment:EnvironmentExecParams", "environment:EnvironmentExecResult"),
        (ENVIRONMENT_EXEC_STREAM, "environment:EnvironmentExecParams", "environment:EnvironmentExecResult"),
        (ENVIRONMENT_EXEC_SESSION, "environment:EnvironmentSessionParams", "environment:EnvironmentSessionResult"),
        (ENVIRONMENT_TEARDOWN, "environment:EnvironmentHandleParams", ANY),
        (ENVIRONMENT_LIST, None, "environment:EnvironmentListResult"),
        (ENVIRONMENT_GET, "environment:EnvironmentNodeParams", ANY),
        (ENVIRONMENT_TEARDOWN_NODE, "environment:EnvironmentNodeParams", "environment:EnvironmentTeardownNodeResult"),
        (ENVIRONMENT_REAP, "environment:EnvironmentReapParams", "environment:EnvironmentReapResult"),
    ),
    *_rows(
        "environment",
        NOTIFICATION,
        TO_HOST,
        "1.1.0",
        (ENVIRONMENT_OUTPUT, "environment:EnvironmentOutputNote", None),
        (ENVIRONMENT_JOURNAL, "environment:EnvironmentJournalNote", None),
    ),
    *_rows(
        "channel_backend",
        REQUEST,
        TO_PLUGIN,
        "1.2.0",
        (CHANNEL_RECEIVE, "channel:ChannelReceiveParams", "channel:ChannelReceiveResult"),
        (CHANNEL_SEND, "channel:ChannelSendParams", "channel:ChannelDelivery"),
        (CHANNEL_STATUS, "channel:ChannelStatusParams", "channel:ChannelDelivery"),
        (CHANNEL_SCHEMA, None, "channel:ChannelSchema"),
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
    "trigger_backend": "0.1.16",
    "log_storage_backend": "0.1.16",
    "transport_backend": "0.1.16",
    "durable_store": "0.1.0",
    "memory_store": "0.1.0",
    "notifier": "0.1.0",
    "conversation_store": "0.1.0",
    "environment": "0.1.0",
    "channel_backend": "0.1.0",
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
