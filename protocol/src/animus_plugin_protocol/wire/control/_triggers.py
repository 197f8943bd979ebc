"""Triggers, on the control socket."""

from typing import Annotated, Any

from msgspec import Meta

from animus_plugin_protocol.wire.presence import Wire

__all__ = ["TriggerFireParams", "TriggerListParams", "TriggerListResult", "TriggerRow"]


class TriggerRow(Wire, frozen=True, kw_only=True):
    """A trigger and how it is; `problem` says why nothing is watched for, or why the latest event was refused."""

    id: str
    type: str
    workflow_ref: str
    enabled: bool
    fired: int = 0
    waiting: int = 0
    problem: str | None = None


class TriggerListParams(Wire, frozen=True, kw_only=True):
    """Which page of the triggers."""

    limit: Annotated[int, Meta(description="Rows a page.", ge=1)] = 50
    offset: Annotated[int, Meta(description="Rows to leave out.", ge=0)] = 0


class TriggerListResult(Wire, frozen=True, kw_only=True):
    """A page of the triggers of the project; `total` counts them before paging."""

    triggers: list[TriggerRow]
    total: int


class TriggerFireParams(Wire, frozen=True, kw_only=True):
    """An event by hand."""

    id: Annotated[str, Meta(description="The trigger's id.")]
    payload: Annotated[Any, Meta(description="JSON handed to the workflow as the event's payload.")] = None
    event_id: Annotated[str | None, Meta(description="Firing twice with one id fires once.")] = None
