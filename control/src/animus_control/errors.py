"""What can go wrong for a caller of the kernel, as one exception with a category.

The category decides the exit code of the command line and the code on the socket. A message says what happened,
where, and what to do; `remediation` repeats the last part for programs.
"""

from typing import Any, cast

from animus_plugin_protocol.errors import ErrorCode as E
from animus_plugin_protocol.errors import RpcFault

__all__ = [
    "CATEGORIES",
    "ControlError",
    "category_of",
    "daemon_needed",
    "error_from_fault",
    "error_from_wire",
    "missing_plugin",
]

CATEGORIES: dict[str, int] = {
    "invalid_request": E.INVALID_PARAMS,
    "not_found": E.INVALID_PARAMS,
    "conflict": E.INVALID_REQUEST,
    "permission_denied": E.INVALID_REQUEST,
    "unavailable": E.INTERNAL_ERROR,
    "internal": E.INTERNAL_ERROR,
    "not_supported": E.METHOD_NOT_SUPPORTED,
}
"""Category to the code that travels with it on the socket; clients branch on the category."""

_CODES_OF_CATEGORY: dict[str, frozenset[int]] = {
    "invalid_request": frozenset({E.INVALID_PARAMS}),
    "not_supported": frozenset({E.METHOD_NOT_FOUND, E.METHOD_NOT_SUPPORTED}),
    "not_found": frozenset({E.WORKFLOW_NOT_FOUND, E.PHASE_NOT_FOUND, E.QUEUE_ENTRY_NOT_FOUND}),
    "conflict": frozenset({E.REQUEST_CANCELLED, E.WORKFLOW_TERMINAL, E.MANUAL_GATE_PENDING, E.QUEUE_NOT_PENDING})
    | {E.QUEUE_NOT_ASSIGNED, E.QUEUE_STALE_FENCE},
    "unavailable": frozenset({E.TIMEOUT, E.QUEUE_LOCK_FAILED, E.HOST_NO_SUCH_PLUGIN, E.HOST_PLUGIN_DIED})
    | {E.HOST_OVERLOADED},
}


class ControlError(Exception):
    """An operation was refused or could not be done.

    Attributes:
        category: one of `CATEGORIES`.
        message: what happened, where, what to do.
        details: facts for programs.
        remediation: ``kind`` with ``next_step`` or ``install_command``, when there is one.
    """

    def __init__(
        self,
        category: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        remediation: dict[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(message)
        self.category = category if category in CATEGORIES else "internal"
        self.message = message
        self.details = details or {}
        kind = "conflict" if category == "conflict" else "invalid_input"
        self.remediation = remediation or ({} if next_step is None else {"kind": kind, "next_step": next_step})

    def to_wire(self) -> dict[str, Any]:
        """The error object of a response."""
        data: dict[str, Any] = {"category": self.category}
        if self.details:
            data["details"] = self.details
        if self.remediation:
            data["remediation"] = self.remediation
        return {"code": CATEGORIES[self.category], "message": self.message, "data": data}


def missing_plugin(message: str, install_command: str) -> ControlError:
    """Something is not installed; the message ends with the command that installs it."""
    remediation = {"kind": "missing_plugin", "install_command": install_command}
    return ControlError("unavailable", f"{message}; install it with: {install_command}", remediation=remediation)


def daemon_needed(message: str) -> ControlError:
    """No daemon answers; the message ends with the command that starts one."""
    remediation = {"kind": "daemon_not_running", "next_step": "animus daemon start"}
    return ControlError("unavailable", f"{message}; start one with: animus daemon start", remediation=remediation)


def error_from_wire(error: dict[str, Any]) -> ControlError:
    """The exception for an error object that a daemon sent."""
    data: dict[str, Any] = error.get("data") or {}
    return ControlError(
        str(data.get("category", "internal")),
        str(error.get("message", "")),
        details=data.get("details"),
        remediation=data.get("remediation"),
    )


def category_of(fault: RpcFault) -> Any:
    """The category that a plugin put into its error, if it did."""
    data: Any = fault.data
    return cast("dict[str, Any]", data).get("category") if isinstance(data, dict) else None


def error_from_fault(fault: RpcFault, method: str) -> ControlError:
    """The exception for what a plugin answered to `method`."""
    category = category_of(fault)
    if category not in CATEGORIES:
        by_code = (name for name, codes in _CODES_OF_CATEGORY.items() if fault.code in codes)
        category = "not_supported" if category == "unsupported" else next(by_code, "internal")
    return ControlError(category, fault.message, details={"method": method, "code": fault.code, "data": fault.data})
