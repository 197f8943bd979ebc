"""The notifier kind (protocol section 13)."""

from typing import Annotated, Any

import msgspec

from animus_plugin_protocol.wire.presence import Wire, always, always_list

__all__ = [
    "DaemonEventRecord",
    "NotifierFlushParams",
    "NotifierFlushResult",
    "NotifierLifecycleEvent",
    "NotifierNotifyParams",
    "NotifierNotifyResult",
    "NotifierSchema",
]


class DaemonEventRecord(Wire, frozen=True, kw_only=True):
    """Something the daemon tells of."""

    schema: str
    id: str
    timestamp: str
    event_type: str
    data: Any
    seq: int = always(0)
    project_root: str | None = None


class NotifierLifecycleEvent(Wire, frozen=True, kw_only=True):
    """What became of deliveries."""

    event_type: str
    data: Any
    project_root: str | None = None


class NotifierNotifyParams(Wire, frozen=True, kw_only=True):
    """Tell people of an event; the daemon does not wait for it to arrive."""

    event: DaemonEventRecord


class NotifierNotifyResult(Wire, frozen=True, kw_only=True):
    """Whether it was taken; `delivered` is 0 where it was only put into an outbox."""

    accepted: bool
    delivered: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] = always(0)
    lifecycle_events: list[NotifierLifecycleEvent] = always_list()


class NotifierFlushParams(Wire, frozen=True, kw_only=True):
    """Try the outbox again."""

    project_root: str | None = None


class NotifierFlushResult(Wire, frozen=True, kw_only=True):
    """What became of deliveries."""

    lifecycle_events: list[NotifierLifecycleEvent] = always_list()


class NotifierSchema(Wire, frozen=True, kw_only=True):
    """Where this notifier delivers to."""

    connector_kinds: list[str]
    supports_flush: bool
