"""The error table and the exception tree of the protocol (protocol section 5).

Every code stands here once; a code is for ever. Exceptions are grouped by what the catcher should do::

    ProtocolError                 anything from this package
    ├── FrameError                a line that is no frame; the loop goes on
    ├── RegistrationError         the plugin's author made a mistake; the plugin does not start
    ├── Cancelled                 the peer asked for it to stop; not a failure
    └── RpcFault                  travels as a JSON-RPC error
        ├── RefusedError          asking again the same way gives the same answer
        ├── RetriableError        the same request may succeed later
        └── FatalError            the peer or the connection is gone
"""

from typing import Any

__all__ = [
    "ERROR_CODES",
    "Cancelled",
    "ErrorCode",
    "FatalError",
    "FrameError",
    "HostGoneError",
    "ProtocolError",
    "RefusedError",
    "RegistrationError",
    "RetriableError",
    "RpcFault",
    "fault_from_wire",
]


class ErrorCode:
    """Error codes by band."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603

    PLUGIN_NOT_INITIALIZED = -32000
    METHOD_NOT_SUPPORTED = -32001
    REQUEST_CANCELLED = -32002
    TIMEOUT = -32003

    WORKFLOW_NOT_FOUND = -32101
    PHASE_NOT_FOUND = -32102
    WORKFLOW_TERMINAL = -32103
    WORKFLOW_BINDING_MISMATCH = -32104
    MANUAL_GATE_PENDING = -32105
    DECISION_CONTRACT_INVALID = -32106

    QUEUE_ENTRY_NOT_FOUND = -32201
    QUEUE_ALREADY_ASSIGNED = -32202
    QUEUE_NOT_PENDING = -32203
    QUEUE_REORDER_FAILED = -32204
    QUEUE_LOCK_FAILED = -32205
    QUEUE_LEASE_COUNT_MISMATCH = -32206
    QUEUE_BINDING_MISMATCH = -32207
    QUEUE_NOT_ASSIGNED = -32208
    QUEUE_STALE_FENCE = -32209
    QUEUE_RECOVERY_REQUIRED = -32210

    DURABLE_RUN_NOT_FOUND = -32301
    DURABLE_STEP_NOT_FOUND = -32302
    DURABLE_RESERVATION_EXPIRED = -32303
    DURABLE_BACKEND_UNAVAILABLE = -32304
    DURABLE_BINDING_MISMATCH = -32305
    DURABLE_REPLAY_NONDETERMINISM = -32306
    DURABLE_INVALID_COMMIT_OUTCOME = -32307

    MEMORY_SCOPE_NOT_FOUND = -32401
    MEMORY_KEY_NOT_FOUND = -32402
    MEMORY_SCOPE_COLLISION = -32403
    MEMORY_BACKEND_UNAVAILABLE = -32404
    MEMORY_RATE_LIMITED = -32405
    MEMORY_TOP_K_EXCEEDED = -32406
    MEMORY_BINDING_MISMATCH = -32407

    HOST_NO_SUCH_PLUGIN = -32500
    HOST_CALL_NOT_DECLARED = -32501
    HOST_PLUGIN_DIED = -32502
    HOST_OVERLOADED = -32503
    HOST_CALL_TOO_DEEP = -32504


ERROR_CODES: dict[int, str] = {value: name.lower() for name, value in vars(ErrorCode).items() if isinstance(value, int)}
"""Code to word. Codes -32201, -32202 and -32204 are reserved and never raised by our plugins."""


class ProtocolError(Exception):
    """The root of everything this package raises."""


class FrameError(ProtocolError):
    """A line that is not a frame."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class RegistrationError(ProtocolError):
    """A handler does not fit the method it is registered for."""


class Cancelled(BaseException):
    """The request was cancelled.

    Derives from BaseException so that a handler's ``except Exception`` does not swallow it.
    """


class RpcFault(ProtocolError):  # noqa: N818 - a fault is what travels; its subclasses are the errors
    """An error that travels: code, message and data of a JSON-RPC error object.

    Attributes:
        code: one of `ErrorCode`, or a peer's own.
        data: JSON, or None. ``category`` in it follows the kind's table.
    """

    default_code = ErrorCode.INTERNAL_ERROR

    def __init__(self, message: str, *, code: int | None = None, data: Any = None) -> None:
        super().__init__(message)
        self.code = self.default_code if code is None else code
        self.message = message
        self.data = data


class RefusedError(RpcFault):
    """Asking again the same way gives the same answer."""

    default_code = ErrorCode.INVALID_PARAMS


class RetriableError(RpcFault):
    """The same request may succeed later: a time-out, a lock, an overload."""

    default_code = ErrorCode.TIMEOUT


class FatalError(RpcFault):
    """The peer or the connection is gone, or something broke that nobody planned for."""


class HostGoneError(FatalError):
    """The plugin's own host is gone: what was asked of it has no answer, and the process is about to end."""


_RETRIABLE = frozenset(
    {ErrorCode.TIMEOUT, ErrorCode.QUEUE_LOCK_FAILED, ErrorCode.HOST_OVERLOADED, ErrorCode.HOST_PLUGIN_DIED}
)
_FATAL = frozenset({ErrorCode.INTERNAL_ERROR, ErrorCode.PARSE_ERROR})


def fault_from_wire(code: int, message: str, data: Any = None) -> RpcFault:
    """The exception for an error object a peer sent."""
    if code in _RETRIABLE:
        return RetriableError(message, code=code, data=data)
    if code in _FATAL:
        return FatalError(message, code=code, data=data)
    return RefusedError(message, code=code, data=data)
