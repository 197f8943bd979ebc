"""The queue kind, second generation: every act on a leased entry shows its fence."""

import datetime
import time
from typing import Any, Final

from animus_conformance.dispatching import dispatch, only, require, require_equal
from animus_conformance.peer import Peer
from animus_conformance.requirement import NotApplicableError, Suite
from animus_conformance.under_test import PluginUnderTest
from animus_plugin_protocol import ErrorCode, methods

__all__ = ["QUEUE_FENCED"]

_RENEW: Final = methods.QUEUE_V2_LEASE_RENEW
_RECOVER: Final = methods.QUEUE_V2_LEASE_RECOVER
_ALL: Final = (
    methods.QUEUE_V2_ENQUEUE,
    methods.QUEUE_V2_LEASE,
    _RENEW,
    _RECOVER,
    methods.QUEUE_V2_COMPLETION,
    methods.QUEUE_V2_RELEASE_PENDING,
)
_ANY: Final = _ALL
_TTL_VARIABLE: Final = "ANIMUS_QUEUE_LEASE_TTL_SECS"
_EXPIRY_SECONDS: Final = 1.2
_OWNER: Final = "conformance-owner"

QUEUE_FENCED: Final = Suite("queue_fenced", "queue")


def _enqueue(peer: Peer, name: str | None = None, *, key: str | None = None, **more: Any) -> dict[str, Any]:
    params: dict[str, Any] = {"subject_dispatch": dispatch(name), **more}
    receipt: dict[str, Any] = peer.call(
        methods.QUEUE_V2_ENQUEUE, params | ({} if key is None else {"idempotency_key": key})
    )
    return receipt


def _handout(peer: Peer, *workflow_ids: str, owner: str = _OWNER, **more: Any) -> dict[str, Any]:
    ids = list(workflow_ids) or ["wf-1"]
    params = {"max": len(ids), "owner_id": owner, "workflow_ids": ids, **more}
    answer: dict[str, Any] = peer.call(methods.QUEUE_V2_LEASE, params)
    return answer


def _fence(peer: Peer, name: str | None = None) -> dict[str, Any]:
    """The fence of a fresh entry that was just leased."""
    _enqueue(peer, name)
    leased = only(_handout(peer)["leased"], "leased entries")
    fence: dict[str, Any] = leased["execution"]
    return fence


def _outcome(peer: Peer, method: str, fence: dict[str, Any], **more: Any) -> str:
    return str(peer.call(method, {"execution": fence, **more})["outcome"])


def _stale(fence: dict[str, Any]) -> dict[str, Any]:
    lease = fence["queue_lease"]
    return {**fence, "queue_lease": {**lease, "generation": lease["generation"] + 1}}


@QUEUE_FENCED.opened(
    "queue-v2:enqueue:receipt", "an enqueue answers entry, subject and generation", needs=_ALL, when=_ANY
)
def enqueue_receipt(peer: Peer) -> None:
    receipt = _enqueue(peer, "TASK-R")
    require(receipt["enqueued"], f"enqueue of a new subject answered {receipt}")
    require_equal(receipt["subject"]["qualified_id"], "task:TASK-R", "subject.qualified_id")
    require(receipt["subject"]["generation"] > 0, f"subject.generation is {receipt['subject']['generation']}")


@QUEUE_FENCED.opened(
    "queue-v2:enqueue:idempotent", "one key and one content are one entry, also once it is done", needs=_ALL, when=_ANY
)
def enqueue_idempotent(peer: Peer) -> None:
    first = _enqueue(peer, "TASK-I", key="k1")
    again = _enqueue(peer, "TASK-I", key="k1")
    require_equal((again["enqueued"], again["entry_id"]), (False, first["entry_id"]), "the second receipt")
    leased = only(_handout(peer)["leased"], "leased entries")
    _outcome(peer, methods.QUEUE_V2_COMPLETION, leased["execution"], status="completed")
    late = _enqueue(peer, "TASK-I", key="k1")
    require_equal((late["enqueued"], late["entry_id"]), (False, first["entry_id"]), "the receipt after completion")


@QUEUE_FENCED.opened(
    "queue-v2:enqueue:key-bound", "a key that is bound to another content is -32602", needs=_ALL, when=_ANY
)
def enqueue_key_bound(peer: Peer) -> None:
    _enqueue(peer, "TASK-A", key="k1")
    params = {"subject_dispatch": dispatch("TASK-B"), "idempotency_key": "k1"}
    peer.refused(methods.QUEUE_V2_ENQUEUE, params, ErrorCode.INVALID_PARAMS)


@QUEUE_FENCED.opened(
    "queue-v2:enqueue:one-generation", "a subject has one live entry; another enqueue names it", needs=_ALL, when=_ANY
)
def enqueue_one_generation(peer: Peer) -> None:
    first = _enqueue(peer, "TASK-G", key="k1")
    second = _enqueue(peer, "TASK-G", key="k2")
    require_equal((second["enqueued"], second["entry_id"]), (False, first["entry_id"]), "the second receipt")
    require(second.get("warning"), "the second receipt carries no warning")


@QUEUE_FENCED.opened(
    "queue-v2:unknown-fields:refused", "unknown fields are refused in every request", needs=_ALL, when=_ANY
)
def unknown_fields_refused(peer: Peer) -> None:
    fence = _fence(peer)
    odd = {"x_conformance": 1}
    acts: list[tuple[str, dict[str, Any]]] = [
        (methods.QUEUE_V2_ENQUEUE, {"subject_dispatch": dispatch()}),
        (methods.QUEUE_V2_LEASE, {"max": 1, "owner_id": _OWNER, "workflow_ids": ["w"]}),
        (_RENEW, {"execution": fence}),
        (_RECOVER, {"execution": fence, "new_owner_id": "other"}),
        (methods.QUEUE_V2_COMPLETION, {"execution": fence, "status": "completed"}),
        (methods.QUEUE_V2_RELEASE_PENDING, {"execution": fence, "reason": "r"}),
    ]
    for method, params in acts:
        peer.refused(method, {**params, **odd}, ErrorCode.INVALID_PARAMS, odd=True)
    peer.refused(_RENEW, {"execution": {**fence, **odd}}, ErrorCode.INVALID_PARAMS, odd=True)


@QUEUE_FENCED.opened("queue-v2:lease:fence", "a leased entry comes with its whole fence", needs=_ALL, when=_ANY)
def lease_fence(peer: Peer) -> None:
    receipt = _enqueue(peer, "TASK-F")
    leased = only(_handout(peer, "wf-f")["leased"], "leased entries")
    fence, lease = leased["execution"], leased["execution"]["queue_lease"]
    require_equal((fence["schema"], fence["version"]), ("animus.execution-fence.v1", 1), "schema and version")
    require_equal((fence["workflow_id"], fence["subject"]), ("wf-f", receipt["subject"]), "workflow id and subject")
    require_equal((lease["entry_id"], lease["owner_id"]), (receipt["entry_id"], _OWNER), "entry and owner")
    require(min(fence["workflow_generation"], lease["generation"]) > 0, f"a generation of {fence} is not positive")
    expires = datetime.datetime.fromisoformat(lease["expires_at"])
    require(expires > datetime.datetime.now(datetime.UTC), f"the lease expired when it was made: {lease['expires_at']}")


@QUEUE_FENCED.opened(
    "queue-v2:lease:ids-checked", "workflow ids are exactly max, distinct and not blank", needs=_ALL, when=_ANY
)
def lease_ids_checked(peer: Peer) -> None:
    _enqueue(peer)
    codes = (ErrorCode.QUEUE_LEASE_COUNT_MISMATCH, ErrorCode.INVALID_PARAMS)
    for count, ids in ((2, ["a"]), (2, ["a", "a"]), (1, [" "]), (0, [])):
        params = {"max": count, "owner_id": _OWNER, "workflow_ids": ids}
        peer.refused(methods.QUEUE_V2_LEASE, params, *codes, odd=True)


@QUEUE_FENCED.opened("queue-v2:lease:owner-required", "a lease without an owner is refused", needs=_ALL, when=_ANY)
def lease_owner_required(peer: Peer) -> None:
    params = {"max": 1, "owner_id": "", "workflow_ids": ["a"]}
    peer.refused(methods.QUEUE_V2_LEASE, params, ErrorCode.INVALID_PARAMS, odd=True)


@QUEUE_FENCED.opened("queue-v2:lease:once", "a leased entry is not handed out again", needs=_ALL, when=_ANY)
def lease_once(peer: Peer) -> None:
    _fence(peer)
    require_equal(_handout(peer, "wf-2", owner="another")["leased"], [], "a second lease")


@QUEUE_FENCED.opened(
    "queue-v2:lease:repository-collision",
    "an entry whose repository ref is in use is reported as blocked, not leased",
    needs=_ALL,
    when=_ANY,
)
def lease_repository_collision(peer: Peer) -> None:
    reservation = {"repository": "Acme/Tools", "base_ref": "refs/heads/main", "head_ref": "refs/heads/work"}
    _enqueue(peer, repository=reservation)
    _handout(peer)
    other = _enqueue(peer, repository={**reservation, "repository": " acme/tools "})
    answer = _handout(peer, "wf-2")
    require_equal(answer["leased"], [], "what was leased")
    blocked = [(block["entry_id"], block["reason"]) for block in answer.get("blocked", [])]
    require((other["entry_id"], "repository_ref_collision") in blocked, f"blocked is {blocked}")


@QUEUE_FENCED.opened(
    "queue-v2:renew:applied", "renew keeps the grant and never moves its expiry earlier", needs=_ALL, when=_ANY
)
def renew_applied(peer: Peer) -> None:
    fence = _fence(peer)
    answer = peer.call(_RENEW, {"execution": fence, "ttl_secs": 1})
    require_equal(answer["outcome"], "applied", "the outcome")
    before, after = fence["queue_lease"], answer["execution"]["queue_lease"]
    require_equal(after["generation"], before["generation"], "the lease generation")
    moments = [datetime.datetime.fromisoformat(lease["expires_at"]) for lease in (before, after)]
    require(moments[1] >= moments[0], f"the expiry moved from {moments[0]} to {moments[1]}")


@QUEUE_FENCED.opened(
    "queue-v2:fence:stale-refused", "an act with another generation or owner is stale_fence", needs=_ALL, when=_ANY
)
def fence_stale_refused(peer: Peer) -> None:
    fence = _fence(peer)
    other_owner = {**fence, "queue_lease": {**fence["queue_lease"], "owner_id": "somebody"}}
    other_run = {**fence, "workflow_id": "wf-other"}
    for stale in (_stale(fence), other_owner, other_run):
        require_equal(_outcome(peer, _RENEW, stale), "stale_fence", "the outcome of renew")
        outcome = _outcome(peer, methods.QUEUE_V2_COMPLETION, stale, status="completed")
        require_equal(outcome, "stale_fence", "the outcome of completion")
        outcome = _outcome(peer, methods.QUEUE_V2_RELEASE_PENDING, stale, reason="r")
        require_equal(outcome, "stale_fence", "the outcome of release_pending")
    require_equal(_outcome(peer, _RENEW, fence), "applied", "the outcome of renew with the true fence")


@QUEUE_FENCED.opened("queue-v2:fence:missing", "an act on an entry that never was is not_found", needs=_ALL, when=_ANY)
def fence_missing(peer: Peer) -> None:
    fence = _fence(peer)
    nobody = {**fence, "queue_lease": {**fence["queue_lease"], "entry_id": "nobody"}}
    require_equal(_outcome(peer, _RENEW, nobody), "not_found", "the outcome of renew")


@QUEUE_FENCED.opened(
    "queue-v2:completion:once", "completion is applied once and already_applied after it", needs=_ALL, when=_ANY
)
def completion_once(peer: Peer) -> None:
    fence = _fence(peer)
    outcomes = [_outcome(peer, methods.QUEUE_V2_COMPLETION, fence, status=status) for status in ("completed", "failed")]
    require_equal(outcomes, ["applied", "already_applied"], "the outcomes")
    require_equal(_outcome(peer, _RENEW, fence), "not_assigned", "the outcome of renew after completion")


@QUEUE_FENCED.opened(
    "queue-v2:completion:old-grant", "completion under a grant that was given up is stale", needs=_ALL, when=_ANY
)
def completion_old_grant(peer: Peer) -> None:
    fence = _fence(peer)
    _outcome(peer, methods.QUEUE_V2_RELEASE_PENDING, fence, reason="r")
    _handout(peer, "wf-2", owner="another")
    outcome = _outcome(peer, methods.QUEUE_V2_COMPLETION, fence, status="completed")
    require_equal(outcome, "stale_fence", "the outcome of the old holder's completion")


@QUEUE_FENCED.opened(
    "queue-v2:release_pending:keeps-run", "a returned entry keeps its run and gets a new grant", needs=_ALL, when=_ANY
)
def release_pending_keeps_run(peer: Peer) -> None:
    fence = _fence(peer)
    outcome = _outcome(peer, methods.QUEUE_V2_RELEASE_PENDING, fence, reason="r")
    require_equal(outcome, "applied", "the outcome")
    leased = only(_handout(peer, "wf-other")["leased"], "leased entries")
    again = leased["execution"]
    require_equal(again["workflow_id"], fence["workflow_id"], "the workflow id of the next grant")
    require_equal(again["subject"], fence["subject"], "the subject of the next grant")
    require(again["queue_lease"]["generation"] > fence["queue_lease"]["generation"], "the grant's number did not rise")


@QUEUE_FENCED.opened("queue-v2:recover:live", "a lease that has not run out is not taken over", needs=_ALL, when=_ANY)
def recover_live(peer: Peer) -> None:
    fence = _fence(peer)
    require_equal(_outcome(peer, _RECOVER, fence, new_owner_id="other"), "lease_still_live", "the outcome")
    peer.refused(_RECOVER, {"execution": fence, "new_owner_id": _OWNER}, ErrorCode.INVALID_PARAMS)


@QUEUE_FENCED.plugin(
    "queue-v2:recover:expired", "an expired lease is taken over with the next generation", needs=_ALL, when=_ANY
)
def recover_expired(plugin: PluginUnderTest) -> None:
    if _TTL_VARIABLE not in {needed.name for needed in plugin.manifest().env_required}:
        raise NotApplicableError(
            f"the manifest does not name {_TTL_VARIABLE}, so the harness cannot let a lease run out"
        )
    with plugin.started({_TTL_VARIABLE: "1"}) as peer:
        fence = _fence(peer)
        time.sleep(_EXPIRY_SECONDS)
        require_equal(_handout(peer, "wf-2")["leased"], [], "a lease of an entry whose lease ran out")
        require_equal(_outcome(peer, _RENEW, fence), "stale_fence", "the outcome of a late renew")
        answer = peer.call(_RECOVER, {"execution": fence, "new_owner_id": "heir"})
        require_equal(answer["outcome"], "applied", "the outcome of recover")
        lease, old = answer["execution"]["queue_lease"], fence["queue_lease"]
        require_equal(lease["generation"], old["generation"] + 1, "the generation after recover")
        outcome = _outcome(peer, methods.QUEUE_V2_COMPLETION, fence, status="completed")
        require_equal(outcome, "stale_fence", "the outcome of the old holder's completion")


@QUEUE_FENCED.opened("queue-v2:unfenced:refused", "an unfenced act on a fenced entry is -32209", needs=_ALL, when=_ANY)
def unfenced_refused(peer: Peer) -> None:
    entry_id = _fence(peer)["queue_lease"]["entry_id"]
    params = {"entry_id": entry_id, "reason": "conformance"}
    peer.refused(methods.QUEUE_RELEASE_PENDING, params, ErrorCode.QUEUE_STALE_FENCE)
    require_equal(peer.call(methods.QUEUE_LEASE, {"max": 1})["leased"], [], "an unfenced lease")


@QUEUE_FENCED.plugin(
    "queue-v2:durable:fence", "an acknowledged lease and its fence survive SIGKILL", needs=_ALL, when=_ANY
)
def durable_fence(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        fence = _fence(peer)
        peer.kill()
    with plugin.started() as peer:
        require_equal(_outcome(peer, _RENEW, fence), "applied", "the outcome of renew after SIGKILL")
