"""Workflows and their runs, on the control socket."""

import datetime
from typing import Annotated, Any

from msgspec import Meta

from animus_plugin_protocol.wire.config_source import ConfigDiagnostic
from animus_plugin_protocol.wire.control._shared import RunText
from animus_plugin_protocol.wire.dispatch import Actor
from animus_plugin_protocol.wire.presence import Wire, always
from animus_plugin_protocol.wire.workflow_runner import WaitingFor

__all__ = [
    "CheckpointParams",
    "CheckpointPruneParams",
    "CheckpointResult",
    "ConfigValidateResult",
    "PhaseGateParams",
    "WorkflowAnswerParams",
    "WorkflowConfigResult",
    "WorkflowDeleteParams",
    "WorkflowDeleteResult",
    "WorkflowDeletion",
    "WorkflowEvent",
    "WorkflowEventsParams",
    "WorkflowExecuteParams",
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
    trigger_source: str = "manual"
    task_id: str | None = None
    actor: Actor | None = None


class WorkflowExecuteParams(Wire, frozen=True, kw_only=True):
    """Start the workflow `definition`, about a subject or about itself; the same door as ``workflow/run``."""

    definition: Annotated[str, Meta(description="The workflow.")]
    params: Annotated[dict[str, str], Meta(description="Workflow variables.")] = {}
    subject_id: Annotated[str | None, Meta(description="The subject as KIND:ID.")] = None
    trigger_source: str = "manual"
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


class WorkflowAnswerParams(Wire, frozen=True, kw_only=True):
    """Answer what the agent of a run asked. Decision: ``allow`` or ``deny``; a question has an `answer` as well."""

    id: RunText
    decision: str
    interaction_id: str | None = None
    answer: str | None = None
    message: str | None = None
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


class CheckpointParams(Wire, frozen=True, kw_only=True):
    """Names one checkpoint of a run."""

    id: RunText
    number: Annotated[int, Meta(description="The checkpoint's number.", ge=0)]


class CheckpointResult(Wire, frozen=True, kw_only=True):
    """A checkpoint; the blob is the runner's."""

    id: str
    number: int
    blob: Any


class CheckpointPruneParams(Wire, frozen=True, kw_only=True):
    """Forget all but the latest checkpoints of a run."""

    id: RunText
    keep: Annotated[int, Meta(ge=0)] = 3


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
