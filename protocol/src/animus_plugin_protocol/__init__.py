"""The Animus plugin protocol: wire types, frames, and the loop that serves them.

A plugin is a `Plugin` with handlers registered for methods of `methods`; ``wire`` holds the types they take and
give back, one module per kind. Handlers fail by raising `RefusedError`, `RetriableError` or `FatalError`.
"""

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
