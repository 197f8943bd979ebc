"""Running plugins, host side: find, start, call, supervise and stop them.

Everything is imported when it is first asked for: finding plugins costs no asyncio.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animus_plugin_runtime.candidate import Candidate, Source
    from animus_plugin_runtime.care import Care
    from animus_plugin_runtime.clock import RuntimeClock, SystemRuntimeClock
    from animus_plugin_runtime.connection import Connection
    from animus_plugin_runtime.discovery import Discovery, discover
    from animus_plugin_runtime.errors import HandshakeError, PluginRuntimeError, ProbeError, TrustError
    from animus_plugin_runtime.handshake import HostOffer
    from animus_plugin_runtime.in_process import twin
    from animus_plugin_runtime.inbound import PluginRequest
    from animus_plugin_runtime.note import Note
    from animus_plugin_runtime.observer import FrameObserver
    from animus_plugin_runtime.package import DataPackage, find_data_packages
    from animus_plugin_runtime.plugin_event import PluginEvent
    from animus_plugin_runtime.running import sweep_orphans
    from animus_plugin_runtime.supervision import State
    from animus_plugin_runtime.supervisor import SupervisedPlugin
    from animus_plugin_runtime.traffic import Quota
    from animus_plugin_runtime.trust import TrustStore, Verdict

__all__ = [
    "Candidate",
    "Care",
    "Connection",
    "DataPackage",
    "Discovery",
    "FrameObserver",
    "HandshakeError",
    "HostOffer",
    "Note",
    "PluginEvent",
    "PluginRequest",
    "PluginRuntimeError",
    "ProbeError",
    "Quota",
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
    "care": ("Care",),
    "clock": ("RuntimeClock", "SystemRuntimeClock"),
    "connection": ("Connection",),
    "discovery": ("Discovery", "discover"),
    "errors": ("HandshakeError", "PluginRuntimeError", "ProbeError", "TrustError"),
    "handshake": ("HostOffer",),
    "in_process": ("twin",),
    "inbound": ("PluginRequest",),
    "note": ("Note",),
    "observer": ("FrameObserver",),
    "package": ("DataPackage", "find_data_packages"),
    "plugin_event": ("PluginEvent",),
    "running": ("sweep_orphans",),
    "supervision": ("State",),
    "supervisor": ("SupervisedPlugin",),
    "traffic": ("Quota",),
    "trust": ("TrustStore", "Verdict"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module = importlib.import_module(f"{__name__}.{home}")
    value = getattr(module, name)
    globals()[name] = value
    return value
