"""The dispatcher over doubles of queue and runner, with a clock moved by hand."""

import asyncio
import datetime

import pytest

from animus_kernel.dispatch.dispatcher import RETRY_SECONDS
from animus_plugin_protocol.errors import ErrorCode, RetriableError


async def _settle() -> None:
    for _ in range(60):
        await asyncio.sleep(0)


def test_pending_entries_are_leased_up_to_the_pool_size(drive):
    async def scenario(world):
        for _ in range(5):
            world.queue.add()
        await world.start()
        assert len(world.runner.executing) == 3

    drive(scenario, pool_size=3)


def test_finished_run_completes_its_entry_and_frees_the_slot(drive):
    async def scenario(world):
        first, second = world.queue.add(), world.queue.add()
        await world.start()
        await world.runner.end(world.runner.executing[0])
        assert world.queue.status_of(first) == "completed"
        assert world.queue.status_of(second) == "assigned"
        assert len(world.runner.started) == 2

    drive(scenario, pool_size=1)


def test_escalated_run_is_failed_for_the_queue(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        await world.runner.end(world.runner.executing[0], "escalated", "rework budget")
        assert world.queue.finished[entry] == "failed"
        assert "run_escalated" in world.kinds()

    drive(scenario)


def test_parked_run_keeps_its_lease_and_frees_its_slot(drive):
    async def scenario(world):
        first, second = world.queue.add(), world.queue.add()
        await world.start()
        await world.runner.end(world.runner.executing[0], "paused", "gate")
        assert world.queue.status_of(first) == "assigned"
        assert world.queue.status_of(second) == "assigned"
        await world.clock.advance(600)
        assert world.queue.entries[first].execution.queue_lease.expires_at > world.clock.now()

    drive(scenario, pool_size=1)


def test_approved_run_goes_on_when_a_slot_is_free(drive):
    async def scenario(world):
        world.queue.add()
        world.queue.add()
        await world.start()
        parked = world.runner.executing[0]
        await world.runner.end(parked, "paused")
        assert world.dispatcher.go_on(parked)
        await _settle()
        assert world.runner.started.count(parked) == 1
        await world.runner.end(world.runner.executing[0])
        assert world.runner.executing == [parked]

    drive(scenario, pool_size=1)


def test_run_that_may_go_on_before_it_has_parked_is_executed_again(drive):
    async def scenario(world):
        world.queue.add()
        await world.start()
        run_id = world.runner.executing[0]
        world.dispatcher.go_on(run_id)
        await world.runner.end(run_id, "paused")
        assert world.runner.started == [run_id, run_id]

    drive(scenario)


def test_signal_that_ends_a_parked_run_completes_its_entry(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        run_id = world.runner.executing[0]
        await world.runner.end(run_id, "paused")
        world.dispatcher.end_waiting(run_id, "failed", "rejected")
        await _settle()
        assert world.queue.finished[entry] == "failed"
        assert world.dispatcher.runs == {}

    drive(scenario)


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


def test_gate_whose_time_is_over_is_told_to_the_runner_once(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        run_id = world.runner.executing[0]
        at = (world.clock.now() + datetime.timedelta(seconds=100)).isoformat()
        world.runner.waiting = {"kind": "gate", "reason": "r", "command": "c", "expires_at": at}
        await world.runner.end(run_id, "paused")
        await world.clock.advance(99)
        assert world.runner.started == [run_id]
        await world.clock.advance(2)
        assert world.runner.started == [run_id, run_id]
        await world.runner.end(run_id, "paused")
        await world.clock.advance(200)
        assert world.runner.started == [run_id, run_id]
        assert world.queue.status_of(entry) == "assigned"

    drive(scenario)


def test_blocked_entry_is_said_once(drive):
    async def scenario(world):
        await world.start()
        world.queue.blocked = [{"entry_id": "e9", "reason": "subject_generation_active"}]
        await world.wake()
        await world.wake()
        assert world.kinds().count("entry_blocked") == 1

    drive(scenario)


def test_run_of_a_foreign_runner_is_stopped_by_cancelling_the_call(drive):
    async def scenario(world):
        entry = world.queue.add()
        world.runner.knows_signals = False
        await world.start()
        del world.queue.entries[entry]
        world.dispatcher.check_lease(entry)
        await _settle()
        assert world.dispatcher.runs == {}
        assert world.runner.executing == []

    drive(scenario, heartbeat_seconds=1000)


def test_dropped_entry_stops_its_run_at_once(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        del world.queue.entries[entry]
        run_id = world.runner.executing[0]
        world.dispatcher.check_lease(entry)
        await _settle()
        assert world.runner.signals == [(run_id, "cancel")]
        assert world.runner.executing == []
        assert world.dispatcher.runs == {}

    drive(scenario)


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
        await _settle()
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


def test_refused_run_fails_with_the_runners_words(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        run_id = world.runner.executing[0]
        await world.runner.refuse(run_id, "there is no workflow 'w'")
        assert world.queue.finished[entry] == "failed"
        assert world.dispatcher.settled[entry].reason == "there is no workflow 'w'"

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


def test_paused_daemon_starts_nothing_and_goes_on_when_resumed(drive):
    async def scenario(world):
        world.queue.add()
        await world.start()
        assert world.runner.executing == []
        world.dispatcher.is_paused = False
        await world.wake()
        assert len(world.runner.executing) == 1

    drive(scenario, paused=True)


def test_draining_daemon_starts_nothing_new(drive):
    async def scenario(world):
        world.queue.add()
        await world.start()
        world.dispatcher.is_draining = True
        world.queue.add()
        await world.wake()
        assert len(world.runner.executing) == 1

    drive(scenario)


def test_host_of_one_entry_runs_it_and_returns_what_stood_before_it(drive):
    async def scenario(world):
        others = [world.queue.add() for _ in range(7)]
        wanted = world.queue.add()
        world.restart(only_entry=wanted)
        await world.start()
        assert len(world.runner.executing) == 1
        assert world.queue.status_of(wanted) == "assigned"
        assert {world.queue.status_of(entry) for entry in others} == {"pending"}
        await world.runner.end(world.runner.executing[0])
        assert world.queue.finished == {wanted: "completed"}

    drive(scenario, pool_size=4)


def test_waiting_for_an_entry_ends_when_its_run_has_settled(drive):
    async def scenario(world):
        entry = world.queue.add()
        waiting = asyncio.ensure_future(world.dispatcher.wait_for(entry, lambda run: run.is_settled))
        await world.start()
        assert not waiting.done()
        await world.runner.end(world.runner.executing[0])
        assert (await waiting).status == "completed"

    drive(scenario)


def test_status_of_the_subject_follows_the_pack(drive, tmp_path):
    from animus_composition.pack import Ownership, Pack, PackManifest, Packs, Subjects
    from animus_plugin_protocol.wire.subject import SubjectStatus

    async def scenario(world):
        manifest = PackManifest(
            schema="animus.pack.v1",
            id="p",
            version="1.0.0",
            kind="domain-pack",
            title="P",
            ownership=Ownership(mode="bundled"),
            subjects=Subjects(kinds=["animus.thing"]),
            projection={"running": SubjectStatus.IN_PROGRESS, "completed": SubjectStatus.DONE},
        )
        world.packs = Packs([Pack(tmp_path, "bundled", manifest)], [])
        world.restart()
        world.queue.add("A")
        world.queue.add("B", kind="other")
        await world.start()
        for run_id in list(world.runner.executing):
            await world.runner.end(run_id)
        assert world.subject_statuses == [("thing:A", "in-progress"), ("thing:A", "done")]
        assert "projection_failed" in world.kinds()

    drive(scenario)


def test_run_that_waits_for_a_person_inside_gives_its_slot_away(drive):
    async def scenario(world):
        first, second = world.queue.add(), world.queue.add()
        await world.start()
        [waiting] = world.runner.executing
        world.runner.progress(waiting, kind="waiting", waiting={"kind": "interaction", "reason": "r", "command": "c"})
        await _settle()
        assert len(world.runner.executing) == 2
        assert world.dispatcher.runs[waiting].waiting.kind == "interaction"
        await world.clock.advance(600)
        assert world.queue.entries[first].execution.queue_lease.expires_at > world.clock.now()
        world.runner.progress(waiting, kind="resumed")
        assert world.dispatcher.active == 2
        await world.runner.end(waiting)
        assert world.queue.status_of(first) == "completed"
        assert world.queue.status_of(second) == "assigned"

    drive(scenario, pool_size=1)


def test_runs_that_wait_inside_still_count_for_what_one_runner_can_execute(drive):
    async def scenario(world):
        for _ in range(70):
            world.queue.add()
        await world.start()
        for run_id in world.runner.executing:
            world.runner.progress(run_id, kind="waiting")
        await _settle()
        for run_id in world.runner.executing:
            world.runner.progress(run_id, kind="waiting")
        await _settle()
        assert len(world.runner.executing) == 64

    drive(scenario, pool_size=50)


def test_cancel_at_a_runner_without_signals_cancels_its_execution(drive):
    async def scenario(world):
        world.runner.knows_signals = False
        running, parked = world.queue.add(), world.queue.add()
        await world.start()
        first, second = world.runner.executing
        await world.runner.end(second, "paused")
        assert world.dispatcher.cancel(first, "asked to")
        assert world.dispatcher.cancel(second, "asked to")
        await _settle()
        assert (world.queue.status_of(running), world.queue.status_of(parked)) == ("cancelled", "cancelled")
        assert world.kinds().count("run_cancelled") == 2
        assert not world.dispatcher.cancel("run-unknown", "asked to")

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


def test_host_of_one_entry_executes_no_other_after_the_queue_failed_on_the_way_to_it(drive):
    async def scenario(world):
        others = [world.queue.add() for _ in range(7)]
        wanted = world.queue.add()
        world.restart(only_entry=wanted)
        handle, leases = world.queue.handle, []

        def fail_the_second_lease(method, params):
            leases.extend([method] * method.endswith("v2/lease"))
            if len(leases) == 2 and method == leases[0]:
                raise RetriableError("the queue died", code=ErrorCode.HOST_PLUGIN_DIED)
            return handle(method, params)

        world.queue.handle = fail_the_second_lease
        await world.start()
        await world.clock.advance(RETRY_SECONDS)
        assert len(leases) > 2
        assert len(world.runner.started) == 1
        assert world.queue.status_of(wanted) == "assigned"
        assert {world.queue.status_of(entry) for entry in others} == {"pending"}

    drive(scenario, pool_size=4)


def test_phase_completed_before_a_run_parked_ends_the_suspicion_for_good(drive):
    async def scenario(world):
        run_id, _ = await _make_suspects(world, 1)
        world.runner.progress(run_id, kind="completed", status="completed")
        await world.runner.end(run_id, "paused")
        world.dispatcher.go_on(run_id)
        await _settle()
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
        await _settle()
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
        await _settle()
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
        await _settle()
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
        await _settle()
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
        await _settle()
        assert len(world.runner.executing) == 3
        await world.runner.end(others[0])
        assert len(world.runner.executing) == 3
        assert set(world.runner.executing) & set(waiting)  # before what is new

    drive(scenario, pool_size=3)
