"""The dispatcher over doubles of queue and runner, with a clock moved by hand."""

import asyncio
import datetime

from animus_kernel.dispatch.dispatcher import RETRY_SECONDS
from animus_plugin_protocol.errors import ErrorCode, RetriableError


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
        await world.settle()
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
        await world.settle()
        assert world.queue.finished[entry] == "failed"
        assert world.dispatcher.runs == {}

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
        await world.settle()
        assert world.dispatcher.runs == {}
        assert world.runner.executing == []

    drive(scenario, heartbeat_seconds=1000)


def test_refused_run_fails_with_the_runners_words(drive):
    async def scenario(world):
        entry = world.queue.add()
        await world.start()
        run_id = world.runner.executing[0]
        await world.runner.refuse(run_id, "there is no workflow 'w'")
        assert world.queue.finished[entry] == "failed"
        assert world.dispatcher.settled[entry].reason == "there is no workflow 'w'"

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
        await world.settle()
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
        await world.settle()
        for run_id in world.runner.executing:
            world.runner.progress(run_id, kind="waiting")
        await world.settle()
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
        await world.settle()
        assert (world.queue.status_of(running), world.queue.status_of(parked)) == ("cancelled", "cancelled")
        assert world.kinds().count("run_cancelled") == 2
        assert not world.dispatcher.cancel("run-unknown", "asked to")

    drive(scenario)


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
