"""``subject`` commands."""

from animus_cli.table import Column, ago, facts, paragraph, table
from animus_cli.terminal import Screen
from animus_plugin_protocol.wire.control import SubjectBatchResult, SubjectListResult, SubjectNextResult
from animus_plugin_protocol.wire.subject import Subject, SubjectStatus

__all__ = ["created", "one", "page", "upcoming"]

_COLUMNS = [
    Column("SUBJECT"),
    Column("STATUS", status=True),
    Column("PRIORITY", right=True),
    Column("TITLE", flexible=True),
    Column("LABELS", flexible=True),
    Column("UPDATED"),
]


def one(result: Subject, screen: Screen) -> list[str]:
    """Everything about one subject."""
    lines = facts(
        [
            ("subject", result.id),
            ("title", result.title),
            ("status", result.status.value),
            ("priority", "" if result.priority is None else str(result.priority)),
            ("assignee", result.assignee or ""),
            ("labels", ", ".join(result.labels)),
            ("url", result.url or ""),
            ("created", ago(result.created_at, screen)),
            ("updated", ago(result.updated_at, screen)),
            *((name, str(value)) for name, value in sorted(result.custom.items())),
        ],
        screen,
    )
    return [*lines, "", *paragraph(result.description, screen)] if result.description else lines


def page(result: SubjectListResult, screen: Screen) -> list[str]:
    """A table of subjects."""
    if not result.subjects:
        return ["There are no such subjects. next: animus subject create --title TITLE"]
    rows = [
        [
            subject.id,
            subject.status.value,
            "" if subject.priority is None else str(subject.priority),
            subject.title,
            ",".join(subject.labels),
            ago(subject.updated_at, screen),
        ]
        for subject in result.subjects
    ]
    lines = table(_COLUMNS, rows, screen)
    if any(subject.status is SubjectStatus.BLOCKED for subject in result.subjects):
        lines.append(
            "next, when what blocked it is mended: animus subject status SUBJECT ready (why: animus why SUBJECT)"
        )
    return lines if result.next_cursor is None else [*lines, f"There are more: --cursor {result.next_cursor}"]


def upcoming(result: SubjectNextResult, screen: Screen) -> list[str]:
    """The subject that is next, or that there is none."""
    return ["Nothing is ready."] if result.subject is None else one(result.subject, screen)


def created(result: SubjectBatchResult, screen: Screen) -> list[str]:
    """The subjects that were made together."""
    return page(SubjectListResult(subjects=result.subjects), screen)
