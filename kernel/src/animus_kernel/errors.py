"""What can go wrong for a caller of the kernel, as one exception with a category (protocol section 4).

The category decides the exit code of the command line and the code on the socket. A message says what happened,
where, and what to do; `remediation` repeats the last part for programs.
"""

from typing import Any

from animus_plugin_protocol.errors import ErrorCode, RpcFault

__all__ = ["CATEGORIES", "KernelError", "error_from_fault", "error_from_wire"]

CATEGORIES: dict[str, int] = {
    "invalid_request": ErrorCode.INVALID_PARAMS,
    "not_found": ErrorCode.INVALID_PARAMS,
    "conflict": ErrorCode.INVALID_REQUEST,
    "permission_denied": ErrorCode.INVALID_REQUEST,
    "unavailable": ErrorCode.INTERNAL_ERROR,
    "internal": ErrorCode.INTERNAL_ERROR,
    "not_supported": ErrorCode.METHOD_NOT_SUPPORTED,
}
"""Category to the code that travels with it on the socket; clients branch on the category."""

_CATEGORY_OF_CODE: dict[int, str] = {
    ErrorCode.INVALID_PARAMS: "invalid_request",
    ErrorCode.METHOD_NOT_FOUND: "not_supported",
    ErrorCode.METHOD_NOT_SUPPORTED: "not_supported",
    ErrorCode.REQUEST_CANCELLED: "conflict",
    ErrorCode.TIMEOUT: "unavailable",
    ErrorCode.WORKFLOW_NOT_FOUND: "not_found",
    ErrorCode.PHASE_NOT_FOUND: "not_found",
    ErrorCode.WORKFLOW_TERMINAL: "conflict",
    ErrorCode.MANUAL_GATE_PENDING: "conflict",
    ErrorCode.QUEUE_ENTRY_NOT_FOUND: "not_found",
    ErrorCode.QUEUE_NOT_PENDING: "conflict",
    ErrorCode.QUEUE_NOT_ASSIGNED: "conflict",
    ErrorCode.QUEUE_LOCK_FAILED: "unavailable",
    ErrorCode.QUEUE_STALE_FENCE: "conflict",
    ErrorCode.HOST_NO_SUCH_PLUGIN: "unavailable",
    ErrorCode.HOST_PLUGIN_DIED: "unavailable",
    ErrorCode.HOST_OVERLOADED: "unavailable",
}


class KernelError(Exception):
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
    ) -> None:
        super().__init__(message)
        self.category = category if category in CATEGORIES else "internal"
        self.message = message
        self.details = details or {}
        self.remediation = remediation or {}

    def to_wire(self) -> dict[str, Any]:
        """The error object of a response."""
        data: dict[str, Any] = {"category": self.category}
        if self.details:
            data["details"] = self.details
        if self.remediation:
            data["remediation"] = self.remediation
        return {"code": CATEGORIES[self.category], "message": self.message, "data": data}


def error_from_wire(error: dict[str, Any]) -> KernelError:
    """The exception for an error object that a daemon sent."""
    data = error.get("data") or {}
    return KernelError(
        str(data.get("category", "internal")),
        str(error.get("message", "")),
        details=data.get("details"),
        remediation=data.get("remediation"),
    )


def error_from_fault(fault: RpcFault, method: str) -> KernelError:
    """The exception for what a plugin answered to `method`."""
    data = fault.data if isinstance(fault.data, dict) else {}
    category = data.get("category")
    if category not in CATEGORIES:
        category = {"unsupported": "not_supported"}.get(str(category), _CATEGORY_OF_CODE.get(fault.code, "internal"))
    details = {"method": method, "code": fault.code} | ({"data": fault.data} if fault.data is not None else {})
    return KernelError(category, fault.message, details=details)
