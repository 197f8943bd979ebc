"""Why a request is not done: a status, a word for programs and a sentence for people.

The words and what they mean are those of the command line's exit codes, so that a caller of both keeps one table:

================= ========= ======
word              exit code status
================= ========= ======
``internal``      1         500
``invalid_input`` 2         400
``not_found``     3         404
``conflict``      4         409
``unavailable``   5         503
================= ========= ======

Two categories of the daemon have a status of their own: ``permission_denied`` is 403, ``not_supported`` 501. What HTTP
itself refuses (no token, a body too large) has its own status and word.
"""

from collections.abc import Mapping
from typing import Any

from animus_cli.program import command_error

__all__ = ["STATUS_OF_CATEGORY", "STATUS_OF_CODE", "RefusalError", "refusal_of"]

STATUS_OF_CODE: Mapping[str, int] = {
    "internal": 500,
    "invalid_input": 400,
    "not_found": 404,
    "conflict": 409,
    "unavailable": 503,
}
STATUS_OF_CATEGORY: Mapping[str, int] = {"permission_denied": 403, "not_supported": 501}

_RETRY_SECONDS = "1"


class RefusalError(Exception):
    """A request is answered with `status` and an error object.

    Attributes:
        code: a word for programs.
        message: what happened, and what to do.
        details: facts for programs.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.details, self.headers = details or {}, headers

    def record(self) -> dict[str, Any]:
        """The ``error`` object of the envelope."""
        record: dict[str, Any] = {"code": self.code, "message": self.message}
        return record | ({"details": dict(self.details)} if self.details else {})


def refusal_of(error: Exception) -> RefusalError:
    """The refusal for what an operation raised."""
    if isinstance(error, RefusalError):
        return error
    failed = command_error(error)
    record = failed.record()
    details: dict[str, Any] = record.get("details", {})
    status = STATUS_OF_CATEGORY.get(str(details.get("category")), STATUS_OF_CODE[failed.code])
    headers = (
        (("Retry-After", _RETRY_SECONDS),)
        if failed.code == "unavailable" and status == STATUS_OF_CODE[failed.code]
        else ()
    )
    return RefusalError(status, failed.code, failed.message, details=details, headers=headers)
