"""A state machine over holders, crashes, restarts and clock jumps, against a model that fits on a page."""

import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from animus_queue_default.clock import MICROSECONDS, HandClock
from animus_queue_default.fault import FencedEntryError, NotAssignedError, WrongStatusError
from animus_queue_default.model.act import FenceOutcome
from animus_queue_default.model.entry import Priority
from animus_queue_default.model.lease import UNFENCED_TTL_SECONDS, LeaseTerms, fence_of
from animus_queue_default.model.request import Request
from animus_queue_default.model.status import Outcome
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.operations.unfenced import Queue
from animus_queue_default.operations.view import totals
from animus_queue_default.storage.store import Store


class Modelled:
    """What the model knows of an entry."""

    def __init__(self, subject, priority, place, run_at):
        self.subject = subject
        self.key = (priority, place)
        self.run_at = run_at
        self.status = "pending"
        self.fence = None
        self.lapses_at = None

    def is_due(self, now):
        """Whether a lease of either generation may hand it out."""
        if self.status == "pending":
            return self.run_at is None or self.run_at <= now
        return self.is_unfenced and self.lapses_at < now

    @property
    def is_unfenced(self):
        return self.status == "assigned" and self.fence is None


class QueueMachine(RuleBasedStateMachine):
    """Two processes (stores) on one directory; either may be restarted at any time."""

    fences = Bundle("fences")

    def __init__(self):
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.clock = HandClock()
        self.stores = [None, None]
        self.model = {}
        self.bound = {}
        self.count = 0
        self.front = 0
        for number in range(2):
            self.restart(number)

    def teardown(self):
        for store in self.stores:
            store.close()
        shutil.rmtree(self.directory)

    def batch(self, number, kind, name, *arguments):
        store = self.stores[number]
        store.begin(create=True)
        result = getattr(kind(store, self.clock, LeaseTerms()), name)(*arguments)
        store.commit()
        return result

    @rule(number=st.integers(0, 1))
    def restart(self, number):
        if self.stores[number] is not None:
            self.stores[number].close()
        self.stores[number] = Store(
            self.directory / "queue", self.clock, compaction_floor_bytes=2_000, stretch_bytes=500
        )
        self.agree()

    def agree(self):
        """Whatever each store lived through, both know the same."""
        if None in self.stores:
            return
        known = []
        for store in self.stores:
            store.begin()
            known.append([msgspec.msgpack.encode(entry) for entry in store.state.order.walk()])
            known[-1].append(sorted(finished.entry_id for finished in store.finished()))
            store.commit()
        assert known[0] == known[1]

    @rule(number=st.integers(0, 1), harm=st.sampled_from(["delete", "cut", "flip"]), where=st.integers(0, 10_000))
    def harm_outline(self, number, harm, where):
        """The outline is worth nothing by itself: whatever becomes of it, the journal is the truth."""
        for path in (self.directory / "queue").glob("outline-*.log"):
            data = bytearray(path.read_bytes())
            if harm == "delete":
                path.unlink()
            elif harm == "cut":
                path.write_bytes(data[: where % (len(data) + 1)])
            else:
                data[where % len(data)] ^= 1 << where % 8
                path.write_bytes(data)
        self.restart(number)

    @rule(number=st.integers(0, 1), subject=st.integers(0, 3))
    def crash_before_commit(self, number, subject):
        """What was not committed never happened."""
        store = self.stores[number]
        store.begin(create=True)
        Queue(store, self.clock, LeaseTerms()).enqueue(self.request(f"task:lost-{subject}", Priority.HIGH, None))
        self.restart(number)

    @rule(seconds=st.sampled_from([-100, -1, 1, 30, 121, 500, 1_900]))
    def jump(self, seconds):
        self.clock.move(seconds)

    @rule(
        number=st.integers(0, 1),
        subject=st.integers(0, 5),
        priority=st.sampled_from(list(Priority)),
        delay=st.sampled_from([None, None, 60, -5]),
    )
    def enqueue(self, number, subject, priority, delay):
        name = f"task:{subject}"
        run_at = None if delay is None else self.clock.now() + delay * MICROSECONDS
        key = f"k{self.count}"
        receipt = self.batch(number, FencedQueue, "enqueue", self.request(name, priority, run_at), key)
        self.bound[key] = (receipt.entry_id, name, priority, run_at)
        live = [entry_id for entry_id, entry in self.model.items() if entry.subject == name]
        assert receipt.enqueued == (not live)
        if live:
            assert receipt.entry_id == live[0]
        else:
            self.model[receipt.entry_id] = Modelled(name, int(priority), self.count, run_at)
        self.count += 1

    @rule(number=st.integers(0, 1), pick=st.integers(0, 99))
    def enqueue_again(self, number, pick):
        """A key leads to its entry for ever."""
        if self.bound:
            key = list(self.bound)[pick % len(self.bound)]
            entry_id, *content = self.bound[key]
            receipt = self.batch(number, FencedQueue, "enqueue", self.request(*content), key)
            assert (receipt.entry_id, receipt.enqueued) == (entry_id, False)

    @rule(number=st.integers(0, 1), owner=st.sampled_from(["o1", "o2"]), count=st.integers(1, 3), target=fences)
    def lease(self, number, owner, count):
        ids = [f"w{self.count}-{place}" for place in range(count)]
        self.count += 1
        handout = self.batch(number, FencedQueue, "lease", count, owner, ids)
        assert [entry.entry_id for entry in handout.leased] == self.due()[:count]
        got = None
        for entry in handout.leased:
            got = fence_of(entry)
            self.model[entry.entry_id].status = "assigned"
            self.model[entry.entry_id].fence = got
        return got

    @rule(number=st.integers(0, 1), count=st.integers(1, 3))
    def lease_unfenced(self, number, count):
        due = self.due()[:count]
        assert [entry.entry_id for entry in self.batch(number, Queue, "lease", count)] == due
        for entry_id in due:
            self.hand_out_unfenced(entry_id)

    @rule(number=st.integers(0, 1), pick=st.integers(0, 9))
    def mark_assigned(self, number, pick):
        entry_id, entry = self.picked(pick)
        if entry is None or entry.status == "held" or entry.fence is not None:
            return
        assert self.batch(number, Queue, "mark_assigned", entry_id).changed == (entry.status == "pending")
        if entry.status == "pending":
            self.hand_out_unfenced(entry_id)

    @rule(number=st.integers(0, 1), pick=st.integers(0, 9))
    def complete_unfenced(self, number, pick):
        entry_id, entry = self.picked(pick)
        if entry is None:
            return
        if entry.fence is not None:
            self.refused(FencedEntryError, number, "complete", entry_id, Outcome.COMPLETED)
            return
        changed = self.batch(number, Queue, "complete", entry_id, Outcome.COMPLETED).changed
        assert changed == entry.is_unfenced
        if changed:
            del self.model[entry_id]

    @rule(number=st.integers(0, 1), pick=st.integers(0, 9))
    def give_back_unfenced(self, number, pick):
        entry_id, entry = self.picked(pick)
        if entry is None:
            return
        if not entry.is_unfenced:
            error = NotAssignedError if entry.fence is None else FencedEntryError
            self.refused(error, number, "return_to_pending", entry_id, "x")
            return
        self.batch(number, Queue, "return_to_pending", entry_id, "x")
        entry.status = "pending"

    def picked(self, pick):
        """An entry of the model, if there is one."""
        return list(self.model.items())[pick % len(self.model)] if self.model else (None, None)

    def refused(self, error, number, name, *arguments):
        """What is refused leaves no trace in its batch."""
        store = self.stores[number]
        store.begin()
        with pytest.raises(error):
            getattr(Queue(store, self.clock, LeaseTerms()), name)(*arguments)
        store.commit()

    def due(self):
        """What the next lease hands out, in order."""
        now = self.clock.now()
        return [entry_id for _, entry_id in sorted((e.key, i) for i, e in self.model.items() if e.is_due(now))]

    def hand_out_unfenced(self, entry_id):
        entry = self.model[entry_id]
        entry.status, entry.fence = "assigned", None
        entry.lapses_at = self.clock.now() + UNFENCED_TTL_SECONDS * MICROSECONDS

    @rule(number=st.integers(0, 1), fence=fences)
    def renew(self, number, fence):
        if fence is None:
            return
        act = self.batch(number, FencedQueue, "renew", fence)
        if self.holds(fence) and self.current(fence).expires_at >= self.clock.now():
            assert act.outcome is FenceOutcome.APPLIED
            assert act.fence.expires_at >= self.current(fence).expires_at
            self.model[fence.entry_id].fence = act.fence
        else:
            assert act.outcome is not FenceOutcome.APPLIED

    @rule(number=st.integers(0, 1), fence=fences, target=fences)
    def recover(self, number, fence):
        if fence is None:
            return None
        act = self.batch(number, FencedQueue, "recover", fence, f"{fence.owner_id}x")
        if not self.holds(fence):
            assert act.outcome in {FenceOutcome.STALE_FENCE, FenceOutcome.NOT_ASSIGNED}
            return None
        if self.current(fence).expires_at >= self.clock.now():
            assert act.outcome is FenceOutcome.LEASE_STILL_LIVE
            return None
        assert act.fence.lease_generation == fence.lease_generation + 1
        self.model[fence.entry_id].fence = act.fence
        return act.fence

    @rule(number=st.integers(0, 1), fence=consumes(fences))
    def complete(self, number, fence):
        if fence is None:
            return
        act = self.batch(number, FencedQueue, "complete", fence, Outcome.COMPLETED)
        assert (act.outcome is FenceOutcome.APPLIED) == self.holds(fence)
        if self.holds(fence):
            del self.model[fence.entry_id]
            again = self.batch(1 - number, FencedQueue, "complete", fence, Outcome.FAILED)
            assert again.outcome is FenceOutcome.ALREADY_APPLIED

    @rule(number=st.integers(0, 1), fence=fences)
    def give_back(self, number, fence):
        if fence is None:
            return
        act = self.batch(number, FencedQueue, "return_to_pending", fence, "x")
        assert (act.outcome is FenceOutcome.APPLIED) == self.holds(fence)
        if self.holds(fence):
            self.model[fence.entry_id].status, self.model[fence.entry_id].fence = "pending", None

    @rule(number=st.integers(0, 1), pick=st.integers(0, 9), act=st.sampled_from(["hold", "release", "drop"]))
    def operate(self, number, pick, act):
        entry_id, entry = self.picked(pick)
        if entry is None:
            return
        if act != "drop" and entry.status == "assigned":
            self.refused(WrongStatusError, number, act, entry_id)
            return
        assert self.batch(number, Queue, act, entry_id).changed == {
            "hold": entry.status == "pending", "release": entry.status == "held", "drop": True,
        }[act]  # fmt: skip
        if act == "drop":
            del self.model[entry_id]
        else:
            entry.status = "held" if act == "hold" else "pending"

    @rule(number=st.integers(0, 1), picks=st.lists(st.integers(0, 9), max_size=3))
    def reorder(self, number, picks):
        ids = list(dict.fromkeys(list(self.model)[pick % len(self.model)] for pick in picks)) if self.model else []
        self.batch(number, Queue, "reorder", ids)
        for entry_id in reversed(ids):
            self.front -= 1
            self.model[entry_id].key = (self.model[entry_id].key[0], self.front)

    @invariant()
    def counts_agree(self):
        for store in self.stores:
            store.begin()
            counted = totals(store, self.clock)
            store.commit()
            for status in ("pending", "assigned", "held"):
                assert getattr(counted, status) == sum(entry.status == status for entry in self.model.values())

    def request(self, subject, priority, run_at):
        return Request(
            subject=subject, subject_key=subject, workflow_ref="standard", dispatch=b"{}", priority=int(priority),
            run_at=run_at, run_at_text=None if run_at is None else "x",
        )  # fmt: skip

    def current(self, fence):
        return self.model[fence.entry_id].fence

    def holds(self, fence):
        entry = self.model.get(fence.entry_id)
        return (
            entry is not None
            and entry.fence is not None
            and entry.fence.lease_generation == fence.lease_generation
            and entry.fence.owner_id == fence.owner_id
        )


# Forty runs of up to forty steps; with HYPOTHESIS_PROFILE=thorough two thousand of a hundred.
_RUNS = 40 if settings().max_examples < 1_000 else settings().max_examples
QueueMachine.TestCase.settings = settings(
    max_examples=_RUNS, stateful_step_count=40 if _RUNS == 40 else 100, deadline=None
)
test_any_history_of_holders_crashes_and_clocks_fits_the_model = QueueMachine.TestCase
