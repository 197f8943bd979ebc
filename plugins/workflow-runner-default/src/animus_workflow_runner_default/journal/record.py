"""What the journal keeps of a run: plain data, JSON in and out, replaced rather than changed."""

from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.model import PhaseMode, RoutingTable
from animus_workflow_runner_default.engine.machine import RunStatus
from animus_workflow_runner_default.engine.routing import Step
from animus_workflow_runner_default.phases.agent_state import AgentState, Interaction
from animus_workflow_runner_default.phases.decision import Decision

__all__ = ["Attempt", "Check", "Checkout", "Dispatch", "Run", "Stage", "Subject", "Usage", "Waiting"]

Stage = str
"""``phases`` while phases run, ``landing`` once the last one advanced, ``done`` after that."""


class Stored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The common shape. Unknown fields of a newer release are skipped."""


class Subject(Stored, frozen=True, kw_only=True):
    """What the run is about. `attributes` are what guards compare."""

    kind: str
    id: str
    """The canonical ``<kind>:<native id>``."""
    native_id: str
    title: str = ""
    description: str = ""
    attributes: dict[str, str] = {}


class Dispatch(Stored, frozen=True, kw_only=True):
    """With what the run was asked for."""

    input: Any = None
    variables: dict[str, str] = {}
    model: str | None = None
    tool: str | None = None
    phase_timeout_seconds: int | None = None
    trigger_source: str = ""
    phase_filter: str | None = None
    """The one place (instance path) that is run, nothing else of the workflow."""
    phase_routing: RoutingTable | None = None


class Checkout(Stored, frozen=True, kw_only=True):
    """Where the run works. Without a worktree only `cwd` is set: the project root."""

    cwd: str
    worktree: str | None = None
    branch: str | None = None
    base: str | None = None
    target_branch: str | None = None
    reason: str | None = None
    """Why there is no worktree."""
    is_removed: bool = False
    """The worktree was removed after its time; the branch is there, and the run's next execution makes it again."""
    missing: list[str] = []
    """What the user's checkout has and the worktree does not: uncommitted and ignored paths, at most a few."""


class Waiting(Stored, frozen=True, kw_only=True):
    """What a paused run waits for, and the command that frees it."""

    kind: str
    """``gate``, ``blocked``, ``merge`` or ``paused``; ``interaction`` while the run is running."""
    reason: str
    command: str
    phase_id: str | None = None
    path: str | None = None
    since: str | None = None
    expires_at: str | None = None
    interaction: Interaction | None = None
    """What the agent of a running run asks a person."""


class Usage(Stored, frozen=True, kw_only=True):
    """What agents used: tokens, and money where the provider says how much. The sum over all tries of an attempt."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_writes: int = 0
    cost_usd: float | None = None
    model: str | None = None

    @property
    def tokens(self) -> int:
        """What a token budget counts: input and output; what came out of a cache is not counted."""
        return self.input + self.output


class Check(Stored, frozen=True, kw_only=True):
    """One check of a phase's ``evals`` and how it ended."""

    id: str
    kind: str
    passed: bool
    detail: str = ""
    duration_seconds: float = 0.0
    usage: Usage | None = None


class Attempt(Stored, frozen=True, kw_only=True):
    """One try at one phase, addressed by instance path and attempt number.

    `status` is ``running`` until the attempt ended, then ``completed``, ``rework``, ``closed``, ``failed``,
    ``manual_pending`` or ``skipped``.
    """

    path: str
    phase_id: str
    attempt: int
    mode: PhaseMode
    status: str
    started_at: str
    starts: int = 1
    """How many processes began it; more than one after a crash."""
    finished_at: str | None = None
    duration_seconds: float | None = None
    decision: Decision | None = None
    reason: str | None = None
    outcome: Any = None
    metadata: Any = None
    step: Step | None = None
    """Where the run went afterwards."""
    rework_context: str | None = None
    """Why an earlier attempt or a later phase sent the run here."""
    usage: Usage | None = None
    checks: list[Check] = []
    """How the phase's ``evals`` ended."""
    agent: AgentState | None = None
    """What its agents did so far; there from the beginning in a phase of an agent."""
    is_forced: bool = False
    """A person said that it begins anew although what was interrupted may have had effects."""


class Run(Stored, frozen=True, kw_only=True):
    """Everything needed to go on with a run in another process."""

    workflow_id: str
    workflow_ref: str
    status: RunStatus
    subject: Subject
    dispatch: Dispatch
    config_hash: str
    runner_version: str
    created_at: str
    updated_at: str
    stage: Stage = "phases"
    position: str | None = None
    """Instance path of the phase that runs or is next."""
    rework_context: str | None = None
    rework_counts: dict[str, int] = {}
    eval_counts: dict[str, int] = {}
    """How often the evals of a place sent the run back into it."""
    budget_grants: int = 0
    """How often a person let the run use its budget once more."""
    notes: list[str] = []
    """What a person should know about the run although nothing is wrong with it; each once."""
    reason: str | None = None
    waiting: Waiting | None = None
    checkout: Checkout | None = None
    merge: dict[str, Any] | None = None
    pause_requested: bool = False
    is_forced: bool = False
    """A person said that a phase whose earlier attempt may have had effects runs again."""
    finished_at: str | None = None
    busy_seconds: float = 0.0

    @property
    def attributes(self) -> dict[str, str]:
        """What guards compare."""
        return {"subject_kind": self.subject.kind, "subject_id": self.subject.native_id} | self.subject.attributes
