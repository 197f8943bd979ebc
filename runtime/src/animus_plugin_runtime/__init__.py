"""Running plugins, host side: find, start, call, supervise and stop them.

Everything is imported when it is first asked for: finding plugins costs no asyncio.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animus_plugin_runtime.candidate import Candidate, Source
    from animus_plugin_runtime.clock import RuntimeClock, SystemRuntimeClock
    from animus_plugin_runtime.connection import Connection, FrameObserver
    from animus_plugin_runtime.discovery import Discovery, discover
    from animus_plugin_runtime.errors import HandshakeError, PluginRuntimeError, ProbeError, TrustError
    from animus_plugin_runtime.handshake import HostOffer
    from animus_plugin_runtime.inbound import PluginRequest
    from animus_plugin_runtime.note import Note
    from animus_plugin_runtime.package import DataPackage, find_data_packages
    from animus_plugin_runtime.pool import PluginPool
    from animus_plugin_runtime.running import sweep_orphans
    from animus_plugin_runtime.supervision import State
    from animus_plugin_runtime.supervisor import PluginEvent, SupervisedPlugin
    from animus_plugin_runtime.trust import TrustStore, Verdict
    from animus_plugin_runtime.twin import twin

__all__ = [
    "Candidate",
    "Connection",
    "DataPackage",
    "Discovery",
    "FrameObserver",
    "HandshakeError",
    "HostOffer",
    "Note",
    "PluginEvent",
    "PluginPool",
    "PluginRequest",
    "PluginRuntimeError",
    "ProbeError",
    "RuntimeClock",
    "Source",
    "State",
    "SupervisedPlugin",
    "SystemRuntimeClock",
    "TrustError",
    "TrustStore",
    "Verdict",
    "discover",
    "find_data_packages",
    "sweep_orphans",
    "twin",
]

_HOMES = {
    "candidate": ("Candidate", "Source"),
    "clock": ("RuntimeClock", "SystemRuntimeClock"),
    "connection": ("Connection", "FrameObserver"),
    "discovery": ("Discovery", "discover"),
    "errors": ("HandshakeError", "PluginRuntimeError", "ProbeError", "TrustError"),
    "handshake": ("HostOffer",),
    "inbound": ("PluginRequest",),
    "note": ("Note",),
    "package": ("DataPackage", "find_data_packages"),
    "pool": ("PluginPool",),
    "running": ("sweep_orphans",),
    "supervision": ("State",),
    "supervisor": ("PluginEvent", "SupervisedPlugin"),
    "trust": ("TrustStore", "Verdict"),
    "twin": ("twin",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module = importlib.import_module(f"{__name__}.{home}")
    # A function that has the name of its module (twin) is hidden by the module once that is imported.
    value = getattr(module, name)
    globals()[name] = value
    return value
