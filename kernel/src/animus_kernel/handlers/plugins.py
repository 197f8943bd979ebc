"""Plugins in use; what can be found and installed is animus_composition's."""

from typing import Any

import msgspec

from animus_kernel.kernel import Kernel
from animus_kernel.routing.seam import CALL_SECONDS
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.methods import PING
from animus_plugin_protocol.wire import control

__all__ = ["call", "ping"]


async def call(kernel: Kernel, params: control.PluginCallParams) -> Any:
    """Whatever a plugin answers to a method."""
    connection = await kernel.plugins.named(params.name).connection()
    return msgspec.json.decode(await connection.call_raw(params.method, params.params, timeout_seconds=CALL_SECONDS))


async def ping(kernel: Kernel, params: control.PluginNameParams) -> control.PluginPingResult:
    """Start it if need be, and ask; a plugin that nobody knows is an error, one that does not answer is an answer."""
    plugin = kernel.plugins.named(params.name)
    try:
        connection = await plugin.connection()
        began = kernel.clock.now()
        await connection.call_raw(PING, timeout_seconds=CALL_SECONDS)
    except RpcFault as fault:
        return control.PluginPingResult(ok=False, error=fault.message)
    return control.PluginPingResult(ok=True, latency_ms=round((kernel.clock.now() - began).total_seconds() * 1000))
