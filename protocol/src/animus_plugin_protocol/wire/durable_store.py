"""The durable_store kind (protocol section 13)."""

from typing import Annotated, Any

import msgspec

from animus_plugin_protocol.wire.presence import Wire, always

__all__ = [
    "DurableAbandonStepParams",
    "DurableAck",
    "DurableBeginRunParams",
    "DurableBeginRunResult",
    "DurableBeginStepParams",
    "DurableBeginStepResult",
    "DurableCommitStepParams",
    "DurableQueryRunParams",
    "DurableQueryRunResult",
    "DurableRecoverParams",
    "DurableRecoverResult",
    "DurableStoreCapabilities",
    "InFlightRun",
    "StepError",
    "StepRecord",
]

_Count = Annotated[int, msgspec.Meta(ge=0)]


class StepError(Wire, frozen=True, kw_only=True):
    """Why a step failed; terminal for its idempotency key."""

    code: str
    message: str
    details: Any = None


class DurableStoreCapabilities(Wire, frozen=True, kw_only=True):
    """What a durable store can do."""

    default_reservation_ttl_secs: int = always(0)
    max_payload_bytes: int = always(0)
    supports_recovery: bool = always(default=False)


class DurableBeginRunParams(Wire, frozen=True, kw_only=True):
    """A phase of a run begins."""

    run_id: str
    phase_id: str
    inputs: Any = None


class DurableBeginRunResult(Wire, frozen=True, kw_only=True):
    """`epoch` rises with each begin and survives restarts."""

    epoch: _Count


class DurableBeginStepParams(Wire, frozen=True, kw_only=True):
    """Reserve a step under its idempotency key."""

    run_id: str
    phase_id: str
    step_name: str
    idempotency_key: str
    payload: Any = None
    reservation_ttl_secs: _Count | None = None


class DurableBeginStepResult(Wire, frozen=True, kw_only=True):
    """Status is ``new``, ``in_progress``, ``already_committed`` or ``prior_error``."""

    step_id: str
    status: str
    prior_output: Any = None
    prior_error: StepError | None = None
    reservation_expires_at: str | None = None


class DurableCommitStepParams(Wire, frozen=True, kw_only=True):
    """Commit a step; outcome is ``success`` or ``error``."""

    step_id: str
    outcome: str
    output: Any = None
    error: StepError | None = None


class DurableAbandonStepParams(Wire, frozen=True, kw_only=True):
    """Give a reservation back."""

    step_id: str
    reason: str | None = None


class DurableAck(Wire, frozen=True, kw_only=True):
    """The act was taken (commit and abandon)."""

    ack: bool


class DurableRecoverParams(Wire, frozen=True, kw_only=True):
    """Which runs were in flight; a restarted host asks with 0."""

    since_epoch: _Count


class InFlightRun(Wire, frozen=True, kw_only=True):
    """A run that has not ended."""

    run_id: str
    phase_id: str
    last_committed_step: str | None = None
    replay_state: Any = None


class DurableRecoverResult(Wire, frozen=True, kw_only=True):
    """The runs in flight."""

    in_flight: list[InFlightRun]


class DurableQueryRunParams(Wire, frozen=True, kw_only=True):
    """Names one phase of a run."""

    run_id: str
    phase_id: str


class StepRecord(Wire, frozen=True, kw_only=True):
    """A committed step."""

    step_id: str
    step_name: str
    idempotency_key: str
    committed_at: str
    outcome: str
    output: Any = None
    error: StepError | None = None


class DurableQueryRunResult(Wire, frozen=True, kw_only=True):
    """Status is ``pending``, ``success``, ``error`` or ``cancelled``."""

    run_id: str
    phase_id: str
    status: str
    steps: list[StepRecord]
