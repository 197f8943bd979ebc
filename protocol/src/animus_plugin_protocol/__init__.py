"""The Animus plugin protocol: wire types, frames, and the loop that serves them.

A plugin is a `Plugin` with handlers registered for methods of `methods`; ``wire`` holds the types they take and
give back, one module per kind. Handlers fail by raising `RefusedError`, `RetriableError` or `FatalError`.

The names are imported when they are used: a plugin's process answers its host before it imports them.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from animus_plugin_protocol import methods
    from animus_plugin_protocol.context import AsyncContext, Context
    from animus_plugin_protocol.errors import (
        Cancelled,
        ErrorCode,
        FatalError,
        RefusedError,
        RegistrationError,
        RetriableError,
        RpcFault,
    )
    from animus_plugin_protocol.plugin import Plugin
    from animus_plugin_protocol.version import PROTOCOL_VERSION

__all__ = [
    "PROTOCOL_VERSION",
    "AsyncContext",
    "Cancelled",
    "Context",
    "ErrorCode",
    "FatalError",
    "Plugin",
    "RefusedError",
    "RegistrationError",
    "RetriableError",
    "RpcFault",
    "methods",
]

_HOMES = {"PROTOCOL_VERSION": "version", "AsyncContext": "context", "Context": "context", "Plugin": "plugin"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    home = name if name == "methods" else _HOMES.get(name, "errors")
    module = __import__(f"{__name__}.{home}", fromlist=(name,))
    value: object = module if name == "methods" else getattr(module, name)
    globals()[name] = value
    return value
