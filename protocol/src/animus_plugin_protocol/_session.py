"""What belongs to one connection to a host, from its handshake to its end."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from animus_plugin_protocol._host_calls import HostCalls
from animus_plugin_protocol._outbox import Outbox
from animus_plugin_protocol.wire.host import HostCallParams, HostNote
from animus_plugin_protocol.wire.lifecycle import HostCapabilities, InitExtensions

__all__ = ["AsyncCaller", "Session"]

if TYPE_CHECKING:
    AsyncCaller = Callable[[HostCallParams, float | None, Callable[[HostNote], object] | None], Awaitable[msgspec.Raw]]
else:
    AsyncCaller = object


class Session:
    """The connection as contexts see it.

    Attributes:
        host: what the host can take; before the handshake, nothing.
        extensions: what the host offered; before the handshake, nothing.
        opening_reply: the answer to ``initialize`` that the host has before the plugin has read the request.
        call_async: the asyncio loop's way to wait for a call; None in the threads loop.
        clock: seconds that only grow.
    """

    def __init__(self, outbox: Outbox, host_calls: HostCalls, clock: Callable[[], float]) -> None:
        self.outbox = outbox
        self.host_calls = host_calls
        self.clock = clock
        self.started_at = clock()
        self.host = HostCapabilities()
        self.extensions = InitExtensions()
        self.opening_reply: bytes | None = None
        self.call_async: AsyncCaller | None = None
