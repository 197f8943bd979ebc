"""The queue kind, first generation: entries named by their id."""

from typing import Final

from animus_conformance.answer import members_of
from animus_conformance.dispatching import dispatch, moment, only, require, require_equal
from animus_conformance.peer import Peer
from animus_conformance.queue_acts import BASE, MANY, enqueue, entries, ids, lease, status
from animus_conformance.requirement import Suite
from animus_plugin_protocol import ErrorCode, methods

__all__ = ["QUEUE"]

_DEADLINE: Final = (methods.QUEUE_NEXT_DEADLINE,)
_NOBODY: Final = "00000000-0000-4000-8000-000000000000"
_FEW: Final = 3

QUEUE: Final = Suite("queue", "queue")


@QUEUE.opened("queue:enqueue:listed", "an acknowledged enqueue is listed, pending, with its dispatch", needs=BASE)
def enqueue_listed(peer: Peer) -> None:
    sent = dispatch(vars={"é": "ü"}, priority="high", input={"a": [1, None]})
    entry_id = peer.call(methods.QUEUE_ENQUEUE, {"subject_dispatch": sent})["entry_id"]
    entry = only(entries(peer), "entries on the queue")
    require_equal((entry["entry_id"], entry["status"]), (entry_id, "pending"), "the listed entry")
    kept = entry["subject_dispatch"]
    for name in ("workflow_ref", "vars", "priority", "input", "requested_at", "trigger_source"):
        require_equal(kept.get(name), sent[name], f"subject_dispatch.{name} of the listed entry")


@QUEUE.opened("queue:enqueue:subject-required", "an enqueue without a subject is -32602", needs=BASE)
def enqueue_subject_required(peer: Peer) -> None:
    peer.refused(
        methods.QUEUE_ENQUEUE, {"subject_dispatch": dispatch(subject=None)}, ErrorCode.INVALID_PARAMS, odd=True
    )
    require_equal(entries(peer), [], "the queue after a refused enqueue")


@QUEUE.opened("queue:enqueue:legacy-subject", "the legacy form of a subject is understood", needs=BASE)
def enqueue_legacy_subject(peer: Peer) -> None:
    legacy = dispatch(subject={"Task": {"id": "TASK-9"}})
    entry_id = peer.call(methods.QUEUE_ENQUEUE, {"subject_dispatch": legacy})["entry_id"]
    require_equal(ids(lease(peer)), [entry_id], "the leased entries")


@QUEUE.opened("queue:enqueue:deferred", "an entry with a future run_at is counted and not handed out", needs=BASE)
def enqueue_deferred(peer: Peer) -> None:
    entry_id = enqueue(peer, run_at=moment(3600))
    require_equal(lease(peer), [], "what is leased before run_at")
    require_equal(status(peer, entry_id), "pending", "the status of a deferred entry")
    require_equal(peer.call(methods.QUEUE_STATS).get("deferred"), 1, "stats.deferred")


@QUEUE.opened("queue:next_deadline:earliest", "next_deadline is the earliest future run_at", needs=BASE, when=_DEADLINE)
def next_deadline_earliest(peer: Peer) -> None:
    require_equal(peer.call(methods.QUEUE_NEXT_DEADLINE).get("next_run_at"), None, "next_run_at of an empty queue")
    near, far = moment(1800), moment(3600)
    enqueue(peer, run_at=far)
    enqueue(peer, run_at=near)
    enqueue(peer, run_at=moment(-60))
    found = peer.call(methods.QUEUE_NEXT_DEADLINE).get("next_run_at")
    require(found is not None and found[:19] == near[:19], f"next_run_at is {found!r}, expected {near!r}")


@QUEUE.opened("queue:enqueue:expired", "an entry whose time to start is over is never handed out", needs=BASE)
def enqueue_expired(peer: Peer) -> None:
    entry_id = enqueue(peer, run_at=moment(-3600), expire_after_secs=60)
    require(entry_id not in ids(lease(peer)), "an expired entry was handed out")
    require_equal(status(peer, entry_id), None, "the status of an expired entry after a lease")


@QUEUE.opened("queue:enqueue:due", "an entry whose run_at is past is handed out", needs=BASE)
def enqueue_due(peer: Peer) -> None:
    entry_id = enqueue(peer, run_at=moment(-60))
    require_equal(ids(lease(peer)), [entry_id], "what is leased after run_at")


@QUEUE.opened("queue:lease:order", "entries of one priority are handed out in the order they came", needs=BASE)
def lease_order(peer: Peer) -> None:
    expected = [enqueue(peer) for _ in range(3)]
    require_equal(ids(lease(peer, 3)), expected, "the leased entries")


@QUEUE.opened("queue:lease:once", "a leased entry is assigned and not handed out again", needs=BASE)
def lease_once(peer: Peer) -> None:
    entry_id = enqueue(peer)
    entry = only(lease(peer), "leased entries")
    require_equal((entry["entry_id"], entry["status"]), (entry_id, "assigned"), "the leased entry")
    require(entry.get("workflow_id"), "a leased entry has no workflow_id")
    require_equal(lease(peer), [], "a second lease")


@QUEUE.opened("queue:lease:limit", "no more than max entries are handed out", needs=BASE)
def lease_limit(peer: Peer) -> None:
    for _ in range(3):
        enqueue(peer)
    require_equal(len(lease(peer, 2)), 2, "the number of entries leased with max 2")
    require_equal(lease(peer, 0), [], "a lease with max 0")


@QUEUE.opened("queue:lease:workflow-ids", "the i-th entry handed out gets the i-th workflow id", needs=BASE)
def lease_workflow_ids(peer: Peer) -> None:
    for _ in range(2):
        enqueue(peer)
    leased = lease(peer, 2, workflow_ids=["wf-a", "wf-b"])
    require_equal([entry.get("workflow_id") for entry in leased], ["wf-a", "wf-b"], "the workflow ids")


@QUEUE.opened("queue:lease:minted-ids", "without workflow ids the queue makes distinct ones", needs=BASE)
def lease_minted_ids(peer: Peer) -> None:
    for _ in range(3):
        enqueue(peer)
    minted = {entry.get("workflow_id") for entry in lease(peer, _FEW)}
    require(len(minted) == _FEW and None not in minted, f"the minted workflow ids are {minted}")


@QUEUE.opened("queue:lease:count-mismatch", "workflow ids that are not exactly max are -32206", needs=BASE)
def lease_count_mismatch(peer: Peer) -> None:
    entry_id = enqueue(peer)
    peer.refused(methods.QUEUE_LEASE, {"max": 2, "workflow_ids": ["only-one"]}, ErrorCode.QUEUE_LEASE_COUNT_MISMATCH)
    require_equal(status(peer, entry_id), "pending", "the status after a refused lease")


@QUEUE.opened("queue:lease:exclude", "excluded subjects are left pending", needs=BASE)
def lease_exclude(peer: Peer) -> None:
    enqueue(peer, "TASK-X")
    other = enqueue(peer, "TASK-Y")
    require_equal(ids(lease(peer, 2, exclude_subjects=["TASK-X"])), [other], "the leased entries")


@QUEUE.opened("queue:lease:atomic", "leases that arrive together never hand out one entry twice", needs=BASE)
def lease_atomic(peer: Peer) -> None:
    expected = {enqueue(peer) for _ in range(MANY)}
    asked = [peer.begin(methods.QUEUE_LEASE, {"max": 1}) for _ in range(MANY)]
    found: list[str] = []
    for request_id in asked:
        found += ids(members_of(peer.reply(request_id, "one of many leases"))["result"]["leased"])
    require(len(found) == len(set(found)), "an entry was handed out twice")
    require_equal(set(found), expected, "the entries handed out")


@QUEUE.opened("queue:hold:not-leased", "a held entry is not handed out", needs=BASE)
def hold_not_leased(peer: Peer) -> None:
    entry_id = enqueue(peer)
    require(peer.call(methods.QUEUE_HOLD, {"entry_id": entry_id})["changed"], "hold changed nothing")
    require_equal(lease(peer), [], "a lease while the only entry is held")
    require_equal(status(peer, entry_id), "held", "the status of a held entry")


@QUEUE.opened("queue:hold:assigned-refused", "an assigned entry cannot be held: -32203", needs=BASE)
def hold_assigned_refused(peer: Peer) -> None:
    entry_id = enqueue(peer)
    lease(peer)
    peer.refused(methods.QUEUE_HOLD, {"entry_id": entry_id}, ErrorCode.QUEUE_NOT_PENDING)


@QUEUE.opened("queue:release:old-place", "a released entry has its old place", needs=BASE)
def release_old_place(peer: Peer) -> None:
    first, second = enqueue(peer), enqueue(peer)
    peer.call(methods.QUEUE_HOLD, {"entry_id": first})
    require(peer.call(methods.QUEUE_RELEASE, {"entry_id": first})["changed"], "release changed nothing")
    require_equal(ids(lease(peer, 2)), [first, second], "the leased entries")


@QUEUE.opened("queue:drop:gone", "a dropped entry is gone", needs=BASE)
def drop_gone(peer: Peer) -> None:
    entry_id = enqueue(peer)
    require(peer.call(methods.QUEUE_DROP, {"entry_id": entry_id})["changed"], "drop changed nothing")
    require_equal(entries(peer), [], "the queue after a drop")


@QUEUE.opened("queue:completion:gone", "a completed entry is gone, and completing it again finds nothing", needs=BASE)
def completion_gone(peer: Peer) -> None:
    entry_id = enqueue(peer)
    lease(peer)
    done = {"entry_id": entry_id, "status": "completed"}
    require(peer.call(methods.QUEUE_COMPLETION, done)["changed"], "completion changed nothing")
    require_equal(entries(peer), [], "the queue after a completion")
    require(peer.call(methods.QUEUE_COMPLETION, done)["not_found"], "a second completion found the entry")


@QUEUE.opened("queue:completion:status-checked", "completion takes completed, failed and cancelled only", needs=BASE)
def completion_status_checked(peer: Peer) -> None:
    entry_id = enqueue(peer)
    lease(peer)
    peer.refused(methods.QUEUE_COMPLETION, {"entry_id": entry_id, "status": "great"}, ErrorCode.INVALID_PARAMS)
    require_equal(status(peer, entry_id), "assigned", "the status after a refused completion")


@QUEUE.opened("queue:completion:workflow-matched", "completion for another run finds nothing", needs=BASE)
def completion_workflow_matched(peer: Peer) -> None:
    entry_id = enqueue(peer)
    lease(peer, workflow_ids=["wf-mine"])
    other = {"entry_id": entry_id, "status": "completed", "workflow_id": "wf-other"}
    require(peer.call(methods.QUEUE_COMPLETION, other)["not_found"], "completion took another run's id")
    require_equal(status(peer, entry_id), "assigned", "the status after it")


@QUEUE.opened("queue:release_pending:returned", "release_pending returns an assigned entry to its place", needs=BASE)
def release_pending_returned(peer: Peer) -> None:
    first, second = enqueue(peer), enqueue(peer)
    lease(peer)
    answer = peer.call(methods.QUEUE_RELEASE_PENDING, {"entry_id": first, "reason": "conformance"})
    require_equal((answer["entry_id"], answer["status"]), (first, "pending"), "the answer")
    require_equal(ids(lease(peer, 2)), [first, second], "the leased entries")


@QUEUE.opened("queue:release_pending:not-assigned", "release_pending of a pending entry is -32208", needs=BASE)
def release_pending_not_assigned(peer: Peer) -> None:
    entry_id = enqueue(peer)
    params = {"entry_id": entry_id, "reason": "conformance"}
    peer.refused(methods.QUEUE_RELEASE_PENDING, params, ErrorCode.QUEUE_NOT_ASSIGNED)


@QUEUE.opened("queue:reorder:front", "reorder moves the named entries to the front, in that order", needs=BASE)
def reorder_front(peer: Peer) -> None:
    a, b, c = (enqueue(peer) for _ in range(3))
    answer = peer.call(methods.QUEUE_REORDER, {"entry_ids": [c, b, _NOBODY]})
    require_equal(answer["reordered_count"], 2, "reordered_count")
    require_equal(ids(lease(peer, 3)), [c, b, a], "the leased entries")


@QUEUE.opened("queue:mark_assigned:assigned", "mark_assigned takes a pending entry, and no held one", needs=BASE)
def mark_assigned_assigned(peer: Peer) -> None:
    entry_id, held = enqueue(peer), enqueue(peer)
    answer = peer.call(methods.QUEUE_MARK_ASSIGNED, {"entry_id": entry_id, "workflow_id": "wf-m"})
    require(answer["changed"], "mark_assigned changed nothing")
    require_equal(status(peer, entry_id), "assigned", "the status")
    peer.call(methods.QUEUE_HOLD, {"entry_id": held})
    peer.refused(methods.QUEUE_MARK_ASSIGNED, {"entry_id": held}, ErrorCode.QUEUE_NOT_PENDING)


@QUEUE.opened("queue:missing:not-found", "acts on an entry that is not there answer not_found", needs=BASE)
def missing_not_found(peer: Peer) -> None:
    for method in (methods.QUEUE_HOLD, methods.QUEUE_RELEASE, methods.QUEUE_DROP, methods.QUEUE_MARK_ASSIGNED):
        answer = peer.call(method, {"entry_id": _NOBODY})
        require_equal((answer["changed"], answer["not_found"]), (False, True), f"{method!r} of nobody")
    answer = peer.call(methods.QUEUE_COMPLETION, {"entry_id": _NOBODY, "status": "failed"})
    require_equal((answer["changed"], answer["not_found"]), (False, True), "completion of nobody")


@QUEUE.opened("queue:list:pages", "list filters by status and pages; total counts before paging", needs=BASE)
def list_pages(peer: Peer) -> None:
    made = [enqueue(peer) for _ in range(4)]
    peer.call(methods.QUEUE_HOLD, {"entry_id": made[3]})
    page = peer.call(methods.QUEUE_LIST, {"status": ["pending"], "limit": 2, "offset": 1})
    require_equal(ids(page["entries"]), made[1:3], "the second page")
    require_equal((page["total"], page["stats"]["total"]), (3, 4), "total and stats.total")


@QUEUE.opened("queue:stats:counted", "stats count every status", needs=BASE)
def stats_counted(peer: Peer) -> None:
    made = [enqueue(peer) for _ in range(3)]
    peer.call(methods.QUEUE_HOLD, {"entry_id": made[2]})
    lease(peer)
    stats = peer.call(methods.QUEUE_STATS)
    found = [stats[name] for name in ("total", "pending", "assigned", "held")]
    require_equal(found, [3, 1, 1, 1], "total, pending, assigned, held")
