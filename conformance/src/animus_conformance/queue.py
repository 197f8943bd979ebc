"""The queue kind, first generation: entries named by their id."""

from typing import Any, Final

from animus_conformance.dispatching import dispatch, moment, only, require, require_equal
from animus_conformance.peer import Peer, members_of
from animus_conformance.requirement import Suite
from animus_conformance.under_test import PluginUnderTest
from animus_plugin_protocol import ErrorCode, methods

__all__ = ["QUEUE"]

_BASE: Final = (
    methods.QUEUE_ENQUEUE,
    methods.QUEUE_LIST,
    methods.QUEUE_LEASE,
    methods.QUEUE_STATS,
    methods.QUEUE_HOLD,
    methods.QUEUE_RELEASE,
    methods.QUEUE_DROP,
    methods.QUEUE_REORDER,
    methods.QUEUE_COMPLETION,
    methods.QUEUE_RELEASE_PENDING,
    methods.QUEUE_MARK_ASSIGNED,
)
_DEADLINE: Final = (methods.QUEUE_NEXT_DEADLINE,)
_NOBODY: Final = "00000000-0000-4000-8000-000000000000"
_MANY: Final = 20
_FEW: Final = 3

QUEUE: Final = Suite("queue", "queue")


def _enqueue(peer: Peer, name: str | None = None, **more: Any) -> str:
    answer = peer.call(methods.QUEUE_ENQUEUE, {"subject_dispatch": dispatch(name), **more})
    require(answer["enqueued"], f"enqueue of a new subject answered {answer}")
    return str(answer["entry_id"])


def _lease(peer: Peer, count: int = 1, **more: Any) -> list[dict[str, Any]]:
    leased: list[dict[str, Any]] = peer.call(methods.QUEUE_LEASE, {"max": count, **more})["leased"]
    return leased


def _entries(peer: Peer, **more: Any) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = peer.call(methods.QUEUE_LIST, more)["entries"]
    return entries


def _status(peer: Peer, entry_id: str) -> str | None:
    return next((entry["status"] for entry in _entries(peer) if entry["entry_id"] == entry_id), None)


def _ids(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["entry_id"] for entry in entries]


@QUEUE.opened("queue:enqueue:listed", "an acknowledged enqueue is listed, pending, with its dispatch", needs=_BASE)
def enqueue_listed(peer: Peer) -> None:
    sent = dispatch(vars={"é": "ü"}, priority="high", input={"a": [1, None]})
    entry_id = peer.call(methods.QUEUE_ENQUEUE, {"subject_dispatch": sent})["entry_id"]
    entry = only(_entries(peer), "entries on the queue")
    require_equal((entry["entry_id"], entry["status"]), (entry_id, "pending"), "the listed entry")
    kept = entry["subject_dispatch"]
    for name in ("workflow_ref", "vars", "priority", "input", "requested_at", "trigger_source"):
        require_equal(kept.get(name), sent[name], f"subject_dispatch.{name} of the listed entry")


@QUEUE.opened("queue:enqueue:subject-required", "an enqueue without a subject is -32602", needs=_BASE)
def enqueue_subject_required(peer: Peer) -> None:
    peer.refused(
        methods.QUEUE_ENQUEUE, {"subject_dispatch": dispatch(subject=None)}, ErrorCode.INVALID_PARAMS, odd=True
    )
    require_equal(_entries(peer), [], "the queue after a refused enqueue")


@QUEUE.opened("queue:enqueue:legacy-subject", "the legacy form of a subject is understood", needs=_BASE)
def enqueue_legacy_subject(peer: Peer) -> None:
    legacy = dispatch(subject={"Task": {"id": "TASK-9"}})
    entry_id = peer.call(methods.QUEUE_ENQUEUE, {"subject_dispatch": legacy})["entry_id"]
    require_equal(_ids(_lease(peer)), [entry_id], "the leased entries")


@QUEUE.opened("queue:enqueue:deferred", "an entry with a future run_at is counted and not handed out", needs=_BASE)
def enqueue_deferred(peer: Peer) -> None:
    entry_id = _enqueue(peer, run_at=moment(3600))
    require_equal(_lease(peer), [], "what is leased before run_at")
    require_equal(_status(peer, entry_id), "pending", "the status of a deferred entry")
    require_equal(peer.call(methods.QUEUE_STATS).get("deferred"), 1, "stats.deferred")


@QUEUE.opened(
    "queue:next_deadline:earliest", "next_deadline is the earliest future run_at", needs=_BASE, when=_DEADLINE
)
def next_deadline_earliest(peer: Peer) -> None:
    require_equal(peer.call(methods.QUEUE_NEXT_DEADLINE).get("next_run_at"), None, "next_run_at of an empty queue")
    near, far = moment(1800), moment(3600)
    _enqueue(peer, run_at=far)
    _enqueue(peer, run_at=near)
    _enqueue(peer, run_at=moment(-60))
    found = peer.call(methods.QUEUE_NEXT_DEADLINE).get("next_run_at")
    require(found is not None and found[:19] == near[:19], f"next_run_at is {found!r}, expected {near!r}")


@QUEUE.opened("queue:enqueue:expired", "an entry whose time to start is over is never handed out", needs=_BASE)
def enqueue_expired(peer: Peer) -> None:
    entry_id = _enqueue(peer, run_at=moment(-3600), expire_after_secs=60)
    require(entry_id not in _ids(_lease(peer)), "an expired entry was handed out")
    require_equal(_status(peer, entry_id), None, "the status of an expired entry after a lease")


@QUEUE.opened("queue:enqueue:due", "an entry whose run_at is past is handed out", needs=_BASE)
def enqueue_due(peer: Peer) -> None:
    entry_id = _enqueue(peer, run_at=moment(-60))
    require_equal(_ids(_lease(peer)), [entry_id], "what is leased after run_at")


@QUEUE.opened("queue:lease:order", "entries of one priority are handed out in the order they came", needs=_BASE)
def lease_order(peer: Peer) -> None:
    expected = [_enqueue(peer) for _ in range(3)]
    require_equal(_ids(_lease(peer, 3)), expected, "the leased entries")


@QUEUE.opened("queue:lease:once", "a leased entry is assigned and not handed out again", needs=_BASE)
def lease_once(peer: Peer) -> None:
    entry_id = _enqueue(peer)
    entry = only(_lease(peer), "leased entries")
    require_equal((entry["entry_id"], entry["status"]), (entry_id, "assigned"), "the leased entry")
    require(entry.get("workflow_id"), "a leased entry has no workflow_id")
    require_equal(_lease(peer), [], "a second lease")


@QUEUE.opened("queue:lease:limit", "no more than max entries are handed out", needs=_BASE)
def lease_limit(peer: Peer) -> None:
    for _ in range(3):
        _enqueue(peer)
    require_equal(len(_lease(peer, 2)), 2, "the number of entries leased with max 2")
    require_equal(_lease(peer, 0), [], "a lease with max 0")


@QUEUE.opened("queue:lease:workflow-ids", "the i-th entry handed out gets the i-th workflow id", needs=_BASE)
def lease_workflow_ids(peer: Peer) -> None:
    for _ in range(2):
        _enqueue(peer)
    leased = _lease(peer, 2, workflow_ids=["wf-a", "wf-b"])
    require_equal([entry.get("workflow_id") for entry in leased], ["wf-a", "wf-b"], "the workflow ids")


@QUEUE.opened("queue:lease:minted-ids", "without workflow ids the queue makes distinct ones", needs=_BASE)
def lease_minted_ids(peer: Peer) -> None:
    for _ in range(3):
        _enqueue(peer)
    minted = {entry.get("workflow_id") for entry in _lease(peer, _FEW)}
    require(len(minted) == _FEW and None not in minted, f"the minted workflow ids are {minted}")


@QUEUE.opened("queue:lease:count-mismatch", "workflow ids that are not exactly max are -32206", needs=_BASE)
def lease_count_mismatch(peer: Peer) -> None:
    entry_id = _enqueue(peer)
    peer.refused(methods.QUEUE_LEASE, {"max": 2, "workflow_ids": ["only-one"]}, ErrorCode.QUEUE_LEASE_COUNT_MISMATCH)
    require_equal(_status(peer, entry_id), "pending", "the status after a refused lease")


@QUEUE.opened("queue:lease:exclude", "excluded subjects are left pending", needs=_BASE)
def lease_exclude(peer: Peer) -> None:
    _enqueue(peer, "TASK-X")
    other = _enqueue(peer, "TASK-Y")
    require_equal(_ids(_lease(peer, 2, exclude_subjects=["TASK-X"])), [other], "the leased entries")


@QUEUE.opened("queue:lease:atomic", "leases that arrive together never hand out one entry twice", needs=_BASE)
def lease_atomic(peer: Peer) -> None:
    expected = {_enqueue(peer) for _ in range(_MANY)}
    asked = [peer.begin(methods.QUEUE_LEASE, {"max": 1}) for _ in range(_MANY)]
    found: list[str] = []
    for request_id in asked:
        found += _ids(members_of(peer.reply(request_id, "one of many leases"))["result"]["leased"])
    require(len(found) == len(set(found)), "an entry was handed out twice")
    require_equal(set(found), expected, "the entries handed out")


@QUEUE.opened("queue:hold:not-leased", "a held entry is not handed out", needs=_BASE)
def hold_not_leased(peer: Peer) -> None:
    entry_id = _enqueue(peer)
    require(peer.call(methods.QUEUE_HOLD, {"entry_id": entry_id})["changed"], "hold changed nothing")
    require_equal(_lease(peer), [], "a lease while the only entry is held")
    require_equal(_status(peer, entry_id), "held", "the status of a held entry")


@QUEUE.opened("queue:hold:assigned-refused", "an assigned entry cannot be held: -32203", needs=_BASE)
def hold_assigned_refused(peer: Peer) -> None:
    entry_id = _enqueue(peer)
    _lease(peer)
    peer.refused(methods.QUEUE_HOLD, {"entry_id": entry_id}, ErrorCode.QUEUE_NOT_PENDING)


@QUEUE.opened("queue:release:old-place", "a released entry has its old place", needs=_BASE)
def release_old_place(peer: Peer) -> None:
    first, second = _enqueue(peer), _enqueue(peer)
    peer.call(methods.QUEUE_HOLD, {"entry_id": first})
    require(peer.call(methods.QUEUE_RELEASE, {"entry_id": first})["changed"], "release changed nothing")
    require_equal(_ids(_lease(peer, 2)), [first, second], "the leased entries")


@QUEUE.opened("queue:drop:gone", "a dropped entry is gone", needs=_BASE)
def drop_gone(peer: Peer) -> None:
    entry_id = _enqueue(peer)
    require(peer.call(methods.QUEUE_DROP, {"entry_id": entry_id})["changed"], "drop changed nothing")
    require_equal(_entries(peer), [], "the queue after a drop")


@QUEUE.opened("queue:completion:gone", "a completed entry is gone, and completing it again finds nothing", needs=_BASE)
def completion_gone(peer: Peer) -> None:
    entry_id = _enqueue(peer)
    _lease(peer)
    done = {"entry_id": entry_id, "status": "completed"}
    require(peer.call(methods.QUEUE_COMPLETION, done)["changed"], "completion changed nothing")
    require_equal(_entries(peer), [], "the queue after a completion")
    require(peer.call(methods.QUEUE_COMPLETION, done)["not_found"], "a second completion found the entry")


@QUEUE.opened("queue:completion:status-checked", "completion takes completed, failed and cancelled only", needs=_BASE)
def completion_status_checked(peer: Peer) -> None:
    entry_id = _enqueue(peer)
    _lease(peer)
    peer.refused(methods.QUEUE_COMPLETION, {"entry_id": entry_id, "status": "great"}, ErrorCode.INVALID_PARAMS)
    require_equal(_status(peer, entry_id), "assigned", "the status after a refused completion")


@QUEUE.opened("queue:completion:workflow-matched", "completion for another run finds nothing", needs=_BASE)
def completion_workflow_matched(peer: Peer) -> None:
    entry_id = _enqueue(peer)
    _lease(peer, workflow_ids=["wf-mine"])
    other = {"entry_id": entry_id, "status": "completed", "workflow_id": "wf-other"}
    require(peer.call(methods.QUEUE_COMPLETION, other)["not_found"], "completion took another run's id")
    require_equal(_status(peer, entry_id), "assigned", "the status after it")


@QUEUE.opened("queue:release_pending:returned", "release_pending returns an assigned entry to its place", needs=_BASE)
def release_pending_returned(peer: Peer) -> None:
    first, second = _enqueue(peer), _enqueue(peer)
    _lease(peer)
    answer = peer.call(methods.QUEUE_RELEASE_PENDING, {"entry_id": first, "reason": "conformance"})
    require_equal((answer["entry_id"], answer["status"]), (first, "pending"), "the answer")
    require_equal(_ids(_lease(peer, 2)), [first, second], "the leased entries")


@QUEUE.opened("queue:release_pending:not-assigned", "release_pending of a pending entry is -32208", needs=_BASE)
def release_pending_not_assigned(peer: Peer) -> None:
    entry_id = _enqueue(peer)
    params = {"entry_id": entry_id, "reason": "conformance"}
    peer.refused(methods.QUEUE_RELEASE_PENDING, params, ErrorCode.QUEUE_NOT_ASSIGNED)


@QUEUE.opened("queue:reorder:front", "reorder moves the named entries to the front, in that order", needs=_BASE)
def reorder_front(peer: Peer) -> None:
    a, b, c = (_enqueue(peer) for _ in range(3))
    answer = peer.call(methods.QUEUE_REORDER, {"entry_ids": [c, b, _NOBODY]})
    require_equal(answer["reordered_count"], 2, "reordered_count")
    require_equal(_ids(_lease(peer, 3)), [c, b, a], "the leased entries")


@QUEUE.opened("queue:mark_assigned:assigned", "mark_assigned takes a pending entry, and no held one", needs=_BASE)
def mark_assigned_assigned(peer: Peer) -> None:
    entry_id, held = _enqueue(peer), _enqueue(peer)
    answer = peer.call(methods.QUEUE_MARK_ASSIGNED, {"entry_id": entry_id, "workflow_id": "wf-m"})
    require(answer["changed"], "mark_assigned changed nothing")
    require_equal(_status(peer, entry_id), "assigned", "the status")
    peer.call(methods.QUEUE_HOLD, {"entry_id": held})
    peer.refused(methods.QUEUE_MARK_ASSIGNED, {"entry_id": held}, ErrorCode.QUEUE_NOT_PENDING)


@QUEUE.opened("queue:missing:not-found", "acts on an entry that is not there answer not_found", needs=_BASE)
def missing_not_found(peer: Peer) -> None:
    for method in (methods.QUEUE_HOLD, methods.QUEUE_RELEASE, methods.QUEUE_DROP, methods.QUEUE_MARK_ASSIGNED):
        answer = peer.call(method, {"entry_id": _NOBODY})
        require_equal((answer["changed"], answer["not_found"]), (False, True), f"{method!r} of nobody")
    answer = peer.call(methods.QUEUE_COMPLETION, {"entry_id": _NOBODY, "status": "failed"})
    require_equal((answer["changed"], answer["not_found"]), (False, True), "completion of nobody")


@QUEUE.opened("queue:list:pages", "list filters by status and pages; total counts before paging", needs=_BASE)
def list_pages(peer: Peer) -> None:
    ids = [_enqueue(peer) for _ in range(4)]
    peer.call(methods.QUEUE_HOLD, {"entry_id": ids[3]})
    page = peer.call(methods.QUEUE_LIST, {"status": ["pending"], "limit": 2, "offset": 1})
    require_equal(_ids(page["entries"]), ids[1:3], "the second page")
    require_equal((page["total"], page["stats"]["total"]), (3, 4), "total and stats.total")


@QUEUE.opened("queue:stats:counted", "stats count every status", needs=_BASE)
def stats_counted(peer: Peer) -> None:
    ids = [_enqueue(peer) for _ in range(3)]
    peer.call(methods.QUEUE_HOLD, {"entry_id": ids[2]})
    _lease(peer)
    stats = peer.call(methods.QUEUE_STATS)
    found = [stats[name] for name in ("total", "pending", "assigned", "held")]
    require_equal(found, [3, 1, 1, 1], "total, pending, assigned, held")


@QUEUE.plugin("queue:binding:required", "without a project binding the queue refuses with -32207", needs=_BASE)
def binding_required(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        answer = peer.request(methods.INITIALIZE, plugin.initialize_params(bound=False))
        if "error" not in answer:
            peer.notify(methods.INITIALIZED)
            answer = peer.request(methods.QUEUE_STATS)
        code = answer.get("error", {}).get("code")
        require_equal(code, ErrorCode.QUEUE_BINDING_MISMATCH, "the error code without a binding")


@QUEUE.plugin("queue:durable:enqueue", "an acknowledged enqueue survives SIGKILL", needs=_BASE)
def durable_enqueue(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        ids = [_enqueue(peer) for _ in range(5)]
        peer.kill()
    with plugin.started() as peer:
        require_equal(_ids(_entries(peer)), ids, "the entries after SIGKILL")


@QUEUE.plugin("queue:durable:lease", "an acknowledged lease survives SIGKILL", needs=_BASE)
def durable_lease(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        entry_id = _enqueue(peer)
        _lease(peer, workflow_ids=["wf-kept"])
        peer.kill()
    with plugin.started() as peer:
        entry = only(_entries(peer), "entries on the queue")
        found = (entry["entry_id"], entry["status"], entry.get("workflow_id"))
        require_equal(found, (entry_id, "assigned", "wf-kept"), "the entry after SIGKILL")


@QUEUE.plugin("queue:processes:shared", "two processes on one project hand out each entry once", needs=_BASE)
def processes_shared(plugin: PluginUnderTest) -> None:
    with plugin.started() as first, plugin.started() as second:
        expected = {_enqueue(peer) for _ in range(_MANY // 2) for peer in (first, second)}
        for peer in (first, second):
            require_equal(set(_ids(_entries(peer))), expected, "what one of two processes lists")
        asked = [(peer, peer.begin(methods.QUEUE_LEASE, {"max": 1})) for _ in range(_MANY) for peer in (first, second)]
        found: list[str] = []
        for peer, request_id in asked:
            found += _ids(members_of(peer.reply(request_id, "a lease of one of two"))["result"]["leased"])
    require(len(found) == len(set(found)), "two processes handed out one entry")
    require_equal(set(found), expected, "the entries handed out by two processes")
