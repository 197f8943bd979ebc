"""When the dispatcher looks at the queue by itself, and what it says about it."""

import datetime

import pytest


def test_deferred_entry_starts_at_its_moment_without_polling(drive):
    async def scenario(world):
        world.queue.add(run_at=world.clock.now() + datetime.timedelta(seconds=30))
        await world.start()
        asked = len(world.queue.calls)
        await world.clock.advance(29)
        assert len(world.queue.calls) == asked
        await world.clock.advance(2)
        assert len(world.runner.executing) == 1
        assert "heartbeat_found_work" not in world.kinds()

    drive(scenario, heartbeat_seconds=1000)


def test_heartbeat_says_that_it_found_work_nobody_told_about(drive):
    async def scenario(world):
        world.queue.add(run_at=world.clock.now() + datetime.timedelta(days=1))
        await world.start()
        world.queue.add()
        await world.clock.advance(61)
        assert len(world.runner.executing) == 1
        assert world.kinds().count("heartbeat_found_work") == 1

    drive(scenario)


def test_idle_queue_is_asked_at_every_tenth_heartbeat_only(drive):
    async def scenario(world):
        await world.start()
        asked = len(world.queue.calls)
        for _ in range(9):
            await world.clock.advance(60)
        assert len(world.queue.calls) == asked
        world.queue.add()  # nobody says so
        await world.clock.advance(61)
        assert len(world.runner.executing) == 1
        assert world.kinds().count("heartbeat_found_work") == 1
        asked = len(world.queue.calls)
        await world.clock.advance(61)
        assert len(world.queue.calls) > asked

    drive(scenario)


def test_empty_queue_is_asked_one_question_at_the_tenth_heartbeat(drive):
    async def scenario(world):
        await world.start()
        asked = len(world.queue.calls)
        for _ in range(20):
            await world.clock.advance(60)
        assert world.queue.calls[asked:] == ["queue/stats", "queue/stats"]

    drive(scenario)


@pytest.mark.parametrize("hours", [5, -5])
def test_clock_that_was_set_ends_the_rest(drive, hours):
    async def scenario(world):
        await world.start()
        world.queue.add()
        world.clock.set_by(hours * 3600)
        await world.clock.advance(61)
        assert len(world.runner.executing) == 1

    drive(scenario)


def test_heartbeat_is_silent_when_everything_was_told(drive):
    async def scenario(world):
        world.queue.add()
        await world.start()
        await world.clock.advance(600)
        assert "heartbeat_found_work" not in world.kinds()

    drive(scenario)
