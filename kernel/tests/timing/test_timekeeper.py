"""Schedules over a door that remembers keys, as the queue does, with a clock moved by hand."""

import asyncio
import datetime
import json

import pytest

from animus_control.errors import ControlError
from animus_control.event_file import read_events
from animus_control.event_log import EventLog
from animus_control.jobs import Jobs
from animus_kernel.timing.timekeeper import RETRY_SECONDS, Timekeeper
from animus_plugin_protocol.errors import ErrorCode, RefusedError, RetriableError
from animus_plugin_protocol.wire.control import QueueEnqueueResult
from animus_plugin_protocol.wire.dispatch import SubjectRef
from animus_plugin_runtime.redaction import redacted

HOUR = 3600.0


class MemoryDoor:
    """Enqueues once a key, for ever; `dies_after` says what a crash looks like from inside."""

    def __init__(self) -> None:
        self.schedules = [{"id": "hourly", "cron": "0 * * * *", "workflow_ref": "w"}]
        self.entries: dict[str, object] = {}
        self.folded: dict[str, str] = {}
        self.warning: str | None = None
        self.error: Exception | None = None
        self.loads = 0

    async def config(self):
        self.loads += 1
        return {"workflows": {}, "schedules": self.schedules, "daemon": {"active_hours": "00:00-24:00"}}

    async def look_up(self, text):
        kind, _, native = text.partition(":")
        if kind != "task":
            raise ControlError("not_found", f"there is no subject {text!r}")
        return SubjectRef(kind=kind, id=native, title="of its own"), None

    async def enqueue(self, params):
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        key = params.idempotency_key or f"free-{len(self.entries)}"
        is_new = key not in self.entries
        self.entries.setdefault(key, params.subject_dispatch)
        return QueueEnqueueResult(
            enqueued=is_new and self.warning is None,
            entry_id=self.folded.get(key, f"e-{key}"),
            subject_id="s",
            workflow_ref=params.subject_dispatch.workflow_ref,
            warning=self.warning,
        )


class World:
    def __init__(self, project, clock, settle):
        project.ensure_state()
        self.project, self.clock, self.settle = project, clock, settle
        self.door, self.failures, self.enqueued = MemoryDoor(), [], 0
        self.state_path = project.state_dir / "state" / "schedule-state.json"
        self.start_anew()

    def start_anew(self):
        self.events = EventLog(self.project.events_path, self.project.root, redacted)
        self.jobs = Jobs(lambda _, error: self.failures.append(error))
        self.keeper = Timekeeper(self.project, self.door, self.events, self.clock, self.jobs, self.count)

    def count(self):
        self.enqueued += 1

    async def start(self):
        self.jobs.start("schedules", self.keeper.keep())
        await self.quiet()

    async def quiet(self):
        await self.settle()
        await self.settle()

    async def advance(self, seconds):
        await self.clock.advance(seconds)
        await self.quiet()

    async def restart(self):
        await self.close()
        self.start_anew()
        await self.start()

    async def close(self):
        await self.jobs.close()
        self.events.close()

    def keys(self):
        return list(self.door.entries)

    def kinds(self):
        return [event.kind for event in read_events(self.project.events_path)]


@pytest.fixture
def keep(project, hand_clock, settled, monkeypatch):
    async def at_once(function, *arguments):
        return function(*arguments)

    monkeypatch.setattr("animus_kernel.timing.timekeeper.asyncio.to_thread", at_once)

    def run(scenario):
        async def scene():
            world = World(project, hand_clock, settled)
            try:
                async with asyncio.timeout(60):
                    await scenario(world)
            finally:
                await world.close()
            assert world.failures == []

        asyncio.run(scene())

    return run


def test_schedule_fires_at_its_moments_through_the_door(keep):
    async def scenario(world):
        await world.start()
        await world.advance(2 * HOUR + 60)
        assert world.keys() == ["schedule:hourly:2026-01-01T01:00:00Z", "schedule:hourly:2026-01-01T02:00:00Z"]
        dispatch = world.door.entries["schedule:hourly:2026-01-01T02:00:00Z"]
        assert (dispatch.subject.kind, dispatch.subject.id) == ("schedule", "hourly")
        assert (dispatch.trigger_source, dispatch.requested_at) == ("schedule", "2026-01-01T02:00:00Z")
        assert world.enqueued == 2
        assert world.kinds().count("schedule_enqueued") == 2

    keep(scenario)


def test_restart_fires_nothing_twice_and_catches_up_once(keep):
    async def scenario(world):
        await world.start()
        await world.advance(HOUR)
        await world.restart()
        assert len(world.keys()) == 1
        await world.jobs.close()
        world.clock.moment += datetime.timedelta(hours=5, minutes=30)
        await world.restart()
        assert world.keys()[1:] == ["schedule:hourly:2026-01-01T06:00:00Z"]
        assert "schedule_missed" in world.kinds()

    keep(scenario)


def test_decision_is_on_disk_before_the_door_is_asked(keep):
    async def scenario(world):
        seen = []
        enqueue = world.door.enqueue

        async def spy(params):
            stored = json.loads(world.state_path.read_bytes())["schedules"]["hourly"]
            seen.append(stored["waiting"])
            return await enqueue(params)

        world.door.enqueue = spy
        await world.start()
        await world.advance(HOUR)
        assert seen == [["2026-01-01T01:00:00Z"]]
        assert json.loads(world.state_path.read_bytes())["schedules"]["hourly"]["waiting"] == []

    keep(scenario)


def test_death_between_the_queue_and_the_state_enqueues_once(keep):
    async def scenario(world):
        await world.start()
        await world.advance(HOUR - 1)
        keeper = world.keeper
        settle = keeper._book.settle
        keeper._book.settle = lambda *_: (_ for _ in ()).throw(asyncio.CancelledError)  # dies here
        await world.advance(1)
        keeper._book.settle = settle
        stored = json.loads(world.state_path.read_bytes())["schedules"]["hourly"]
        assert stored["waiting"] == ["2026-01-01T01:00:00Z"]
        assert len(world.keys()) == 1
        await world.restart()
        assert world.keys() == ["schedule:hourly:2026-01-01T01:00:00Z"]
        rows = await world.keeper.history("hourly", 5)
        assert [row.outcome for row in rows] == ["enqueued"]

    keep(scenario)


def test_queue_that_is_away_is_asked_again(keep):
    async def scenario(world):
        await world.start()
        world.door.error = RetriableError("the queue is away", code=ErrorCode.HOST_PLUGIN_DIED)
        await world.advance(HOUR)
        await world.advance(RETRY_SECONDS)
        assert (await world.keeper.row("hourly")).waiting == 1
        world.door.error = None
        await world.advance(RETRY_SECONDS)
        assert world.keys() == ["schedule:hourly:2026-01-01T01:00:00Z"]
        assert world.kinds().count("schedules_stopped") == 1

    keep(scenario)


def test_refusal_is_said_and_does_not_stop_the_next_moment(keep):
    async def scenario(world):
        await world.start()
        world.door.error = RefusedError("no such workflow", code=ErrorCode.WORKFLOW_NOT_FOUND)
        await world.advance(HOUR)
        world.door.error = None
        await world.advance(HOUR)
        rows = await world.keeper.history("hourly", 5)
        assert [(row.outcome, row.reason) for row in rows] == [("enqueued", None), ("refused", "no such workflow")]

    keep(scenario)


def test_moment_whose_work_still_waits_is_folded_into_it(keep):
    async def scenario(world):
        world.door.warning = "subject schedule:hourly already has an active generation; enqueue rejected"
        await world.start()
        await world.advance(HOUR)
        [row] = await world.keeper.history("hourly", 5)
        assert row.outcome == "folded"
        assert "active generation" in row.reason

    keep(scenario)


def test_moment_that_was_folded_before_a_death_is_not_told_as_enqueued_after_it(keep):
    async def scenario(world):
        await world.start()
        await world.advance(HOUR + 60)
        [entry] = [fire.entry_id for fire in await world.keeper.history("hourly", 9)]
        second = "schedule:hourly:2026-01-01T02:00:00Z"
        world.door.entries[second] = world.door.entries["schedule:hourly:2026-01-01T01:00:00Z"]
        world.door.folded[second] = entry  # the queue bound the key to the entry, and nobody wrote that down
        await world.advance(HOUR)
        assert [fire.outcome for fire in await world.keeper.history("hourly", 9)] == ["folded", "enqueued"]

    keep(scenario)


def test_clock_that_jumps_is_noticed_at_the_next_look(keep):
    async def scenario(world):
        await world.start()
        world.clock.moment += datetime.timedelta(hours=3)  # no sleeper is woken by a jump
        world.keeper.wake()
        await world.quiet()
        assert world.keys() == ["schedule:hourly:2026-01-01T03:00:00Z"]
        world.clock.moment -= datetime.timedelta(hours=3)
        world.keeper.wake()
        await world.quiet()
        assert "schedule_clock_went_back" in world.kinds()
        await world.advance(HOUR)
        assert world.keys()[-1] == "schedule:hourly:2026-01-01T01:00:00Z"

    keep(scenario)


def test_rewritten_file_is_read_again_and_an_untouched_one_is_not(keep):
    async def scenario(world):
        await world.start()
        for _ in range(3):
            world.keeper.wake()
            await world.quiet()
        assert world.door.loads == 1
        (world.project.authored_dir / "workflows").mkdir(parents=True)
        (world.project.authored_dir / "workflows" / "a.yaml").write_text("x")
        world.door.schedules = [{"id": "fast", "every_secs": 60, "workflow_ref": "w"}]
        world.keeper.wake()
        await world.quiet()
        assert [row.id for row in await world.keeper.rows()] == ["fast"]
        await world.advance(60)
        assert world.keys() == ["schedule:fast:2026-01-01T00:01:00Z"]

    keep(scenario)


def test_switched_off_schedule_stays_off_after_a_restart(keep):
    async def scenario(world):
        await world.start()
        row = await world.keeper.switch("hourly", on=False)
        assert (row.enabled, row.disabled_reason, row.next_at) == (False, "switched off", None)
        await world.restart()
        await world.advance(2 * HOUR)
        assert world.keys() == []
        await world.keeper.switch("hourly", on=True)
        await world.quiet()
        await world.advance(HOUR)
        assert world.keys() == ["schedule:hourly:2026-01-01T03:00:00Z"]

    keep(scenario)


def test_schedule_that_cannot_fire_says_why_and_cannot_be_switched_on(keep):
    async def scenario(world):
        world.door.schedules = [
            {"id": "x", "cron": "0 * * * *", "workflow_ref": "gone", "enabled": False, "disabled_reason": "no 'gone'"}
        ]
        assert (await world.keeper.row("x")).disabled_reason == "no 'gone'"
        with pytest.raises(ControlError, match="no 'gone'") as caught:
            await world.keeper.switch("x", on=True)
        assert caught.value.category == "conflict"
        with pytest.raises(ControlError, match="no schedule 'y'"):
            await world.keeper.row("y")

    keep(scenario)


def test_work_of_a_schedule_can_be_asked_for_without_moving_its_moments(keep):
    async def scenario(world):
        await world.start()
        before = await world.keeper.row("hourly")
        receipt = await world.keeper.run("hourly")
        assert receipt.enqueued
        assert await world.keeper.row("hourly") == before

    keep(scenario)


def test_each_moment_of_all_is_work_of_its_own(keep):
    async def scenario(world):
        world.door.schedules = [{"id": "all", "every_secs": 3600, "catch_up": "all", "workflow_ref": "w"}]
        await world.start()
        world.clock.moment += datetime.timedelta(hours=3)
        world.keeper.wake()
        await world.quiet()
        subjects = [dispatch.subject.id for dispatch in world.door.entries.values()]
        assert subjects == [f"all@2026-01-01T0{hour}:00:00Z" for hour in (1, 2, 3)]

    keep(scenario)


def test_dispatch_brings_what_the_schedule_says(keep):
    async def scenario(world):
        brought = {"input": {"a": 1}, "vars": {"depth": "2"}, "priority": "low"}
        row = {"cron": "0 * * * *", "workflow_ref": "w"} | brought
        world.door.schedules = [
            {"id": "titled", "title": "Tidy up"} | row,
            {"id": "about", "subject": "task:TASK-001", "title": "not this"} | row,
        ]
        await world.start()
        await world.advance(HOUR)
        titled, about = world.door.entries.values()
        assert (titled.subject.kind, titled.subject.id, titled.subject.title) == ("schedule", "titled", "Tidy up")
        assert (about.subject.kind, about.subject.id) == ("task", "TASK-001")
        for dispatch in (titled, about):
            assert {name: getattr(dispatch, name) for name in brought} == brought

    keep(scenario)


def test_corrupt_state_is_named_and_left_alone(keep):
    async def scenario(world):
        world.state_path.parent.mkdir(parents=True)
        world.state_path.write_bytes(b"{broken")
        await world.start()
        await world.advance(2 * HOUR)
        assert world.keys() == []
        assert world.state_path.read_bytes() == b"{broken"
        with pytest.raises(ControlError, match=r"schedule-state\.json"):
            await world.keeper.rows()
        world.state_path.unlink()
        world.keeper.wake()  # as the heartbeat does
        await world.quiet()
        await world.advance(HOUR)
        assert len(world.keys()) >= 1

    keep(scenario)
