"""Manual phases: the run waits for a person, who approves or rejects.

Nothing runs while it waits: a parked run is a row in the journal. Its time limit is therefore read whenever somebody
asks about the run, and `Waiting.expires_at` tells the host when that is worth doing.
"""

import datetime

from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.journal.record import Waiting
from animus_workflow_runner_default.phases.decision import Decision
from animus_workflow_runner_default.phases.outcome import Gated

__all__ = ["GateRefusedError", "approval", "expiry_reason", "gate_waiting"]

DEFAULT_REJECTION = "manual approval rejected"


class GateRefusedError(Exception):
    """The answer to a gate is not accepted as it is; the text says what to do."""


def gate_waiting(gate: Gated, run_id: str, phase_id: str, path: str, now: datetime.datetime) -> Waiting:
    """What a run at this gate waits for, with the command that frees it."""
    note = " --note TEXT" if gate.note_required else ""
    limit = gate.timeout_seconds
    return Waiting(
        kind="gate",
        reason=gate.instructions,
        command=f"animus workflow phase approve {run_id}{note}",
        phase_id=phase_id,
        path=path,
        since=timestamp(now),
        expires_at=timestamp(now + datetime.timedelta(seconds=limit)) if limit else None,
    )


def approval(gate: Gated, note: str | None, *, run_id: str) -> Decision:
    """The decision an approval stands for.

    Raises:
        GateRefusedError: the gate asks for a note and there is none.
    """
    text = (note or "").strip()
    if gate.note_required and not text:
        raise GateRefusedError(
            f"this gate asks for a note: animus workflow phase approve {run_id} --note 'what you checked'"
        )
    return Decision(verdict="advance", confidence=1.0, risk="low", reason=text or "approved")


def expiry_reason(waiting: Waiting, now: datetime.datetime) -> str | None:
    """Why the gate is over, if its time is; None while it still may be answered."""
    if waiting.kind != "gate" or waiting.expires_at is None or timestamp(now) < waiting.expires_at:
        return None
    return f"manual gate {waiting.phase_id!r} was not answered until {waiting.expires_at}, the end of its time"
