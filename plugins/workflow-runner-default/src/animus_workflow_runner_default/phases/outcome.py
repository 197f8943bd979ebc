"""How a phase ended, before routing: what the three kinds of phases hand to the execution."""

import hashlib
from typing import Any, NamedTuple, Protocol

import msgspec

from animus_workflow_runner_default.journal.record import Check, Usage
from animus_workflow_runner_default.phases.decision import Decision
from animus_workflow_runner_default.phases.redaction import NO_SECRETS, Redactor

__all__ = [
    "Decided",
    "Failed",
    "Gated",
    "Interrupted",
    "PhaseNotes",
    "PhaseOutcome",
    "RunContext",
    "kept_payload",
    "safe_name",
]


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """The phase returned. `decision` is None where none was asked for."""

    decision: Decision | None
    outcome: Any = None
    metadata: Any = None
    usage: Usage | None = None
    checks: list[Check] = []
    eval_failure: str | None = None
    """Why the phase's evals do not let it advance."""


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The phase could not be carried out, or what it returned cannot be read; the run fails."""

    reason: str
    outcome: Any = None
    metadata: Any = None
    usage: Usage | None = None
    is_over_budget: bool = False
    """It was broken off because a budget was passed, which says what becomes of the run."""


class Gated(msgspec.Struct, frozen=True, kw_only=True):
    """The phase waits for a person."""

    instructions: str
    note_required: bool
    timeout_seconds: int | None


class Interrupted(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier process was in the middle of it, it cannot be gone on with, and it may have had effects."""

    reason: str


PhaseOutcome = Decided | Failed | Gated | Interrupted


class PhaseNotes(Protocol):
    """Takes what a phase shows while it works."""

    def __call__(self, text: str) -> None:
        """Show a line of text."""
        ...


class RunContext(NamedTuple):
    """What one attempt needs to know about its run; no part of it is the run's journal.

    `variables` are what ``{{name}}`` stands for; `environment` the ``ANIMUS_*`` variables of its processes.
    """

    run_id: str
    path: str
    phase_id: str
    attempt: int
    project_root: str
    execution_cwd: str
    artifacts: str
    """The directory of the run's files."""
    variables: dict[str, str]
    environment: dict[str, str]
    secrets: dict[str, str]
    redactor: Redactor = NO_SECRETS
    """Takes the values of secrets out of everything that is kept or shown."""

    def artifact_name(self, suffix: str) -> str:
        """The name of one of the attempt's files: phase path (made safe), attempt number, `suffix`."""
        return f"{safe_name(self.path)}.attempt-{self.attempt}.{suffix}"


MAX_PAYLOAD_BYTES = 64 * 1024
"""How much of a structured result a journal row and a reply carry; the log has all of it."""


def kept_payload(payload: Any) -> Any:
    """The payload, or text that says how large it was where it is too large to be carried along."""
    size = len(msgspec.json.encode(payload))
    return payload if size <= MAX_PAYLOAD_BYTES else f"(a payload of {size} bytes; see the phase's output file)"


def safe_name(text: str) -> str:
    """`text` as one file name; a hash is appended where something had to be replaced, so that none collide."""
    kept = "".join(char if (char.isascii() and char.isalnum()) or char in "-_" else "-" for char in text)
    kept = kept.strip("-")[:80] or "x"
    if kept == text:
        return kept
    return f"{kept}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
