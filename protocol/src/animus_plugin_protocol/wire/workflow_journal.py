"""The workflow_journal kind (protocol section 11)."""

import enum
from typing import Any

from animus_plugin_protocol.wire.presence import Moment, Wire, always, always_null

__all__ = [
    "JournalCheckpointListResult",
    "JournalCheckpointLoadResult",
    "JournalCheckpointParams",
    "JournalCheckpointPruneParams",
    "JournalCheckpointSaveParams",
    "JournalEvent",
    "JournalEventKind",
    "JournalEventsParams",
    "JournalEventsResult",
    "JournalIdsResult",
    "JournalListParams",
    "JournalListResult",
    "JournalLoadResult",
    "JournalRecordParams",
    "JournalRun",
    "JournalRunParams",
    "JournalSaveParams",
    "JournalSchema",
]


class JournalRun(Wire, frozen=True, kw_only=True):
    """One run as the journal keeps it; `blob` is the runner's own state."""

    workflow_id: str
    status: str
    blob: Any
    workflow_ref: str | None = None
    kind: str | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None


class JournalSaveParams(Wire, frozen=True, kw_only=True):
    """Store a run."""

    run: JournalRun


class JournalRunParams(Wire, frozen=True, kw_only=True):
    """Names one run (load, delete, checkpoint_list)."""

    workflow_id: str


class JournalLoadResult(Wire, frozen=True, kw_only=True):
    """The run, or an explicit null."""

    run: JournalRun | None = always_null()


class JournalListParams(Wire, frozen=True, kw_only=True):
    """Which runs; newest first."""

    status: list[str] = []
    workflow_ref: str | None = None
    updated_since: Moment | None = None
    limit: int | None = None


class JournalListResult(Wire, frozen=True, kw_only=True):
    """A page of runs."""

    runs: list[JournalRun]
    truncated: bool = always(default=False)


class JournalIdsResult(Wire, frozen=True, kw_only=True):
    """A page of run ids."""

    ids: list[str]
    truncated: bool = always(default=False)


class JournalCheckpointSaveParams(Wire, frozen=True, kw_only=True):
    """Store a checkpoint."""

    workflow_id: str
    checkpoint_num: int
    blob: Any


class JournalCheckpointParams(Wire, frozen=True, kw_only=True):
    """Names one checkpoint."""

    workflow_id: str
    checkpoint_num: int


class JournalCheckpointLoadResult(Wire, frozen=True, kw_only=True):
    """The checkpoint, or an explicit null."""

    blob: Any = always_null()


class JournalCheckpointListResult(Wire, frozen=True, kw_only=True):
    """The numbers there are."""

    checkpoint_nums: list[int]


class JournalCheckpointPruneParams(Wire, frozen=True, kw_only=True):
    """Keep the newest `keep` checkpoints."""

    workflow_id: str
    keep: int


class JournalEventKind(enum.StrEnum):
    """What happened. Closed."""

    RUN_STARTED = "run_started"
    PHASE_STARTED = "phase_started"
    PHASE_COMPLETED = "phase_completed"
    RUN_COMPLETED = "run_completed"
    RUN_FAILED = "run_failed"


class JournalEvent(Wire, frozen=True, kw_only=True):
    """A recorded event."""

    run_id: str
    kind: JournalEventKind
    ts: Moment
    workflow_ref: str | None = None
    phase: str | None = None
    agent: str | None = None
    status: str | None = None
    detail: Any = None


class JournalRecordParams(Wire, frozen=True, kw_only=True):
    """Record an event."""

    event: JournalEvent


class JournalEventsParams(Wire, frozen=True, kw_only=True):
    """Which events."""

    run_id: str | None = None
    since: Moment | None = None
    limit: int | None = None


class JournalEventsResult(Wire, frozen=True, kw_only=True):
    """A page of events."""

    events: list[JournalEvent]
    truncated: bool = always(default=False)


class JournalSchema(Wire, frozen=True, kw_only=True):
    """What this journal supports."""

    supports_checkpoints: bool
    supports_events: bool
    supports_filtering: bool
