"""The transport_backend kind (protocol section 13)."""

from typing import Annotated, Any

import msgspec

from animus_plugin_protocol.wire.presence import Moment, Wire

__all__ = ["TransportInfo", "TransportSchema", "TransportStartParams"]


class TransportStartParams(Wire, frozen=True, kw_only=True):
    """Serve the control socket at `bind_addr` (host and port)."""

    control_socket_path: str
    project_root: str
    bind_addr: str | None = None
    config: Any = None


class TransportInfo(Wire, frozen=True, kw_only=True):
    """Where it listens; connections are accepted within 75 ms of this answer."""

    bound_addr: str
    started_at: Moment


class TransportSchema(Wire, frozen=True, kw_only=True):
    """What this transport can do."""

    kinds: list[str]
    supports_streaming: bool
    supports_websocket: bool
    default_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
