"""Tickets, fences, repository reservations and what is said about what is blocked."""

import pytest

from animus_queue_default.fault import FencedEntryError, InvalidRequestError
from animus_queue_default.model.act import BlockReason, FenceOutcome
from animus_queue_default.model.entry import Repository
from animus_queue_default.model.lease import LeaseTerms, fence_of
from animus_queue_default.model.status import Outcome
from animus_queue_default.operations.handout import Exclusion


def lease_one(fenced, workflow_id="w1", owner="owner1"):
    (entry,) = fenced.lease(1, owner, [workflow_id]).leased
    fence = fence_of(entry)
    assert fence is not None
    return fence


def repository(name="acme/site", head="refs/heads/work"):
    return Repository(name, "refs/heads/main", head)


def test_a_returned_entry_keeps_its_run_and_generations(fenced, ask):
    fenced.enqueue(ask())
    first = lease_one(fenced, "w1")
    assert fenced.return_to_pending(first, "no slot").outcome is FenceOutcome.APPLIED
    assert fenced.return_to_pending(first, "again").outcome is FenceOutcome.ALREADY_APPLIED
    assert fenced.renew(first).outcome is FenceOutcome.NOT_ASSIGNED
    handout = fenced.lease(1, "owner2", ["unused"])
    second = fence_of(handout.leased[0])
    assert (second.workflow_id, second.workflow_generation) == ("w1", 1)
    assert (second.lease_generation, second.subject_generation) == (2, first.subject_generation)
    assert fenced.complete(first, Outcome.COMPLETED).outcome is FenceOutcome.STALE_FENCE
    assert fenced.return_to_pending(first, "late").outcome is FenceOutcome.STALE_FENCE


def test_an_entry_with_a_run_uses_up_no_workflow_id(fenced, ask):
    fenced.enqueue(ask("task:A"))
    fenced.return_to_pending(lease_one(fenced, "old"), "x")
    fenced.enqueue(ask("task:B"))
    leased = fenced.lease(2, "owner1", ["new", "spare"]).leased
    assert [entry.standing.workflow_id for entry in leased] == ["old", "new"]


def test_renew_never_moves_the_expiry_earlier(fenced, ask, clock):
    fenced.enqueue(ask())
    fence = lease_one(fenced)
    clock.move(-50)
    assert fenced.renew(fence).fence.expires_at == fence.expires_at
    clock.move(60)
    assert fenced.renew(fence).fence.expires_at == fence.expires_at + 10_000_000
    assert fenced.renew(fence, 1).fence.expires_at == fence.expires_at + 10_000_000


def test_a_ttl_below_one_second_is_refused_and_a_long_one_is_capped(fenced, ask, clock):
    fenced.enqueue(ask())
    fence = lease_one(fenced)
    with pytest.raises(InvalidRequestError, match="ttl_secs is 0"):
        fenced.renew(fence, 0)
    assert fenced.renew(fence, 10_000).fence.expires_at == clock.now() + 120_000_000


@pytest.mark.parametrize("owner", ["owner1", "", "  "])
def test_a_lease_is_recovered_by_another_owner_only(fenced, ask, clock, owner):
    fenced.enqueue(ask())
    fence = lease_one(fenced)
    clock.move(121)
    with pytest.raises(InvalidRequestError, match="another owner"):
        fenced.recover(fence, owner)


def test_an_expired_lease_is_reported_and_what_waits_behind_it_too(fenced, queue, ask, clock):
    fenced.enqueue(ask())
    fence = lease_one(fenced)
    behind = queue.enqueue(ask(workflow_ref="other")).entry_id
    blocked = fenced.lease(1, "owner2", ["w2"]).blocked
    assert [(b.entry_id, b.reason) for b in blocked] == [(behind, BlockReason.SUBJECT_ACTIVE)]
    clock.move(121)
    blocked = fenced.lease(1, "owner2", ["w2"]).blocked
    assert [(b.entry_id, b.reason, b.conflicts_with) for b in blocked] == [
        (fence.entry_id, BlockReason.RECOVERY_REQUIRED, None),
        (behind, BlockReason.RECOVERY_REQUIRED, fence.entry_id),
    ]
    recovered = fenced.recover(fence, "owner2").fence
    fenced.complete(recovered, Outcome.FAILED)
    assert [entry.entry_id for entry in fenced.lease(1, "owner2", ["w2"]).leased] == [behind]


def test_blocked_candidates_never_starve_a_due_one(fenced, ask):
    fenced.enqueue(ask("task:first", repository=repository()))
    lease_one(fenced)
    for number in range(500):
        fenced.enqueue(ask(f"task:{number}", repository=repository()))
    free = fenced.enqueue(ask("task:free")).entry_id
    handout = fenced.lease(1, "owner1", ["w2"])
    assert [entry.entry_id for entry in handout.leased] == [free]
    assert len(handout.blocked) == 64


def test_an_entry_behind_another_subject_in_its_repository_lane_is_handed_out(fenced, queue, ask):
    queue.enqueue(ask("task:A", "old"))
    queue.lease(1)
    fenced.enqueue(ask("task:A", repository=repository()))
    behind = fenced.enqueue(ask("task:B", repository=repository())).entry_id
    for _ in range(2):
        handout = fenced.lease(1, "owner1", ["w1"])
        assert [block.reason for block in handout.blocked] == [BlockReason.SUBJECT_ACTIVE]
        assert [entry.entry_id for entry in handout.leased] == [behind]
        fenced.return_to_pending(fence_of(handout.leased[0]), "again")


@pytest.mark.parametrize(
    ("exclusion", "reason"),
    [
        (Exclusion(subjects={"task:A": "other run"}), BlockReason.SUBJECT_ACTIVE),
        (Exclusion(repositories={"acme/site\nrefs/heads/work": "other run"}), BlockReason.REPOSITORY_COLLISION),
    ],
)
def test_runs_the_host_excludes_block(fenced, ask, exclusion, reason):
    entry_id = fenced.enqueue(ask(repository=repository(" ACME/site "))).entry_id
    (block,) = fenced.lease(1, "owner1", ["w1"], exclusion).blocked
    assert (block.entry_id, block.reason, block.conflicts_with) == (entry_id, reason, "other run")
    assert len(fenced.lease(1, "owner1", ["w1"]).leased) == 1


def test_a_key_first_used_on_an_old_entry_is_bound_to_it(fenced, queue, ask):
    old = queue.enqueue(ask()).entry_id
    receipt = fenced.enqueue(ask(), "k")
    assert (receipt.entry_id, receipt.generation, receipt.enqueued) == (old, 1, False)
    assert fenced.enqueue(ask(), "k").warning is None
    queue.drop(old)
    assert fenced.enqueue(ask(), " k ").entry_id == old
    assert fenced.enqueue(ask(), "k2").generation == 2


def test_a_running_old_entry_does_not_block_a_new_generation(fenced, queue, ask):
    queue.enqueue(ask())
    queue.lease(1)
    assert fenced.enqueue(ask()).enqueued


def test_a_swept_entry_still_answers_for_its_key(fenced, ask, clock):
    request = ask(run_at=clock.now(), run_at_text="x", expire_after_secs=1)
    first = fenced.enqueue(request, "k")
    clock.move(5)
    again = fenced.enqueue(request, "k")
    assert (again.entry_id, again.enqueued) == (first.entry_id, False)


@pytest.mark.parametrize("key", ["", "   ", "x" * 257])
def test_a_key_has_1_to_256_characters(fenced, ask, key):
    with pytest.raises(InvalidRequestError, match="idempotency_key"):
        fenced.enqueue(ask(), key)


def test_an_expiry_out_of_range_is_refused(fenced, ask, clock, ledger):
    with pytest.raises(InvalidRequestError, match="9999"):
        fenced.enqueue(ask(run_at=clock.now(), run_at_text="x", expire_after_secs=2**63))
    assert ledger.records == []


def test_old_operations_need_the_fence_of_a_fenced_entry(fenced, queue, ask):
    fenced.enqueue(ask())
    fence = lease_one(fenced)
    for act in (
        lambda: queue.complete(fence.entry_id, Outcome.COMPLETED),
        lambda: queue.return_to_pending(fence.entry_id, "x"),
        lambda: queue.mark_assigned(fence.entry_id),
    ):
        with pytest.raises(FencedEntryError, match="queue/v2"):
            act()


def test_a_fence_that_differs_anywhere_is_stale(fenced, ask):
    fenced.enqueue(ask(repository=repository()))
    fence = lease_one(fenced)
    changes = {
        "workflow_id": "w9", "workflow_generation": 2, "subject": "task:B", "subject_generation": 2,
        "owner_id": "owner2", "lease_generation": 2, "repository": None,
    }  # fmt: skip
    for field, value in changes.items():
        other = type(fence)(**{**{name: getattr(fence, name) for name in fence.__struct_fields__}, field: value})
        assert fenced.renew(other).outcome is FenceOutcome.STALE_FENCE, field
    late = type(fence)(**{**{name: getattr(fence, name) for name in fence.__struct_fields__}, "expires_at": 0})
    assert fenced.renew(late).outcome is FenceOutcome.APPLIED


def test_a_dropped_entry_is_not_assigned_and_an_unknown_one_not_found(fenced, queue, ask):
    fenced.enqueue(ask())
    fence = lease_one(fenced)
    queue.drop(fence.entry_id)
    assert fenced.complete(fence, Outcome.COMPLETED).outcome is FenceOutcome.NOT_ASSIGNED
    nobody = type(fence)(**{**{name: getattr(fence, name) for name in fence.__struct_fields__}, "entry_id": "x"})
    assert fenced.renew(nobody).outcome is FenceOutcome.NOT_FOUND


def test_completion_for_another_workflow_is_stale(fenced, ask):
    fenced.enqueue(ask())
    fence = lease_one(fenced)
    assert fenced.complete(fence, Outcome.COMPLETED, "other").outcome is FenceOutcome.STALE_FENCE
    assert fenced.complete(fence, Outcome.COMPLETED, "standard").outcome is FenceOutcome.APPLIED


@pytest.mark.parametrize(
    ("setting", "fenced_ttl", "unfenced_ttl"),
    [("", 120, 1800), ("7", 7, 7), ("0", 120, 1800), ("604801", 120, 1800), ("1.5", 120, 1800), ("²", 120, 1800)],
)
def test_the_ttl_setting_is_seconds_up_to_a_week(monkeypatch, setting, fenced_ttl, unfenced_ttl):
    monkeypatch.setenv("ANIMUS_QUEUE_LEASE_TTL_SECS", setting)
    terms = LeaseTerms.from_environment()
    assert (terms.ttl_seconds, terms.unfenced_ttl_seconds) == (fenced_ttl, unfenced_ttl)
