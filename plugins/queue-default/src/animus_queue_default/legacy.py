"""Taking over the ``.animus/queue.json`` of the reference queue, once.

Two shapes exist: an object with ``entries``, and an older bare array. Entries without an id get one; it is written
to the journal in the same step, so every process sees the same ids from then on. The file itself is left as it is.
"""

from pathlib import Path
from typing import Any

import msgspec

from animus_plugin_protocol.wire.dispatch import RepositoryReservation, SubjectDispatch, qualified_id, subject_key
from animus_queue_default.clock import MICROSECONDS
from animus_queue_default.entry import AuditLine, BoundKey, Entry, Grant, Priority, Repository, Standing
from animus_queue_default.fault import CorruptFileError
from animus_queue_default.files import Files
from animus_queue_default.identity import Mint, mint_id
from animus_queue_default.lease import UNFENCED_TTL_SECONDS
from animus_queue_default.moment import MomentError, parse_moment
from animus_queue_default.record import Added, Generations, Record
from animus_queue_default.request import ANY_REQUEST, LONGEST_EXPIRY
from animus_queue_default.status import Status

__all__ = ["LegacyQueueFile"]


class _Key(msgspec.Struct):
    key: str


class _Audit(msgspec.Struct):
    at: str = ""
    method: str = ""
    from_status: str = ""
    to_status: str = ""
    reason: str | None = None


class _Entry(msgspec.Struct, kw_only=True):
    entry_id: str | None = None
    subject_id: str | None = None
    task_id: str | None = None
    dispatch: SubjectDispatch | None = None
    status: str = "pending"
    workflow_id: str | None = None
    enqueued_at: str | None = None
    assigned_at: str | None = None
    held_at: str | None = None
    run_at: str | None = None
    expire_after_secs: int | None = None
    audit_log: list[_Audit] = []
    subject_generation: int | None = None
    repository: RepositoryReservation | None = None
    workflow_generation: int | None = None
    lease_owner: str | None = None
    lease_generation: int | None = None
    lease_expires_at: str | None = None
    idempotency_key: str | None = None
    extra_idempotency_keys: list[_Key] = []


class _File(msgspec.Struct):
    entries: list[_Entry] = []
    subject_generations: dict[str, int] = {}


class LegacyQueueFile:
    """The reference queue's file as a `Predecessor`.

    Args:
        path: where it would be.
        files: the operating system.
        mint: makes ids for entries that have none.
    """

    def __init__(self, path: Path, files: Files, mint: Mint = mint_id) -> None:
        self._path = path
        self._files = files
        self._mint = mint

    def exists(self) -> bool:
        """Whether there is such a file with something in it."""
        return bool((self._files.read_whole(self._path) or b"").strip())

    def records(self, now: int) -> list[Record]:
        """The facts the file amounts to, in file order; none if there is no file.

        Raises:
            CorruptFileError: it cannot be read as a queue.
        """
        data = (self._files.read_whole(self._path) or b"").strip()
        if not data:
            return []
        try:
            content = _parse(data)
            entries = self._renamed(
                [self._convert(seq, item, now) for seq, item in enumerate(content.entries, start=1)]
            )
        except (msgspec.MsgspecError, MomentError, ValueError) as error:
            raise CorruptFileError(
                f"{str(self._path)!r} cannot be taken over: {error}; nothing was written. Repair the file, or move it"
                " away to start with an empty queue"
            ) from error
        records: list[Record] = [Added(entry) for entry in entries]
        if content.subject_generations:
            records.append(Generations(tuple(content.subject_generations.items())))
        return records

    def _renamed(self, entries: list[Entry]) -> list[Entry]:
        """Ids are unique here: the second entry of an id gets a new one."""
        known: set[str] = set()
        for entry in entries:
            if entry.entry_id in known:
                entry.entry_id = self._mint()
            known.add(entry.entry_id)
        return entries

    def _convert(self, seq: int, item: _Entry, now: int) -> Entry:
        dispatch = item.dispatch
        subject = None if dispatch is None else dispatch.subject
        run_at = _moment(item.run_at)
        keys = [key for key in (item.idempotency_key, *(extra.key for extra in item.extra_idempotency_keys)) if key]
        return Entry(
            seq=seq,
            entry_id=item.entry_id or self._mint(),
            subject=item.subject_id or item.task_id or ""
            if subject is None
            else qualified_id(subject.kind, subject.id),
            subject_key=item.subject_id or item.task_id or "" if subject is None else subject_key(subject),
            workflow_ref="" if dispatch is None else dispatch.workflow_ref,
            dispatch=None if dispatch is None or subject is None else msgspec.json.encode(dispatch),
            priority=Priority.from_word(None if dispatch is None else dispatch.priority),
            position=seq - 1,
            enqueued_at=_moment(item.enqueued_at) or now,
            run_at=run_at,
            run_at_text=item.run_at,
            expire_after_secs=None if item.expire_after_secs is None else min(item.expire_after_secs, LONGEST_EXPIRY),
            repository=_repository(item.repository),
            task_id=item.task_id,
            standing=_standing(item, now),
            keys=tuple(BoundKey(key, ANY_REQUEST) for key in keys),
            audit=tuple(_audit(line, now) for line in item.audit_log),
        )


def _parse(data: bytes) -> _File:
    content: Any = msgspec.json.decode(data)
    return msgspec.convert({"entries": content} if isinstance(content, list) else content, _File)


def _moment(text: str | None) -> int | None:
    return None if text is None else parse_moment(text)


def _repository(reservation: RepositoryReservation | None) -> Repository | None:
    if reservation is None:
        return None
    return Repository(reservation.repository, reservation.base_ref, reservation.head_ref)


def _audit(line: _Audit, now: int) -> AuditLine:
    at = parse_moment(line.at) if line.at else now
    return AuditLine(at, line.method, line.from_status, line.to_status, line.reason or "")


def _standing(item: _Entry, now: int) -> Standing:
    known = item.status in {status.value for status in Status}
    status = Status(item.status) if known else Status.UNKNOWN
    assigned = status is Status.ASSIGNED
    grant = None
    if item.lease_owner or assigned:
        # An assigned entry of the oldest version has no expiry; it gets one, or it would hold its subject for ever.
        expires_at = _moment(item.lease_expires_at) or now + UNFENCED_TTL_SECONDS * MICROSECONDS
        is_fenced = bool(item.lease_owner and item.workflow_generation and item.subject_generation)
        grant = Grant(item.lease_owner or "", item.lease_generation or 0, expires_at, is_fenced)
    return Standing(
        status=status,
        workflow_id=item.workflow_id,
        workflow_generation=item.workflow_generation or 0,
        subject_generation=item.subject_generation or 0,
        lease_generation=item.lease_generation or 0,
        grant=grant,
        assigned_at=_moment(item.assigned_at),
        held_at=_moment(item.held_at),
    )
