"""The trigger_backend kind (protocol section 12)."""

from typing import Any

from animus_plugin_protocol.wire.presence import Wire, always_null

__all__ = [
    "TriggerAckParams",
    "TriggerAckResult",
    "TriggerErrorObject",
    "TriggerEventNote",
    "TriggerSchema",
    "TriggerWatchParams",
]


class TriggerWatchParams(Wire, frozen=True, kw_only=True):
    """Ask for events from now on, or from `cursor` on."""

    cursor: Any = None
    config: Any = None


class TriggerErrorObject(Wire, frozen=True, kw_only=True):
    """Why a stream of events ended."""

    code: int
    message: str


class TriggerEventNote(Wire, frozen=True, kw_only=True):
    """An event, flat; or ``error`` alone, which ends the stream.

    `action_hint` is open: ``create_task``, ``run_workflow`` or anything else.
    """

    event_id: str = ""
    payload: Any = always_null()
    trigger_id: str | None = None
    subject_id: str | None = None
    subject_kind: str | None = None
    action_hint: str | None = None
    error: TriggerErrorObject | None = None

    def __post_init__(self) -> None:
        """Refuse what is neither an event nor the end of a stream."""
        if not self.event_id and self.error is None:
            raise ValueError("a trigger event needs an event_id, or an error that ends the stream")


class TriggerAckParams(Wire, frozen=True, kw_only=True):
    """What became of an event; hosts send it as a notification.

    Status is open: ``dispatched``, ``queued``, ``unmatched``, ``skipped``, ``failed``, ``shutdown`` or another word.
    """

    event_id: str
    status: str | None = None


class TriggerAckResult(Wire, frozen=True, kw_only=True):
    """The answer to an ack that was sent as a request."""

    event_id: str
    acked: bool


class TriggerSchema(Wire, frozen=True, kw_only=True):
    """What this trigger backend can do."""

    kinds: list[str]
    supports_resume: bool
    supports_dedup: bool
    supports_ack: bool
