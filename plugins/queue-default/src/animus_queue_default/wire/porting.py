"""A live entry as the reference queue wrote it to ``queue.json``, and back: what import and export share."""

import msgspec

from animus_plugin_protocol.wire.dispatch import RepositoryReservation, SubjectDispatch, qualified_id, subject_key
from animus_plugin_protocol.wire.queue_care import QueueAuditLine, QueueKey, QueuePortableEntry
from animus_queue_default.clock import MICROSECONDS
from animus_queue_default.model.entry import AuditLine, BoundKey, Entry, Grant, Priority, Repository, Standing
from animus_queue_default.model.lease import UNFENCED_TTL_SECONDS
from animus_queue_default.model.moment import format_moment, parse_moment
from animus_queue_default.model.request import ANY_REQUEST, LONGEST_EXPIRY, Request, request_hash
from animus_queue_default.model.status import Status
from animus_queue_default.wire.limits import require_shallow

__all__ = ["checked_count", "from_portable", "to_portable"]

_MOST = 2**63 - 1
"""The highest generation that is taken over: there is room above it to count on."""

_decode_dispatch = msgspec.json.Decoder(SubjectDispatch).decode


def from_portable(item: QueuePortableEntry, *, seq: int, position: int, entry_id: str, now: int) -> Entry:
    """The entry `item` stands for.

    Raises:
        MomentError: a moment is malformed.
        ValueError: the subject is blank, a number is out of range, or no reply could carry the entry.
    """
    dispatch = item.dispatch
    subject = None if dispatch is None else dispatch.subject
    if dispatch is not None:
        require_shallow(dispatch)
    entry = Entry(
        seq=seq,
        entry_id=entry_id,
        subject=item.subject_id or item.task_id or "" if subject is None else qualified_id(subject.kind, subject.id),
        subject_key=item.subject_id or item.task_id or "" if subject is None else subject_key(subject),
        workflow_ref="" if dispatch is None else dispatch.workflow_ref,
        dispatch=None if dispatch is None or subject is None else msgspec.json.encode(dispatch),
        priority=Priority.from_word(None if dispatch is None else dispatch.priority),
        position=position,
        enqueued_at=_moment(item.enqueued_at) or now,
        run_at=_moment(item.run_at),
        run_at_text=item.run_at,
        expire_after_secs=_expiry(item.expire_after_secs),
        repository=_repository(item.repository),
        task_id=item.task_id,
        standing=_standing(item, now),
        audit=tuple(_audit(line, now) for line in item.audit_log),
    )
    keys = [BoundKey(item.idempotency_key, _content_hash(entry))] if item.idempotency_key else []
    keys += [BoundKey(extra.key, extra.content_hash or ANY_REQUEST) for extra in item.extra_idempotency_keys]
    entry.keys = tuple(key for key in keys if key.key)
    return entry


def checked_count(name: str, count: int | None) -> int:
    """A number of generations, 0 if there is none.

    Raises:
        ValueError: it is out of range.
    """
    if count is not None and not 0 <= count <= _MOST:
        raise ValueError(f"{name} is {count}; it must be 0 to {_MOST}")
    return count or 0


def to_portable(entry: Entry) -> QueuePortableEntry:
    """`entry` as it can be imported elsewhere."""
    standing = entry.standing
    grant = standing.grant
    repository = entry.repository
    return QueuePortableEntry(
        entry_id=entry.entry_id,
        subject_id=entry.subject,
        task_id=entry.task_id,
        dispatch=None if entry.dispatch is None else _decode_dispatch(entry.dispatch),
        status=standing.status.value,
        workflow_id=standing.workflow_id,
        enqueued_at=format_moment(entry.enqueued_at),
        assigned_at=_text(standing.assigned_at),
        held_at=_text(standing.held_at),
        hold_reason=standing.hold_reason,
        run_at=entry.run_at_text,
        expire_after_secs=entry.expire_after_secs,
        audit_log=[_audit_to_portable(line) for line in entry.audit],
        subject_generation=standing.subject_generation or None,
        repository=None
        if repository is None
        else RepositoryReservation(
            repository=repository.repository, base_ref=repository.base_ref, head_ref=repository.head_ref
        ),
        workflow_generation=standing.workflow_generation or None,
        lease_owner=None if grant is None or not grant.fenced else grant.owner_id,
        lease_generation=standing.lease_generation or None,
        lease_expires_at=None if grant is None else format_moment(grant.expires_at),
        extra_idempotency_keys=[
            QueueKey(key=key.key, content_hash=None if key.request_hash == ANY_REQUEST else key.request_hash)
            for key in entry.keys
        ],
    )


def _content_hash(entry: Entry) -> str:
    """What the entry's first key is bound to: the entry itself, where there is enough of it left to compare with."""
    if entry.dispatch is None:
        return ANY_REQUEST
    return request_hash(
        Request(
            subject=entry.subject,
            subject_key=entry.subject_key,
            workflow_ref=entry.workflow_ref,
            dispatch=entry.dispatch,
            priority=entry.priority,
            run_at=entry.run_at,
            expire_after_secs=entry.expire_after_secs,
            repository=entry.repository,
        )
    )


def _expiry(seconds: int | None) -> int | None:
    if seconds is not None and not 0 <= seconds <= LONGEST_EXPIRY:
        raise ValueError(f"expire_after_secs is {seconds}; it must be 0 to {LONGEST_EXPIRY}")
    return seconds


def _moment(text: str | None) -> int | None:
    return None if text is None else parse_moment(text)


def _text(moment: int | None) -> str | None:
    return None if moment is None else format_moment(moment)


def _repository(reservation: RepositoryReservation | None) -> Repository | None:
    if reservation is None:
        return None
    return Repository(reservation.repository, reservation.base_ref, reservation.head_ref)


def _audit(line: QueueAuditLine, now: int) -> AuditLine:
    at = parse_moment(line.at) if line.at else now
    return AuditLine(at, line.method, line.from_status, line.to_status, line.reason or "")


def _audit_to_portable(line: AuditLine) -> QueueAuditLine:
    return QueueAuditLine(
        at=format_moment(line.at),
        method=line.operation,
        from_status=line.from_status,
        to_status=line.to_status,
        reason=line.reason,
    )


def _standing(item: QueuePortableEntry, now: int) -> Standing:
    known = item.status in {status.value for status in Status}
    status = Status(item.status) if known else Status.UNKNOWN
    assigned = status is Status.ASSIGNED
    workflow_generation = checked_count("workflow_generation", item.workflow_generation)
    subject_generation = checked_count("subject_generation", item.subject_generation)
    lease_generation = checked_count("lease_generation", item.lease_generation)
    grant = None
    if item.lease_owner or assigned:
        # An assigned entry of the oldest version has no expiry; it gets one, or it would hold its subject for ever.
        expires_at = _moment(item.lease_expires_at) or now + UNFENCED_TTL_SECONDS * MICROSECONDS
        is_fenced = bool(item.lease_owner and workflow_generation and subject_generation)
        grant = Grant(item.lease_owner or "", lease_generation, expires_at, is_fenced)
    return Standing(
        status=status,
        workflow_id=item.workflow_id,
        workflow_generation=workflow_generation,
        subject_generation=subject_generation,
        lease_generation=lease_generation,
        grant=grant,
        assigned_at=_moment(item.assigned_at),
        held_at=_moment(item.held_at),
        hold_reason=item.hold_reason,
    )
