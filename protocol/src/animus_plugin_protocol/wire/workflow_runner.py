"""The workflow_runner kind (protocol section 7) and our run control: ``workflow/signal``, ``workflow/inspect``."""

from typing import Any

from animus_plugin_protocol.wire.dispatch import Actor, ExecutionFence, SubjectDispatch, SubjectRef
from animus_plugin_protocol.wire.presence import Wire, always, always_list

__all__ = [
    "PhaseEvent",
    "PhaseResultSnapshot",
    "WaitingFor",
    "WorkflowExecuteParams",
    "WorkflowExecuteResult",
    "WorkflowInspectParams",
    "WorkflowInspectResult",
    "WorkflowRunPhaseParams",
    "WorkflowRunPhaseResult",
    "WorkflowRunnerCapabilities",
    "WorkflowSignalParams",
    "WorkflowSignalResult",
]


class WorkflowRunnerCapabilities(Wire, frozen=True, kw_only=True):
    """What a workflow runner can do."""

    phase_decision_parsing: bool = always(default=False)
    rework_context_support: bool = always(default=False)
    post_success_actions: bool = always(default=False)
    publication_receipt_v1: bool = always(default=False)
    execution_fence_v1: bool = always(default=False)
    crash_recovery: bool = always(default=False)
    manual_pause_support: bool = always(default=False)


class WorkflowExecuteParams(Wire, frozen=True, kw_only=True):
    """Start a run, or continue the one `workflow_id` names."""

    workflow_id: str | None = None
    execution_fence: ExecutionFence | None = None
    subject_dispatch: SubjectDispatch | None = None
    subject_ref: SubjectRef | None = None
    task_id: str | None = None
    requirement_id: str | None = None
    title: str | None = None
    description: str | None = None
    workflow_ref: str | None = None
    input: Any = None
    vars: dict[str, str] = {}
    model: str | None = None
    tool: str | None = None
    phase_timeout_secs: int | None = None
    phase_filter: str | None = None
    phase_routing: Any = None
    mcp_config: Any = None
    actor: Actor | None = None


class PhaseEvent(Wire, frozen=True, kw_only=True):
    """Something that happened to a phase; ``kind`` is ``started``, ``decision`` or ``completed``.

    The fields present depend on the kind: ``attempt`` with started, ``verdict`` and ``confidence`` with
    decision, ``status`` with completed. ``mode``, ``reason``, ``duration_secs`` and the fields behind them are our
    additions, and so are the live kinds ``output`` (the latest line), ``waiting`` (the agent waits for a person and
    needs no slot until ``resumed``) and ``resumed``.
    """

    kind: str
    phase_id: str
    ts: str
    attempt: int | None = None
    verdict: str | None = None
    confidence: float | None = None
    status: str | None = None
    mode: str | None = None
    reason: str | None = None
    duration_secs: float | None = None
    waiting: "WaitingFor | None" = None
    tokens: Any = None
    cost_usd: float | None = None
    model: str | None = None
    path: str | None = None
    """The phase's place in the expanded plan: two places may have phases of one id."""


class PhaseResultSnapshot(Wire, frozen=True, kw_only=True):
    """How a phase ended: ``completed``, ``rework``, ``closed``, ``failed`` or ``manual_pending``."""

    phase_id: str
    status: str
    duration_secs: int
    outcome: Any
    metadata: Any
    publication_receipt: Any = None
    next_phase_id: str | None = None
    close_reason: str | None = None


class WorkflowExecuteResult(Wire, frozen=True, kw_only=True):
    """Where the run is now. ``workflow_status`` is open; unknown words mean running.

    ``reason`` (ours) says why a run is not completed, ``waiting`` what a paused one waits for.
    """

    workflow_id: str
    workflow_ref: str
    workflow_status: str
    subject_id: str
    execution_cwd: str
    phases_requested: list[str]
    phases_completed: int
    phases_total: int
    total_duration_secs: int
    phase_results: list[PhaseResultSnapshot]
    post_success: Any
    success: bool
    execution_fence: ExecutionFence | None = None
    publication_receipt: Any = None
    phase_events: list[PhaseEvent] = always_list()
    reason: str | None = None
    waiting: "WaitingFor | None" = None


class WaitingFor(Wire, frozen=True, kw_only=True):
    """What a run waits for and the command that frees it.

    Kind is ``gate``, ``blocked``, ``merge`` or ``paused`` (somebody asked for it), or ``interaction``: the agent of a
    running run asks a person. ``expires_at``: when a gate's time is over; executing the run again then tells that it
    failed; an interaction that is not answered until then is denied, a question left to the agent's judgement.

    The last six fields are those of an interaction: its id, ``approval`` or ``question``, the tool with its arguments
    that wants to be allowed, or the question with what may be chosen.
    """

    kind: str
    reason: str
    command: str
    phase_id: str | None = None
    since: str | None = None
    expires_at: str | None = None
    interaction_id: str | None = None
    interaction_kind: str | None = None
    tool: str | None = None
    arguments: Any = None
    question: str | None = None
    options: Any = None


class WorkflowRunPhaseParams(Wire, frozen=True, kw_only=True):
    """Run one phase outside a run's bookkeeping."""

    execution_cwd: str
    workflow_id: str
    workflow_ref: str
    subject_id: str
    subject_title: str
    subject_description: str
    phase_id: str
    phase_attempt: int
    execution_fence: ExecutionFence | None = None
    phase_timeout_secs: int | None = None
    model_override: str | None = None
    tool_override: str | None = None
    task_complexity: str | None = None
    rework_context: str | None = None
    pipeline_vars: dict[str, str] = {}
    dispatch_input: str | None = None
    schedule_input: str | None = None
    phase_routing: Any = None
    mcp_config: Any = None
    actor: Actor | None = None


class WorkflowRunPhaseResult(Wire, frozen=True, kw_only=True):
    """``phase_status`` is ``completed``, ``manual_pending`` or ``failed``."""

    phase_status: str
    duration_secs: int
    outcome: Any
    metadata: Any
    execution_fence: ExecutionFence | None = None
    publication_receipt: Any = None
    signals: list[Any] = always_list()
    model: str | None = None
    tool: str | None = None


class WorkflowSignalParams(Wire, frozen=True, kw_only=True):
    """Steer a run: ``pause``, ``resume``, ``cancel``, ``approve``, ``reject`` or ``answer``.

    ``force`` lets ``resume`` run a phase again whose earlier attempt may have had effects. ``answer`` brings the
    `response` of a person to what an agent asked (`AgentRespondParams.response`); `interaction_id` may be left out
    where only one is open.
    """

    workflow_id: str
    signal: str
    phase_id: str | None = None
    note: str | None = None
    actor: Actor | None = None
    force: bool = always(default=False)
    interaction_id: str | None = None
    response: Any = None


class WorkflowSignalResult(Wire, frozen=True, kw_only=True):
    """The run's status after the signal; `runnable` asks the host to execute it again."""

    workflow_id: str
    status: str
    runnable: bool
    message: str | None = None


class WorkflowInspectParams(Wire, frozen=True, kw_only=True):
    """Ask about a run or a definition; `what` is ``run``, ``prompt``, ``definitions`` or ``runner``."""

    what: str
    workflow_id: str | None = None
    phase_id: str | None = None


class WorkflowInspectResult(Wire, frozen=True, kw_only=True):
    """The answer; its shape depends on `what`."""

    what: str
    value: Any
