"""What follows when runs break off: who is suspected, who waits, who is held."""

import pytest

from animus_kernel.dispatch.dispatcher import RETRY_SECONDS
from animus_plugin_protocol.errors import ErrorCode, RetriableError


def test_dead_runner_gives_the_entry_back_and_it_goes_on_under_the_same_run(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        run_id = world.runner.executing[0]
        await world.runner.die()
        assert world.runner.started == [run_id, run_id]
        await world.runner.end(run_id)
        assert world.queue.finished[entry] == "completed"

    drive(scenario)


def test_entry_whose_attempts_break_off_three_times_is_held_with_the_reason(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        await world.runner.die()
        await world.runner.die()
        assert world.queue.entries[entry].status == "assigned"
        assert len(world.runner.started) == 2
        await world.clock.advance(5)
        await world.runner.die()
        assert world.queue.entries[entry].status == "held"
        assert "the runner died" in world.queue.entries[entry].hold_reason
        assert len(world.runner.started) == 3

    drive(scenario)


def test_only_the_culprit_is_held_and_those_beside_it_complete(drive):
    async def scenario(world):
        first, culprit, last = (world.queue.add() for _ in range(3))
        await world.start()
        names = dict(zip(world.runner.executing, (first, culprit, last), strict=True))
        await world.runner.die()
        await world.runner.die()
        await world.clock.advance(5)
        for _ in range(3):  # one at a time
            (run_id,) = world.runner.executing
            if names[run_id] == culprit:
                await world.runner.die()
            else:
                await world.runner.end(run_id)
        assert world.queue.entries[culprit].status == "held"
        assert world.queue.finished == {first: "completed", last: "completed"}
        assert world.kinds().count("entry_held") == 1
        assert world.dispatcher.runs == {}

    drive(scenario, pool_size=3)


def test_suspect_that_progresses_lets_the_next_one_begin(drive):
    async def scenario(world):
        for _ in range(2):
            world.queue.add()
        await world.start()
        await world.runner.die()
        await world.runner.die()
        await world.clock.advance(5)
        (first,) = world.runner.executing
        world.runner.progress(first, kind="completed", status="completed")
        await world.settle()
        assert len(world.runner.executing) == 2
        assert "run_waits_its_turn" in world.kinds()

    drive(scenario, pool_size=2)


def test_work_that_is_no_suspect_goes_on_beside_one(drive):
    async def scenario(world):
        world.queue.add()
        await world.start()
        await world.runner.die()
        await world.runner.die()
        await world.clock.advance(5)
        world.queue.add()
        await world.wake()
        assert len(world.runner.executing) == 2

    drive(scenario, pool_size=2)


@pytest.mark.parametrize("how", ["drain", "pause"])
def test_suspect_that_waits_for_its_turn_is_not_begun_by_a_stopped_dispatcher(drive, how):
    async def scenario(world):
        for _ in range(2):
            world.queue.add()
        await world.start()
        await world.runner.die()
        await world.runner.die()
        await world.clock.advance(5)
        (first,) = world.runner.executing
        world.dispatcher.is_draining, world.dispatcher.is_paused = how == "drain", how == "pause"
        await world.runner.end(first)
        assert world.runner.executing == []
        (left,) = world.queue.entries.values()
        assert left.status == ("pending" if how == "drain" else "assigned")
        assert len(world.dispatcher.runs) == (how == "pause")

    drive(scenario, pool_size=2)


def test_entries_stay_pending_while_no_runner_can_be_had(drive):
    async def scenario(world):
        entry = world.queue.add()
        world.unreachable = RetriableError("the runner is cooling down", code=ErrorCode.HOST_PLUGIN_DIED)
        await world.start()
        for _ in range(30):
            await world.clock.advance(RETRY_SECONDS)
        assert world.queue.entries[entry].status == "pending"
        assert world.runner.started == []
        assert world.kinds().count("dispatch_stopped") == 1
        world.unreachable = None
        await world.clock.advance(RETRY_SECONDS)
        assert world.queue.entries[entry].status == "assigned"
        assert len(world.runner.started) == 1

    drive(scenario)


def test_progress_between_deaths_starts_the_count_again(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        for _ in range(5):
            world.runner.progress(world.runner.executing[0], kind="completed", status="completed")
            await world.runner.die()
        assert world.queue.entries[entry].status == "assigned"

    drive(scenario)


async def _make_suspects(world, count):
    """Entries whose attempts broke off twice; the run that is executed, and those that wait for their turn."""
    for _ in range(count):
        world.queue.add()
    await world.start()
    await world.runner.die()
    await world.runner.die()
    await world.clock.advance(5)
    (first,) = world.runner.executing
    return first, [run_id for run_id in world.dispatcher.runs if run_id != first]


def test_phase_completed_before_a_run_parked_ends_the_suspicion_for_good(drive):
    async def scenario(world):
        run_id, _ = await _make_suspects(world, 1)
        world.runner.progress(run_id, kind="completed", status="completed")
        await world.runner.end(run_id, "paused")
        world.dispatcher.go_on(run_id)
        await world.settle()
        await world.runner.die()
        assert world.runner.executing == [run_id]
        assert "entry_held" not in world.kinds()

    drive(scenario)


@pytest.mark.parametrize("knows_signals", [True, False])
def test_cancel_ends_a_run_that_waits_for_its_turn(drive, knows_signals):
    async def scenario(world):
        first, (waiting,) = await _make_suspects(world, 2)
        entry = world.dispatcher.runs[waiting].entry.entry_id
        if knows_signals:
            assert world.dispatcher.end_waiting(waiting, "cancelled", "asked to")
        else:
            assert world.dispatcher.cancel(waiting, "asked to")
        await world.settle()
        assert world.queue.finished == {entry: "cancelled"}
        started = len(world.runner.started)
        await world.runner.end(first)
        assert len(world.runner.started) == started
        assert world.dispatcher.runs == {}

    drive(scenario, pool_size=2)


def test_cancel_does_not_say_it_ended_what_is_on_its_way_out(drive):
    async def scenario(world):
        world.queue.add()
        await world.start()
        (run_id,) = world.runner.executing
        world.queue.is_away = True
        await world.runner.end(run_id)
        assert not world.dispatcher.cancel(run_id, "asked to")

    drive(scenario)


def test_go_on_before_a_run_has_begun_does_not_wake_it_when_it_parks(drive):
    async def scenario(world):
        first, (waiting,) = await _make_suspects(world, 2)
        world.dispatcher.go_on(waiting)
        await world.runner.end(first)
        started = list(world.runner.started)
        await world.runner.end(waiting, "paused")
        assert world.runner.started == started

    drive(scenario, pool_size=2)


def test_drain_gives_back_at_once_what_waits_for_its_turn(drive):
    async def scenario(world):
        first, (waiting,) = await _make_suspects(world, 2)
        entry = world.dispatcher.runs[waiting].entry.entry_id
        world.dispatcher.drain()
        await world.settle()
        assert world.queue.status_of(entry) == "pending"
        assert list(world.dispatcher.runs) == world.runner.executing == [first]

    drive(scenario, pool_size=2)


def test_cancel_while_a_run_is_given_back_breaks_nothing(drive):
    async def scenario(world):
        first, (waiting,) = await _make_suspects(world, 2)
        handle = world.queue.handle

        def cancel_meanwhile(method, params):
            if method == "queue/v2/release_pending":
                world.dispatcher.cancel(waiting, "asked to")
            return handle(method, params)

        world.queue.handle = cancel_meanwhile
        world.dispatcher.drain()
        await world.settle()
        assert list(world.dispatcher.runs) == [first]
        assert world.failures == []

    drive(scenario, pool_size=2)


def test_run_that_is_cancelled_while_another_is_given_back_is_not_given_back(drive):
    async def scenario(world):
        first, (other, cancelled) = await _make_suspects(world, 3)
        entry = world.dispatcher.runs[cancelled].entry.entry_id
        handle = world.queue.handle

        def cancel_meanwhile(method, params):
            if method == "queue/v2/release_pending" and params.execution.workflow_id == other:
                assert world.dispatcher.cancel(cancelled, "asked to")
            return handle(method, params)

        world.queue.handle = cancel_meanwhile
        world.dispatcher.drain()
        await world.settle()
        assert world.queue.finished == {entry: "cancelled"}
        assert world.queue.calls.count("queue/v2/release_pending") == 7  # three died twice, and one was given back
        assert list(world.dispatcher.runs) == [first]

    drive(scenario, pool_size=3)


def test_suspects_that_wait_for_their_turn_take_no_slots(drive):
    async def scenario(world):
        suspect, waiting = await _make_suspects(world, 3)
        assert len(waiting) == 2
        for _ in range(4):
            world.queue.add()
        await world.wake()
        assert len(world.runner.executing) == 3
        others = [run_id for run_id in world.runner.executing if run_id != suspect]
        world.runner.progress(suspect, kind="completed", status="completed")  # the next may begin, but there is no slot
        await world.settle()
        assert len(world.runner.executing) == 3
        await world.runner.end(others[0])
        assert len(world.runner.executing) == 3
        assert set(world.runner.executing) & set(waiting)  # before what is new

    drive(scenario, pool_size=3)
