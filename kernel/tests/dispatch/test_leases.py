"""Leases are renewed, lost, found again and taken over; what was acknowledged is done once."""

import datetime


def test_lease_of_a_running_run_is_renewed(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        await world.clock.advance(1000)
        await world.runner.end(world.runner.executing[0])
        assert world.queue.finished[entry] == "completed"

    drive(scenario)


def test_nothing_is_renewed_while_nothing_is_leased(drive):
    async def scenario(world):
        await world.start()
        world.queue.calls.clear()
        await world.clock.advance(500)
        assert world.queue.calls == []

    drive(scenario, heartbeat_seconds=1000)


def test_run_whose_lease_was_taken_over_is_stopped(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        run_id = world.runner.executing[0]
        world.queue.take_over(entry)
        await world.clock.advance(50)
        assert run_id not in world.runner.executing
        assert world.runner.signals == []  # the run is another owner's now; only this execution ends
        assert world.dispatcher.runs == {}
        assert "run_lost" in world.kinds()

    drive(scenario, heartbeat_seconds=1000)


def test_lease_that_ran_out_while_the_machine_slept_is_taken_again(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        for _ in range(2):
            world.clock.moment += datetime.timedelta(hours=1)
            await world.clock.advance(1)
        assert world.runner.signals == []
        await world.runner.end(world.runner.executing[0])
        assert world.queue.finished[entry] == "completed"

    drive(scenario)


def test_recovered_lease_is_found_after_a_restart(drive):
    async def scenario(world):
        world.queue.add()
        await world.start()
        world.clock.moment += datetime.timedelta(hours=1)
        await world.clock.advance(1)
        run_id = world.runner.executing[0]
        await world.crash()
        await world.start()
        assert world.runner.executing == [run_id]

    drive(scenario)


def test_dropped_entry_stops_its_run_at_once(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        del world.queue.entries[entry]
        run_id = world.runner.executing[0]
        world.dispatcher.check_lease(entry)
        await world.settle()
        assert world.runner.signals == [(run_id, "cancel")]
        assert world.runner.executing == []
        assert world.dispatcher.runs == {}

    drive(scenario)


def test_completion_is_repeated_until_the_queue_is_back(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        world.queue.is_away = True
        await world.runner.end(world.runner.executing[0])
        assert entry not in world.queue.finished
        world.queue.is_away = False
        await world.clock.advance(10)
        assert world.queue.finished[entry] == "completed"

    drive(scenario)


def test_completion_whose_answer_was_lost_is_applied_once(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        world.queue.loses_next_answer = True
        await world.runner.end(world.runner.executing[0])
        await world.clock.advance(10)
        assert world.queue.finished[entry] == "completed"
        assert world.dispatcher.runs == {}

    drive(scenario)


def test_lease_whose_answer_was_lost_is_found_and_leased_again(drive):
    async def scenario(world):
        await world.start()
        entry = world.queue.add()
        world.queue.loses_next_answer = True
        await world.wake()
        assert world.runner.executing == []
        await world.clock.advance(5)
        assert len(world.runner.executing) == 1
        assert world.queue.status_of(entry) == "assigned"
        assert "lease_reclaimed" in world.kinds()

    drive(scenario)


def test_entry_of_a_host_that_died_is_taken_over_when_its_lease_has_run_out(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        await world.crash()
        world.queue.take_over(entry)
        await world.start()
        await world.clock.advance(119)
        assert world.runner.executing == []
        await world.clock.advance(900)
        assert len(world.runner.executing) == 1
        assert "lease_reclaimed" in world.kinds()

    drive(scenario)


def test_new_daemon_goes_on_with_the_runs_of_the_dead_one(drive):
    async def scenario(world):
        for _ in range(3):
            world.queue.add()
        await world.start()
        before = sorted(world.runner.executing)
        await world.crash()
        await world.start()
        assert sorted(world.runner.executing) == before

    drive(scenario)


def test_parked_runs_come_back_parked_after_a_restart(drive):
    async def scenario(world):
        for _ in range(3):
            world.queue.add()
        await world.start()
        for run_id in list(world.runner.executing):
            await world.runner.end(run_id, "paused")
        await world.crash()
        await world.start()
        for _ in range(3):
            for run_id in list(world.runner.executing):
                await world.runner.end(run_id, "paused")
        assert len(world.dispatcher.runs) == 3
        assert world.dispatcher.active == 0

    drive(scenario, pool_size=1)


def test_entries_of_another_owner_are_left_alone(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        world.queue.take_over(entry)
        await world.crash()
        await world.start()
        assert world.runner.executing == []
        assert world.queue.entries[entry].execution.queue_lease.owner_id == "other"

    drive(scenario)
