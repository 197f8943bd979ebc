"""The queue's own types and those of the wire, one into the other."""

import msgspec

from animus_plugin_protocol.wire.dispatch import (
    ExecutionFence,
    FenceSubject,
    QueueLease,
    RepositoryReservation,
    SubjectDispatch,
    qualified_id,
    subject_key,
)
from animus_plugin_protocol.wire.queue import QueueEntry, QueueMutationResult, QueueStats
from animus_plugin_protocol.wire.queue_v2 import (
    BlockedEntry,
    FencedEnqueueParams,
    FencedLeaseParams,
    FencedMutationResult,
    LeasedEntry,
)
from animus_queue_default.fault import InvalidRequestError
from animus_queue_default.model.act import Block, FencedAct
from animus_queue_default.model.entry import Entry, Priority, Repository
from animus_queue_default.model.lease import Fence, fence_of
from animus_queue_default.model.moment import (
    MomentError,
    as_datetime,
    format_moment,
    from_datetime,
    parse_moment,
    require_moment,
)
from animus_queue_default.model.request import LONGEST_EXPIRY, Request, checked_key
from animus_queue_default.operations.fenced import MAX_LEASE_BATCH
from animus_queue_default.operations.handout import Exclusion
from animus_queue_default.operations.unfenced import Mutation, require_id_count
from animus_queue_default.operations.view import Totals
from animus_queue_default.wire.limits import require_shallow, require_short

__all__ = [
    "act_to_wire",
    "block_to_wire",
    "check_lease",
    "entry_to_wire",
    "exclusion_from_wire",
    "fence_from_wire",
    "fence_to_wire",
    "fenced_request_from_wire",
    "leased_to_wire",
    "mutation_to_wire",
    "request_from_wire",
    "totals_to_wire",
]

_FENCE_SCHEMA = "animus.execution-fence.v1"
_FENCE_VERSION = 1
_TASK = "task:"
_encode = msgspec.json.Encoder().encode
_decode_dispatch = msgspec.json.Decoder(SubjectDispatch).decode


def request_from_wire(
    dispatch: SubjectDispatch,
    run_at: str | None,
    expire_after_secs: int | None,
    reservation: RepositoryReservation | None = None,
) -> Request:
    """What is asked for, checked: what is refused here is refused before a queue is made for it.

    Raises:
        InvalidRequestError: there is no subject or workflow, a moment is malformed, an expiry is out of range, or no
            reply could carry the entry.
    """
    if dispatch.subject is None:
        raise InvalidRequestError("queue subject identity is missing: subject_dispatch.subject needs a kind and an id")
    if not dispatch.workflow_ref.strip():
        raise InvalidRequestError("subject_dispatch.workflow_ref is empty; name the workflow to run")
    if expire_after_secs is not None and not 0 <= expire_after_secs <= LONGEST_EXPIRY:
        raise InvalidRequestError(f"expire_after_secs is {expire_after_secs}; it must be 0 to {LONGEST_EXPIRY}")
    try:
        require_moment(dispatch.requested_at)
    except MomentError as error:
        raise InvalidRequestError(f"subject_dispatch.requested_at: {error}") from error
    try:
        subject = qualified_id(dispatch.subject.kind, dispatch.subject.id)
        require_shallow(dispatch)
        moment = None if run_at is None else parse_moment(run_at)
    except MomentError as error:
        raise InvalidRequestError(f"run_at: {error}") from error
    except ValueError as error:
        raise InvalidRequestError(str(error)) from error
    request = Request(
        subject=subject,
        subject_key=subject_key(dispatch.subject),
        workflow_ref=dispatch.workflow_ref,
        dispatch=_encode(dispatch),
        priority=Priority.from_word(dispatch.priority),
        task_id=subject[len(_TASK) :] if subject.startswith(_TASK) else None,
        run_at=moment,
        run_at_text=run_at,
        expire_after_secs=expire_after_secs,
        repository=None if reservation is None else _repository_from_wire(reservation),
    )
    request.require_size()
    return request


def fenced_request_from_wire(params: FencedEnqueueParams) -> Request:
    """As `request_from_wire`, for the second generation.

    Raises:
        InvalidRequestError: as there; or the expiry is out of range, or the key blank or too long.
    """
    request = request_from_wire(params.subject_dispatch, params.run_at, params.expire_after_secs, params.repository)
    request.require_expiry_in_range()
    if params.idempotency_key is not None:
        checked_key(params.idempotency_key)
    return request


def entry_to_wire(entry: Entry) -> QueueEntry:
    """An entry as hosts see it.

    Raises:
        InvalidRequestError: it is a legacy entry without a dispatch, which cannot be shown.
    """
    if entry.dispatch is None:
        raise InvalidRequestError(f"entry {entry.entry_id!r} has no dispatch; drop it")
    standing = entry.standing
    fence = fence_of(entry)
    return QueueEntry(
        entry_id=entry.entry_id,
        subject_id=entry.subject,
        subject_dispatch=_decode_dispatch(entry.dispatch),
        status=standing.status.value,
        enqueued_at=format_moment(entry.enqueued_at),
        task_id=entry.task_id,
        workflow_id=standing.workflow_id,
        assigned_at=None if standing.assigned_at is None else format_moment(standing.assigned_at),
        held_at=None if standing.held_at is None else format_moment(standing.held_at),
        hold_reason=standing.hold_reason,
        run_at=entry.run_at_text,
        expire_after_secs=entry.expire_after_secs,
        execution=None if fence is None else fence_to_wire(fence),
    )


def leased_to_wire(entry: Entry) -> LeasedEntry:
    """A handed-out entry with its fence."""
    shown = entry_to_wire(entry)
    if shown.execution is None:
        raise AssertionError(f"entry {entry.entry_id!r} was leased without a fence")
    return LeasedEntry(entry=shown, execution=shown.execution)


def fence_from_wire(execution: ExecutionFence) -> Fence:
    """The fence a holder shows.

    Raises:
        InvalidRequestError: it is not one of ours, or incomplete.
    """
    _require_fence(execution)
    lease, subject = execution.queue_lease, execution.subject
    if lease is None or subject is None:
        raise InvalidRequestError("execution must carry subject and queue_lease, as the lease handed them out")
    if lease.expires_at.tzinfo is None:
        raise InvalidRequestError(
            "execution.queue_lease.expires_at has no offset; write it like '2030-01-31T09:30:00Z'"
        )
    return Fence(
        entry_id=lease.entry_id,
        workflow_id=execution.workflow_id,
        workflow_generation=execution.workflow_generation,
        subject=subject.qualified_id,
        subject_generation=subject.generation,
        owner_id=lease.owner_id,
        lease_generation=lease.generation,
        expires_at=from_datetime(lease.expires_at),
        repository=None if execution.repository is None else _repository_from_wire(execution.repository),
    )


def check_lease(params: FencedLeaseParams) -> None:
    """Refuse a fenced lease that cannot be meant.

    Raises:
        InvalidRequestError: a field is out of range.
        LeaseCountError: there are not exactly ``max`` workflow ids.
    """
    if not 1 <= params.max <= MAX_LEASE_BATCH:
        raise InvalidRequestError(f"max is {params.max}; a fenced lease takes 1 to {MAX_LEASE_BATCH}")
    require_short(owner_id=params.owner_id, workflow_id=max(params.workflow_ids, key=len, default=None))
    if not params.owner_id.strip():
        raise InvalidRequestError("owner_id is empty; name who will hold the leases")
    require_id_count(params.max, params.workflow_ids)
    if not all(workflow_id.strip() for workflow_id in params.workflow_ids):
        raise InvalidRequestError("workflow_ids holds an empty id")
    if len(set(params.workflow_ids)) != len(params.workflow_ids):
        raise InvalidRequestError("workflow_ids holds an id twice; each run needs its own")


def exclusion_from_wire(fences: list[ExecutionFence]) -> Exclusion:
    """The runs the asker knows of.

    Raises:
        InvalidRequestError: one of them is no fence.
    """
    subjects: dict[str, str] = {}
    repositories: dict[str, str] = {}
    for fence in fences:
        _require_fence(fence)
        name = fence.workflow_id if fence.queue_lease is None else fence.queue_lease.entry_id
        if fence.subject is not None:
            subjects[fence.subject.qualified_id] = name
        if fence.repository is not None:
            repositories[_repository_from_wire(fence.repository).collision_key] = name
    return Exclusion(subjects=subjects, repositories=repositories)


def block_to_wire(block: Block) -> BlockedEntry:
    """Why an entry was not handed out."""
    return BlockedEntry(entry_id=block.entry_id, reason=block.reason.value, conflicts_with=block.conflicts_with)


def act_to_wire(act: FencedAct) -> FencedMutationResult:
    """What became of a fenced act."""
    execution = None if act.fence is None else fence_to_wire(act.fence)
    return FencedMutationResult(outcome=act.outcome.value, execution=execution, reason=act.reason)


def mutation_to_wire(mutation: Mutation) -> QueueMutationResult:
    """Whether something changed."""
    return QueueMutationResult(changed=mutation.changed, not_found=mutation.not_found)


def totals_to_wire(totals: Totals) -> QueueStats:
    """The counts of the whole queue."""
    return QueueStats(
        total=totals.total,
        pending=totals.pending,
        assigned=totals.assigned,
        held=totals.held,
        deferred=totals.deferred,
    )


def fence_to_wire(fence: Fence) -> ExecutionFence:
    """A fence as its holder gets it."""
    repository = fence.repository
    return ExecutionFence(
        schema=_FENCE_SCHEMA,
        version=_FENCE_VERSION,
        workflow_id=fence.workflow_id,
        workflow_generation=fence.workflow_generation,
        subject=FenceSubject(qualified_id=fence.subject, generation=fence.subject_generation),
        queue_lease=QueueLease(
            entry_id=fence.entry_id,
            owner_id=fence.owner_id,
            generation=fence.lease_generation,
            expires_at=as_datetime(fence.expires_at),
        ),
        repository=None
        if repository is None
        else RepositoryReservation(
            repository=repository.repository, base_ref=repository.base_ref, head_ref=repository.head_ref
        ),
    )


def _require_fence(execution: ExecutionFence) -> None:
    if execution.schema != _FENCE_SCHEMA or execution.version != _FENCE_VERSION:
        raise InvalidRequestError(
            f"execution has schema {execution.schema!r} version {execution.version};"
            f" expected {_FENCE_SCHEMA!r} version {_FENCE_VERSION}"
        )
    parts = (execution.subject, execution.queue_lease)
    if min(execution.workflow_generation, *(1 if part is None else part.generation for part in parts)) < 1:
        raise InvalidRequestError("execution has a generation below 1; generations count from 1")


def _repository_from_wire(reservation: RepositoryReservation) -> Repository:
    if not reservation.repository.strip():
        raise InvalidRequestError("repository.repository is empty")
    for name, ref in (("base_ref", reservation.base_ref), ("head_ref", reservation.head_ref)):
        if not ref.startswith("refs/") or ".." in ref or ref.endswith("/"):
            raise InvalidRequestError(
                f"repository.{name} {ref!r} is no full ref; write it like 'refs/heads/main', without '..'"
            )
    if reservation.base_ref == reservation.head_ref:
        raise InvalidRequestError(f"repository.base_ref and head_ref are both {reservation.head_ref!r}")
    return Repository(reservation.repository, reservation.base_ref, reservation.head_ref)
