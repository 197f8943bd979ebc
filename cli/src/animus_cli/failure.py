"""Failures of commands: the exit code table, and what every kind of error becomes for the user.

A failure says what happened, where, and what to do next. Its `code` is one of the words of the table; its exit code
follows from the word.
"""

import difflib
from collections.abc import Iterable
from typing import Any

__all__ = ["EXIT_CODES", "INTERRUPTED", "CommandError", "did_you_mean"]

INTERRUPTED = 130
"""The exit code after Ctrl-C (128 + SIGINT)."""

EXIT_CODES = {
    "internal": 1,
    "invalid_input": 2,
    "not_found": 3,
    "conflict": 4,
    "unavailable": 5,
    "run_failed": 6,
}
"""Word to exit code. ``run_failed`` is our addition: a run that was waited for ended failed, escalated or cancelled."""


class CommandError(Exception):
    """A command could not do what was asked.

    Attributes:
        code: a key of `EXIT_CODES`.
        message: what happened, and to which thing.
        details: JSON for programs; shown to people line by line where it is text.
        next_step: the command or act that helps, or None.
        remediation: the kind of help, for programs (``missing_plugin``, ``daemon_not_running``, ``invalid_input``).
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        next_step: str | None = None,
        remediation: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = {} if details is None else details
        self.next_step = next_step
        self.remediation = remediation

    @property
    def exit_code(self) -> int:
        """The process's exit code."""
        return EXIT_CODES[self.code]

    def record(self) -> dict[str, Any]:
        """The ``error`` object of the envelope."""
        details = dict(self.details)
        remediation = dict(details.get("remediation") or {})
        if self.remediation is not None:
            remediation.setdefault("kind", self.remediation)
        if self.next_step is not None and not remediation.keys() & {"next_step", "install_command"}:
            remediation["next_step"] = self.next_step
        if remediation:
            details["remediation"] = remediation
        record: dict[str, Any] = {"code": self.code, "message": self.message, "exit_code": self.exit_code}
        if details:
            record["details"] = details
        return record


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known word, with a leading blank; empty if none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""
