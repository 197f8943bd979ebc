"""What the journal keeps of a run: plain data, JSON in and out, replaced rather than changed."""

from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.model import PhaseMode
from animus_workflow_runner_default.engine.machine import RunStatus
from animus_workflow_runner_default.engine.routing import Step
from animus_workflow_runner_default.phases.decision import Decision

__all__ = ["Attempt", "Checkout", "Dispatch", "Run", "Stage", "Subject", "Waiting"]

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


class Checkout(Stored, frozen=True, kw_only=True):
    """Where the run works. Without a worktree only `cwd` is set: the project root."""

    cwd: str
    worktree: str | None = None
    branch: str | None = None
    base: str | None = None
    target_branch: str | None = None
    reason: str | None = None
    """Why there is no worktree."""


class Waiting(Stored, frozen=True, kw_only=True):
    """What a paused run waits for, and the command that frees it."""

    kind: str
    """``gate``, ``blocked``, ``merge`` or ``paused``."""
    reason: str
    command: str
    phase_id: str | None = None
    path: str | None = None
    since: str | None = None
    expires_at: str | None = None


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
