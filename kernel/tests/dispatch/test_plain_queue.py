"""A queue that knows no fences, behind the operations of one that does."""

import asyncio
import datetime

import msgspec
import pytest

from animus_kernel.dispatch.lease import FencedQueue
from animus_kernel.dispatch.plain_queue import ask_queue
from animus_plugin_protocol import ErrorCode, RefusedError, methods
from animus_plugin_protocol.wire import queue, queue_v2
from animus_plugin_protocol.wire.dispatch import SubjectDispatch, SubjectRef

DISPATCH = SubjectDispatch(
    subject=SubjectRef(kind="task", id="T-1"),
    workflow_ref="w",
    trigger_source="test",
    requested_at="2026-01-01T00:00:00Z",
)


class PlainQueue:
    """Generation one, in memory; it says of everything else that it has no such method."""

    def __init__(self):
        self.entries = {}
        self.asked = []

    async def call(self, role, method, params, *, timeout_seconds):
        assert (role, timeout_seconds) == ("queue", 30.0)
        self.asked.append(method)
        act = getattr(self, method.replace("/", "_"), None)
        if act is None:
            raise RefusedError(f"no method {method!r}", code=ErrorCode.METHOD_NOT_FOUND)
        return msgspec.json.encode(act(params))

    def queue_enqueue(self, params):
        entry = queue.QueueEntry(
            entry_id=f"e-{len(self.entries)}",
            subject_id="task:T-1",
            subject_dispatch=params.subject_dispatch,
            status="pending",
            enqueued_at="2026-01-01T00:00:00Z",
        )
        self.entries[entry.entry_id] = entry
        return queue.QueueEnqueueResult(enqueued=True, entry_id=entry.entry_id, subject_id="task:T-1")

    def queue_lease(self, params):
        assert len(params.workflow_ids) == params.max
        pending = [entry for entry in self.entries.values() if entry.status == "pending"][: params.max]
        leased = [
            self.put(entry, status="assigned", workflow_id=run_id)
            for entry, run_id in zip(pending, params.workflow_ids, strict=False)
        ]
        return queue.QueueLeaseResult(leased=leased)

    def queue_list(self, params):
        found = [entry for entry in self.entries.values() if entry.status in params.status]
        stats = queue.QueueStats(total=len(self.entries), pending=0, assigned=0, held=0)
        return queue.QueueListResult(entries=found, total=len(found), stats=stats)

    def queue_completion(self, params):
        entry = self.entries.get(params.entry_id)
        if entry is None or entry.workflow_id != params.workflow_id:
            return queue.QueueMutationResult(changed=False, not_found=True)
        del self.entries[params.entry_id]
        return queue.QueueMutationResult(changed=True)

    def queue_release_pending(self, params):
        if self.entries[params.entry_id].status != "assigned":
            raise RefusedError("not assigned", code=ErrorCode.QUEUE_NOT_ASSIGNED)
        self.put(self.entries[params.entry_id], status="pending", workflow_id=None)
        return queue.QueueReleasePendingResult(entry_id=params.entry_id, status="pending")

    def put(self, entry, **changes):
        self.entries[entry.entry_id] = msgspec.structs.replace(entry, **changes)
        return self.entries[entry.entry_id]


@pytest.fixture
def plain():
    return PlainQueue()


@pytest.fixture
def fenced(plain):
    """The queue as the dispatcher sees it, with one entry."""
    wish = queue_v2.FencedEnqueueParams(subject_dispatch=DISPATCH, idempotency_key="k")
    receipt = asyncio.run(ask_queue(plain, methods.QUEUE_V2_ENQUEUE, wish, queue_v2.FencedEnqueueResult))
    assert receipt.subject.qualified_id == "task:T-1"
    assert "no idempotency keys" in receipt.warning
    return FencedQueue(plain, "scope", iter(["run-1", "run-2", "run-3"]).__next__)


def test_entry_is_leased_renewed_and_completed(plain, fenced):
    async def scene():
        (leased,) = (await fenced.lease(1)).leased
        lease = leased.execution.queue_lease
        assert (leased.execution.workflow_id, lease.entry_id, lease.owner_id) == ("run-1", "e-0", "animus:scope")
        assert lease.expires_at > datetime.datetime(3000, 1, 1, tzinfo=datetime.UTC)
        assert (await fenced.renew(leased.execution)).execution == leased.execution
        return [(await fenced.complete(leased.execution, "completed", "w")).outcome for _ in range(2)]

    assert asyncio.run(scene()) == ["applied", "not_found"]
    assert not plain.entries


def test_what_a_dead_process_had_leased_is_ours_to_give_back(plain, fenced):
    async def scene():
        await fenced.lease(1)
        (entry,) = await fenced.own_entries()
        outcomes = [(await fenced.give_back(entry.execution, "gone")).outcome for _ in range(2)]
        (again,) = (await fenced.lease(1)).leased
        return outcomes, again.execution.workflow_id

    assert asyncio.run(scene()) == (["applied", "not_assigned"], "run-2")
    assert plain.entries["e-0"].status == "assigned"


def test_queue_that_defers_nothing_has_no_deadline(fenced):
    assert asyncio.run(fenced.next_deadline()) is None


def test_refusal_of_a_fenced_queue_is_no_reason_to_ask_it_otherwise(plain, fenced, monkeypatch):
    def refuse(_params):
        raise RefusedError("locked", code=ErrorCode.QUEUE_LOCK_FAILED)

    monkeypatch.setattr(plain, "queue_v2_lease", refuse, raising=False)
    with pytest.raises(RefusedError, match="locked"):
        asyncio.run(fenced.lease(1))
    assert methods.QUEUE_LEASE not in plain.asked
