"""Every cell of the transition table, tried on a real entry."""

import itertools

import pytest

from animus_queue_default.fault import FencedEntryError, InvalidRequestError, NotAssignedError, WrongStatusError
from animus_queue_default.model.entry import Entry, Grant, Standing
from animus_queue_default.model.lease import Fence, LeaseTerms, fence_of
from animus_queue_default.model.record import Added
from animus_queue_default.model.status import TRANSITIONS, Answer, Condition, Operation, Outcome, Status, answer_for
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.operations.handout import is_candidate
from animus_queue_default.operations.ledger import sweep
from animus_queue_default.operations.unfenced import Queue

CELLS = list(itertools.product(Operation, Condition))


def place(ledger, clock, condition):
    """Put one entry into `condition`; its id, its fence if it ever had one, the clock's now."""
    now = clock.now()
    grant = Grant("owner", 1, now + 60_000_000, fenced=True)
    ticket = {"workflow_id": "w", "workflow_generation": 1, "subject_generation": 1, "lease_generation": 1}
    standing = {
        Condition.PENDING: Standing(grant=grant, **ticket),
        Condition.HELD: Standing(status=Status.HELD, grant=grant, **ticket),
        Condition.ASSIGNED: Standing(
            status=Status.ASSIGNED, grant=Grant("", 1, now + 60_000_000, fenced=False), **ticket
        ),
        Condition.UNKNOWN: Standing(status=Status.UNKNOWN, **ticket),
    }.get(condition, Standing(status=Status.ASSIGNED, grant=grant, **ticket))
    if condition is not Condition.MISSING:
        entry = Entry(
            seq=1, entry_id="e", subject="task:A", subject_key="A", workflow_ref="standard", dispatch=b"{}",
            priority=2, position=0, enqueued_at=now, run_at=now, run_at_text="x", expire_after_secs=10,
            standing=standing,
        )  # fmt: skip
        ledger.emit(Added(entry))
    fence = Fence(
        entry_id="e", workflow_id="w", workflow_generation=1, subject="task:A", subject_generation=1,
        owner_id="owner", lease_generation=1, expires_at=0,
    )  # fmt: skip
    fenced = FencedQueue(ledger, clock, LeaseTerms())
    if condition is Condition.FINISHED:
        fenced.complete(fence, Outcome.COMPLETED)
    if condition is Condition.DROPPED:
        Queue(ledger, clock, LeaseTerms()).drop("e")
    return fence


def plain_answer(act):
    """What an operation without a fence did, as the table would say it."""
    try:
        result = act()
    except WrongStatusError:
        return Answer.WRONG_STATUS
    except NotAssignedError:
        return Answer.NOT_ASSIGNED
    except FencedEntryError:
        return Answer.NEEDS_FENCE
    except InvalidRequestError:
        return Answer.UNKNOWN_ENTRY
    if result is None or result.changed:
        return Answer.APPLY
    return Answer.NOT_FOUND if result.not_found else Answer.UNCHANGED


def candidate_answer(ledger, clock, operation):
    entry = ledger.state.find("e")
    if operation is Operation.EXPIRE:
        clock.move(30)
        sweep(ledger, clock.now())
        return Answer.APPLY if entry is not None and "e" not in ledger.state else Answer.SKIP
    if entry is None or not is_candidate(entry, clock.now()):
        clock.move(120)
        lapsed = entry is not None and entry.status is Status.ASSIGNED and is_candidate(entry, clock.now())
        return Answer.IF_LAPSED if lapsed else Answer.SKIP
    return Answer.APPLY


def test_the_table_has_an_answer_in_every_cell():
    assert {(operation, condition) for operation, row in TRANSITIONS.items() for condition in row} == set(CELLS)


@pytest.mark.parametrize(("operation", "condition"), CELLS, ids=lambda value: value.name.lower())
def test_operation_does_what_the_table_says(ledger, clock, operation, condition):
    fence = place(ledger, clock, condition)
    queue, fenced = Queue(ledger, clock, LeaseTerms()), FencedQueue(ledger, clock, LeaseTerms())
    plain = {
        Operation.HOLD: lambda: queue.hold("e"),
        Operation.RELEASE: lambda: queue.release("e"),
        Operation.DROP: lambda: queue.drop("e"),
        Operation.MARK_ASSIGNED: lambda: queue.mark_assigned("e"),
        Operation.COMPLETE: lambda: queue.complete("e", Outcome.COMPLETED),
        Operation.RETURN: lambda: queue.return_to_pending("e", "why"),
    }
    shown = {
        Operation.FENCED_RENEW: lambda: fenced.renew(fence),
        Operation.FENCED_RECOVER: lambda: fenced.recover(fence, "other"),
        Operation.FENCED_COMPLETE: lambda: fenced.complete(fence, Outcome.FAILED),
        Operation.FENCED_RETURN: lambda: fenced.return_to_pending(fence, "why"),
    }
    expected = answer_for(operation, condition)
    facts = len(ledger.records)
    if operation in plain:
        assert plain_answer(plain[operation]) is expected
    elif operation in shown:
        if operation is Operation.FENCED_RECOVER:
            clock.move(61)
        act = shown[operation]()
        word = "applied" if expected is Answer.APPLY else expected.name.lower()
        assert act.outcome.value == word
    else:
        assert candidate_answer(ledger, clock, operation) is expected
    if expected is not Answer.APPLY:
        assert len(ledger.records) == facts


def test_only_a_fenced_lease_has_a_fence(ledger, clock):
    place(ledger, clock, Condition.ASSIGNED)
    assert fence_of(ledger.state.find("e")) is None
