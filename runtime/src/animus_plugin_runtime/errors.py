"""What goes wrong before a plugin can be called.

Calls themselves raise the protocol's faults; so do starting and handshake, because their caller was about to call::

    PluginRuntimeError            anything of this package that is no fault of a call
    ├── ProbeError                a plugin does not say what it is
    └── TrustError                a file cannot be trusted, or the store of trust cannot be read
    RefusedError (protocol)
    └── HandshakeError            the plugin or the host refused the other
"""

from animus_plugin_protocol.errors import RefusedError

__all__ = ["HandshakeError", "PluginRuntimeError", "ProbeError", "TrustError"]


class PluginRuntimeError(Exception):
    """The root of this package's own errors."""


class ProbeError(PluginRuntimeError):
    """A plugin did not print a manifest in time and within bounds."""


class TrustError(PluginRuntimeError):
    """A file cannot be trusted, or the store cannot be read."""


class HandshakeError(RefusedError):
    """Host and plugin do not speak the same protocol, or one refused the other."""
