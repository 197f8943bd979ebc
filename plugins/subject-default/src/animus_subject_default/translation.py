"""Between wire and domain: ids, filters, patches and subjects, and what each error is called on the wire."""

import contextlib
from collections.abc import Generator
from typing import Any

import msgspec

from animus_plugin_protocol.errors import ErrorCode, RefusedError, RetriableError
from animus_plugin_protocol.wire.dispatch import canonical_kind
from animus_plugin_protocol.wire.subject import (
    ChangeKind,
    Subject,
    SubjectChangedEvent,
    SubjectCreateParams,
    SubjectFilter,
    SubjectListParams,
    SubjectPatch,
    SubjectStatus,
)
from animus_subject_default.errors import (
    InvalidSubjectError,
    StoreBusyError,
    StoreUnavailableError,
    SubjectNotFoundError,
)
from animus_subject_default.record import (
    KEEP,
    KINDS,
    Change,
    NewSubject,
    SubjectChanges,
    SubjectQuery,
    SubjectRecord,
)
from animus_subject_default.status import Status

__all__ = [
    "changes_of",
    "event_of",
    "filter_of",
    "identity",
    "is_unmatchable",
    "kinds_asked",
    "named_faults",
    "new_of",
    "query_of",
    "wire_subject",
]


@contextlib.contextmanager
def named_faults() -> Generator[None]:
    """Turn what the domain raises into the errors of the subject_backend kind, with their category."""
    try:
        yield
    except SubjectNotFoundError as error:
        raise RefusedError(str(error), code=ErrorCode.INVALID_PARAMS, data={"category": "not_found"}) from error
    except InvalidSubjectError as error:
        raise RefusedError(str(error), code=ErrorCode.INVALID_PARAMS, data={"category": "invalid_request"}) from error
    except StoreBusyError as error:
        raise RetriableError(str(error), code=ErrorCode.INTERNAL_ERROR, data={"category": "unavailable"}) from error
    except StoreUnavailableError as error:
        raise RefusedError(str(error), code=ErrorCode.INTERNAL_ERROR, data={"category": "unavailable"}) from error


def known_kind(kind: str, *, prefix: str | None) -> str:
    """The short form of `kind`.

    Raises:
        InvalidSubjectError: it is not kept here, or is not the kind the method was called for.
    """
    short = canonical_kind(kind)
    if short not in KINDS:
        raise InvalidSubjectError(f"kind {kind!r} is not kept here; the kinds are {', '.join(KINDS)}")
    if prefix is not None and short != prefix:
        raise InvalidSubjectError(f"the method was called for kind {prefix!r} and the request names kind {kind!r}")
    return short


def identity(subject_id: str, prefix: str | None) -> tuple[str, str]:
    """Kind and native id of ``<kind>:<native id>``; a bare native id takes the kind the method was called for.

    Raises:
        InvalidSubjectError: there is no kind, or see `known_kind`.
    """
    kind, colon, native_id = subject_id.strip().partition(":")
    if not colon:
        if prefix is None:
            raise InvalidSubjectError(
                f"id {subject_id!r} names no kind; write it as <kind>:<id>, for example task:TASK-001"
            )
        return prefix, kind
    return known_kind(kind, prefix=prefix), native_id.strip()


def kinds_asked(kinds: list[str], prefix: str | None) -> tuple[str, ...]:
    """The kinds a filter means: those it lists, else the one the method was called for, else all.

    Raises:
        InvalidSubjectError: it lists others than the one the method was called for, or see `known_kind`.
    """
    if prefix is not None:
        if kinds and prefix not in {canonical_kind(kind) for kind in kinds}:
            raise InvalidSubjectError(f"the method was called for kind {prefix!r} and the filter asks for {kinds}")
        return (prefix,)
    return tuple(dict.fromkeys(known_kind(kind, prefix=None) for kind in kinds)) or tuple(KINDS)


def filter_of(params: SubjectListParams) -> SubjectFilter:
    """The filter that was meant: hosts send it flat, under ``filter``, or in both places; the inner one wins."""
    inner = params.filter
    if inner is None:
        return params
    chosen: dict[str, Any] = {}
    for name in SubjectFilter.__struct_fields__:
        value = getattr(inner, name)
        chosen[name] = getattr(params, name) if value is None or value == [] else value
    return SubjectFilter(**chosen)


def is_unmatchable(wanted: SubjectFilter) -> bool:
    """Whether the filter asks for something no subject here has: a native status, dispatch label or attachment."""
    return any(value is not None for value in (wanted.native_status, wanted.dispatch_label, wanted.has_attachment_kind))


def query_of(wanted: SubjectFilter, prefix: str | None) -> SubjectQuery:
    """The domain's question for a filter."""
    return SubjectQuery(
        kinds=kinds_asked(wanted.kind, prefix),
        statuses=tuple(Status(status) for status in wanted.status),
        assignees=tuple(wanted.assignee),
        labels_any=tuple(wanted.labels_any),
        labels_all=tuple(wanted.labels_all),
        updated_since=wanted.updated_since,
    )


def new_of(params: SubjectCreateParams, prefix: str | None) -> NewSubject:
    """What is to be made. The kind may come from the method; ``description`` is an alias of ``body``.

    Raises:
        InvalidSubjectError: there is no kind, two texts that differ, or see `known_kind`.
    """
    if params.kind is None and prefix is None:
        raise InvalidSubjectError(f"the kind is missing; name one of {', '.join(KINDS)} or call <kind>/create")
    if params.body is not None and params.description is not None and params.body != params.description:
        raise InvalidSubjectError("body and description both hold text and differ; send one of them")
    kind = prefix if params.kind is None else known_kind(params.kind, prefix=prefix)
    return NewSubject(
        kind=kind or "",
        title=params.title,
        description=params.description if params.body is None else params.body,
        status=Status.READY if params.status is None else Status(params.status),
        priority=params.priority,
        assignee=params.assignee,
        labels=tuple(params.labels),
        custom=params.custom,
    )


def changes_of(patch: SubjectPatch) -> SubjectChanges:
    """The domain's patch; an assignee that was not sent is kept, one sent as null is cleared."""
    return SubjectChanges(
        status=None if patch.status is None else Status(patch.status),
        assignee=KEEP if isinstance(patch.assignee, msgspec.UnsetType) else patch.assignee,
        labels_add=tuple(patch.labels_add),
        labels_remove=tuple(patch.labels_remove),
        custom=patch.custom,
        comment=patch.comment,
        title=patch.title,
        description=patch.body,
        priority=patch.priority,
    )


def wire_subject(record: SubjectRecord) -> Subject:
    """The subject as it travels. Its newest comments are in ``status_metadata.comments``, oldest first."""
    comments = [{"text": comment.text, "at": comment.at} for comment in record.comments]
    return Subject(
        id=f"{record.kind}:{record.native_id}",
        kind=record.kind,
        title=record.title,
        description=record.description,
        status=SubjectStatus(record.status),
        priority=record.priority,
        assignee=record.assignee,
        labels=list(record.labels),
        custom=dict(record.custom),
        status_metadata={"comments": comments} if comments else None,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )


def event_of(change: Change) -> SubjectChangedEvent | None:
    """What watchers are told; None when nothing changed."""
    record = change.after or change.before
    if record is None or change.before == change.after:
        return None
    if change.before is None:
        happened = ChangeKind.CREATED
    elif change.after is None:
        happened = ChangeKind.DELETED
    elif change.before.status != change.after.status:
        happened = ChangeKind.STATUS_CHANGED
    else:
        happened = ChangeKind.UPDATED
    subject = wire_subject(record)
    return SubjectChangedEvent(id=subject.id, change_kind=happened, subject=subject)
