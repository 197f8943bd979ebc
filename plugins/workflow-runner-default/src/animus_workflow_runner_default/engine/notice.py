"""``post_success.notify``: what is told of a run that completed, and who is told."""

from collections.abc import Awaitable
from typing import Any, NamedTuple, Protocol

from animus_workflow_runner_default.journal.record import Run

__all__ = ["Notice", "NoticeError", "Notifier", "completion_notice"]


class NoticeError(Exception):
    """Nobody was told; the text says why."""


class Notice(NamedTuple):
    """One event for people."""

    event_type: str
    run_id: str
    timestamp: str
    project_root: str
    data: dict[str, Any]


class Notifier(Protocol):
    """Tells people of an event."""

    def __call__(self, notice: Notice) -> Awaitable[str]:
        """Tell; what became of it, in words.

        Raises:
            NoticeError: nobody was told.
        """
        ...


def completion_notice(run: Run, project_root: str, timestamp: str, message: str | None = None) -> Notice:
    """What is told of a run that has reached its goal; `message` is the author's."""
    data: dict[str, Any] = {
        "workflow_id": run.workflow_id,
        "workflow_ref": run.workflow_ref,
        "subject": {"kind": run.subject.kind, "id": run.subject.id, "title": run.subject.title},
        "status": "completed",
        "post_success": run.merge,
        "total_duration_secs": round(run.busy_seconds, 3),
    }
    if message is not None:
        data["message"] = message
    return Notice("workflow_completed", run.workflow_id, timestamp, project_root, data)
