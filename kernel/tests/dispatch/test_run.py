"""The state table of a run, and the dispatcher against everything that can happen in any order."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from animus_kernel.dispatch.run import TRANSITIONS, RunState, Step, free_slots, new_run_id, queue_status_for


def test_every_state_but_the_last_has_a_way_out():
    sources = {state for state, _ in TRANSITIONS}
    assert sources == set(RunState) - {RunState.GONE}


def test_every_state_can_reach_the_end():
    reached = {RunState.GONE}
    while True:
        more = {source for (source, _), target in TRANSITIONS.items() if target in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(RunState)


def test_step_that_is_not_in_the_table_is_refused(make_run):
    run = make_run()
    with pytest.raises(ValueError, match=r"cannot 'park' while 'leased'"):
        run.move(Step.PARK)


@pytest.mark.parametrize(
    ("pool", "active", "may_start", "free"), [(3, 2, True, 1), (3, 3, True, 0), (3, 5, True, 0), (3, 0, False, 0)]
)
def test_free_slots_are_never_negative(pool, active, may_start, free):
    assert free_slots(pool, active, may_start=may_start) == free


def test_run_ids_differ():
    assert len({new_run_id() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("run_status", "word"),
    [("completed", "completed"), ("failed", "failed"), ("escalated", "failed"), ("cancelled", "cancelled")],
)
def test_queue_has_a_word_for_every_end(run_status, word):
    assert queue_status_for(run_status) == word


class DispatcherMachine(RuleBasedStateMachine):
    """No entry is lost, none is executed twice at once, the pool is respected, whatever fails when."""

    world_type = None

    def __init__(self):
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self._runner = asyncio.Runner()
        self._entries = []
        self._foreign = set()
        self._held = set()
        self._do(self._begin())

    def _do(self, work):
        return self._runner.run(work)

    async def _begin(self):
        self.world = self.world_type(Path(self._directory.name), pool_size=2)
        await self.world.start()

    @rule()
    def enqueue(self):
        self._entries.append(self.world.queue.add())
        self._do(self.world.wake())

    @rule()
    def enqueue_without_telling(self):
        self._entries.append(self.world.queue.add())

    @precondition(lambda self: self.world.runner.executing)
    @rule(data=st.data(), status=st.sampled_from(["completed", "failed", "escalated", "cancelled", "paused"]))
    def end_a_run(self, data, status):
        run_id = _one_of(data, self.world.runner.executing)
        self._do(self.world.runner.end(run_id, status))

    @precondition(lambda self: self.world.dispatcher.runs)
    @rule(data=st.data())
    def approve(self, data):
        run_id = _one_of(data, list(self.world.dispatcher.runs))

        async def signal():
            self.world.dispatcher.go_on(run_id)
            await self.world.wake()

        self._do(signal())

    @precondition(lambda self: self.world.dispatcher.runs)
    @rule(data=st.data())
    def reject(self, data):
        run_id = _one_of(data, list(self.world.dispatcher.runs))

        async def signal():
            self.world.dispatcher.end_waiting(run_id, "failed", "no")
            await self.world.wake()

        self._do(signal())

    @rule()
    def runner_dies(self):
        self._do(self.world.runner.die())

    @rule()
    def queue_goes_away(self):
        self.world.queue.is_away = True

    @rule()
    def queue_comes_back(self):
        self.world.queue.is_away = False

    @rule()
    def an_answer_gets_lost(self):
        self.world.queue.loses_next_answer = True

    @rule(seconds=st.sampled_from([0.3, 3, 45, 70]))
    def time_passes(self, seconds):
        self._do(self.world.clock.advance(seconds))

    @rule()
    def daemon_is_killed(self):
        async def crash():
            await self.world.crash()
            await self.world.start()

        self._do(crash())

    @rule()
    def somebody_looks(self):
        self._do(self.world.wake())

    @invariant()
    def pool_is_respected(self):
        assert self.world.dispatcher.active <= 2

    @invariant()
    def nothing_broke_in_silence(self):
        assert self.world.failures == []

    @invariant()
    def executing_runs_are_known(self):
        assert set(self.world.runner.executing) <= set(self.world.dispatcher.runs)

    def teardown(self):
        self._do(self._finish_everything())
        self._do(self.world.jobs.close())
        self.world.close()
        self._runner.close()
        self._directory.cleanup()

    async def _finish_everything(self):
        queue = self.world.queue
        queue.is_away = queue.loses_next_answer = False
        for _ in range(6 * len(self._entries) + 6):
            await self.world.clock.advance(70)
            for entry in list(queue.entries.values()):
                if entry.status == "held":
                    queue.entries[entry.entry_id] = _pending(entry)
            for run_id in list(self.world.dispatcher.runs):
                self.world.dispatcher.go_on(run_id)
            await self.world.wake()
            for run_id in list(self.world.runner.executing):
                await self.world.runner.end(run_id)
            if not queue.entries:
                break
        assert queue.entries == {}
        assert sorted(queue.finished) == sorted(self._entries)
        assert self.world.dispatcher.runs == {}


def _one_of(data, run_ids):
    """By place: the ids themselves are random."""
    return run_ids[data.draw(st.integers(0, 11)) % len(run_ids)]


def _pending(entry):
    import msgspec

    return msgspec.structs.replace(entry, status="pending")


def test_no_order_of_events_loses_or_doubles_an_entry(world_type):
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("Machine", (DispatcherMachine,), {"world_type": world_type})
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))
