"""initialize, its answer, initialized (protocol section 3)."""

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import ErrorCode, FatalError, RetriableError, RpcFault
from animus_plugin_protocol.version import PROTOCOL_VERSION, is_compatible
from animus_plugin_protocol.wire.lifecycle import (
    HostCapabilities,
    HostInfo,
    InitExtensions,
    InitializeParams,
    InitializeResult,
)
from animus_plugin_runtime.connection import Connection
from animus_plugin_runtime.errors import HandshakeError

__all__ = ["HANDSHAKE_SECONDS", "HostOffer", "shake_hands"]

HANDSHAKE_SECONDS = 30.0
"""How long a plugin may take from its start to its answer."""


class HostOffer(msgspec.Struct, frozen=True, kw_only=True):
    """What a host says of itself to every plugin it starts."""

    name: str = "animus"
    version: str = "0.1.0"
    capabilities: HostCapabilities = HostCapabilities(streaming=True, progress=True, cancellation=True)
    extensions: InitExtensions = InitExtensions()

    def params(self) -> InitializeParams:
        """The params of ``initialize``."""
        return InitializeParams(
            protocol_version=PROTOCOL_VERSION,
            host_info=HostInfo(name=self.name, version=self.version),
            capabilities=self.capabilities,
            init_extensions=self.extensions,
        )


async def shake_hands(
    connection: Connection, offer: HostOffer, *, timeout_seconds: float = HANDSHAKE_SECONDS
) -> InitializeResult:
    """Introduce host and plugin; the answer is kept on the connection.

    Raises:
        HandshakeError: one refused the other; trying again gives the same answer.
        RetriableError: no answer in time, or the plugin died.
    """
    try:
        result: InitializeResult = await connection.call(
            methods.INITIALIZE, offer.params(), timeout_seconds=timeout_seconds
        )
    except RetriableError:
        raise
    except RpcFault as fault:
        verb = "answered the handshake badly" if isinstance(fault, FatalError) else "refused this host"
        message = f"plugin {connection.plugin!r} {verb}: {fault.message}"
        raise HandshakeError(message, code=fault.code, data=fault.data) from fault
    if not is_compatible(result.protocol_version):
        message = (
            f"plugin {connection.plugin!r} speaks protocol {result.protocol_version!r} and this host "
            f"{PROTOCOL_VERSION!r}: install a version of it with the same major"
        )
        raise HandshakeError(message, code=ErrorCode.INVALID_REQUEST)
    connection.initialize_result = result
    connection.notify(methods.INITIALIZED)
    return result
