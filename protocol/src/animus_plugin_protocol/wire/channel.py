"""The channel_backend kind (protocol section 13). Every type here refuses unknown fields.

The same id with another content is a conflict; a delivery in state ``unknown`` is never sent again on its own.
"""

import enum

from animus_plugin_protocol.wire.presence import Wire

__all__ = [
    "ChannelDelivery",
    "ChannelReceiveParams",
    "ChannelReceiveResult",
    "ChannelSchema",
    "ChannelScope",
    "ChannelSendParams",
    "ChannelStatusParams",
    "DeliveryState",
]


class DeliveryState(enum.StrEnum):
    """How far a delivery got. Closed."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ChannelScope(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose connection to a messenger."""

    tenant_id: str
    connection_id: str


class ChannelReceiveParams(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message that came in; schema is ``animus.channel.v1``."""

    schema: str
    scope: ChannelScope
    message_id: str
    peer_id: str
    occurred_at: str
    text: str


class ChannelReceiveResult(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether it had come in before."""

    schema: str
    duplicate: bool


class ChannelSendParams(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send a message, once per `delivery_id`."""

    schema: str
    scope: ChannelScope
    delivery_id: str
    peer_id: str
    text: str
    reply_to: str | None = None


class ChannelDelivery(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a delivery got."""

    schema: str
    scope: ChannelScope
    delivery_id: str
    state: DeliveryState
    provider_message_id: str | None = None
    error_code: str | None = None


class ChannelStatusParams(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names one delivery."""

    schema: str
    scope: ChannelScope
    delivery_id: str


class ChannelSchema(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What this channel can do."""

    schema: str
    providers: list[str]
    supports_text: bool
    media: bool
    templates: bool
    delivery_status: bool
    durable_receive: bool
