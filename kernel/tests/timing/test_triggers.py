"""Events of a trigger plugin, run in this process, on their way to a door that remembers keys."""

import asyncio
import contextlib
from typing import Any

import msgspec
import pytest

from animus_control.errors import ControlError
from animus_control.event_file import read_events
from animus_control.event_log import EventLog
from animus_control.jobs import Jobs
from animus_kernel.timing import triggers as subject
from animus_kernel.timing.automation import TriggerDefinition
from animus_kernel.timing.triggers import Triggers
from animus_plugin_protocol import Plugin, methods
from animus_plugin_protocol.errors import ErrorCode, RefusedError, RetriableError
from animus_plugin_protocol.wire.control import QueueEnqueueResult
from animus_plugin_protocol.wire.dispatch import SubjectRef
from animus_plugin_protocol.wire.trigger import TriggerAckParams, TriggerAckResult, TriggerSchema, TriggerWatchParams
from animus_plugin_runtime import twin
from animus_plugin_runtime.redaction import redacted

ON_PUSH = TriggerDefinition(
    id="push", type="double", workflow_ref="w", input={"a": 1}, vars={"v": "x"}, priority="high"
)


class Door:
    def __init__(self):
        self.entries, self.error = {}, None

    async def look_up(self, text):
        kind, _, native = text.partition(":")
        return SubjectRef(kind=kind, id=native), None

    async def enqueue(self, params):
        if self.error is not None:
            raise self.error
        is_new = params.idempotency_key not in self.entries
        self.entries.setdefault(params.idempotency_key, params.subject_dispatch)
        entry = f"e{list(self.entries).index(params.idempotency_key)}"
        return QueueEnqueueResult(enqueued=is_new, entry_id=entry, subject_id="s", workflow_ref="w")


def make_plugin():
    plugin = Plugin("double-trigger", "0.1.0", description="double")
    plugin.watched, plugin.acks, plugin.problems = [], [], {}

    def watch(params: TriggerWatchParams) -> Any:
        plugin.watched.append(params.config["triggers"])
        return {"watching": True, "problems": plugin.problems}

    def ack(params: TriggerAckParams) -> TriggerAckResult:
        plugin.acks.append((params.event_id, params.status))
        return TriggerAckResult(event_id=params.event_id, acked=True)

    def schema(params: None) -> TriggerSchema:
        return TriggerSchema(kinds=["double"], supports_resume=False, supports_dedup=False, supports_ack=True)

    plugin.register_method(methods.TRIGGER_WATCH, watch)
    plugin.register_method(methods.TRIGGER_ACK, ack)
    plugin.register_method(methods.TRIGGER_SCHEMA, schema)
    return plugin


class World:
    """`plugin` is asked through `connection_for_trigger`, as the kernel asks by type."""

    def __init__(self, project, clock, connection, plugin):
        project.ensure_state()
        self.project, self.clock, self.connection, self.plugin = project, clock, connection, plugin
        self.door, self.failures, self.asked = Door(), [], []
        self.refusal = None
        self.events = EventLog(project.events_path, project.root, redacted)
        self.jobs = Jobs(lambda _, error: self.failures.append(error))
        self.triggers = Triggers(self, self.door, self.events, clock, self.jobs, lambda: None)

    async def connection_for_trigger(self, type_name, name, secrets):
        self.asked.append((type_name, name))
        self.secrets = secrets
        if self.refusal is not None:
            raise self.refusal
        return self.connection

    async def watch(self, *definitions):
        self.triggers.apply(list(definitions or (ON_PUSH,)))
        await self.until(lambda: self.plugin.watched)

    def report(self, event_id="1", trigger_id="push", **fields):
        self.plugin.notify(methods.TRIGGER_EVENT, {"event_id": event_id, "trigger_id": trigger_id, **fields})

    async def until(self, condition):
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - the plugin answers in a thread of its own
                await asyncio.sleep(0.002)

    def dispatches(self):
        return list(self.door.entries.values())

    def kinds(self):
        return [event.kind for event in read_events(self.project.events_path)]


@pytest.fixture
def watch(project, hand_clock):
    def run(scenario):
        async def scene():
            plugin = make_plugin()
            async with contextlib.AsyncExitStack() as stack:
                connection = await stack.enter_async_context(twin(plugin))
                world = World(project, hand_clock, connection, plugin)
                try:
                    async with asyncio.timeout(60):
                        await scenario(world)
                finally:
                    await world.jobs.close()
                    world.events.close()
                assert world.failures == []

        asyncio.run(scene())

    return run


def test_event_goes_through_the_door_and_is_acknowledged_after_that(watch):
    async def scenario(world):
        await world.watch()
        assert world.plugin.watched == [[{"id": "push", "type": "double", "workflow_ref": "w", "config": {}}]]
        world.report(payload={"ref": "main"})
        await world.until(lambda: world.plugin.acks)
        [dispatch] = world.dispatches()
        assert (dispatch.subject.kind, dispatch.subject.id) == ("trigger", "push@1")
        assert dispatch.input == {"a": 1, "trigger": {"id": "push", "event_id": "1", "payload": {"ref": "main"}}}
        assert (dispatch.trigger_source, dispatch.vars, dispatch.priority) == ("trigger", {"v": "x"}, "high")
        assert world.plugin.acks == [("1", "queued")]

    watch(scenario)


def test_event_that_is_reported_again_is_one_dispatch(watch):
    async def scenario(world):
        await world.watch()
        world.report()
        world.report()
        await world.until(lambda: len(world.plugin.acks) == 2)
        assert len(world.dispatches()) == 1

    watch(scenario)


def test_event_about_a_subject_is_work_on_it(watch):
    async def scenario(world):
        await world.watch()
        world.report(subject_id="7", subject_kind="thing")
        await world.until(lambda: world.plugin.acks)
        assert world.dispatches()[0].subject.id == "7"

    watch(scenario)


def test_event_that_matches_no_trigger_is_acknowledged_as_that(watch):
    async def scenario(world):
        await world.watch()
        world.report(trigger_id="other")
        await world.until(lambda: world.plugin.acks)
        assert (world.plugin.acks, world.dispatches()) == ([("1", "unmatched")], [])

    watch(scenario)


def test_plugin_of_one_trigger_need_not_name_it(watch):
    async def scenario(world):
        await world.watch()
        world.report(trigger_id=None)
        await world.until(lambda: world.plugin.acks)
        assert world.plugin.acks == [("1", "queued")]

    watch(scenario)


def test_event_waits_unacknowledged_while_the_queue_is_away(watch):
    async def scenario(world):
        await world.watch()
        world.door.error = RetriableError("away", code=ErrorCode.HOST_PLUGIN_DIED)
        world.report()
        await world.until(lambda: world.triggers.rows()[0].problem == "away")
        assert (world.plugin.acks, world.triggers.rows()[0].waiting) == ([], 1)
        world.door.error = None
        await world.clock.advance(subject.FIRST_RETRY_SECONDS)
        await world.until(lambda: world.plugin.acks == [("1", "queued")])

    watch(scenario)


def test_refused_event_is_said_and_the_next_one_is_taken(watch):
    async def scenario(world):
        await world.watch()
        world.door.error = RefusedError("no such workflow")
        world.report("1")
        await world.until(lambda: world.plugin.acks == [("1", "failed")])
        assert world.triggers.rows()[0].problem == "no such workflow"
        world.door.error = None
        world.report("2")
        await world.until(lambda: world.plugin.acks[-1] == ("2", "queued"))

    watch(scenario)


def test_backlog_is_bounded_and_loses_the_oldest(watch, monkeypatch):
    async def scenario(world):
        monkeypatch.setattr(subject, "BACKLOG_LIMIT", 3)
        await world.watch()
        world.door.error = RetriableError("away", code=ErrorCode.HOST_PLUGIN_DIED)
        for number in range(6):
            world.report(str(number))
        await world.until(lambda: world.kinds().count("trigger_event_dropped") == 3)
        world.door.error = None
        await world.clock.advance(subject.FIRST_RETRY_SECONDS)
        await world.until(lambda: len(world.plugin.acks) == 3)
        assert [event_id for event_id, _ in world.plugin.acks] == ["3", "4", "5"]

    watch(scenario)


def test_events_wait_for_the_active_hours(watch):
    async def scenario(world):
        definition = TriggerDefinition(id="push", type="double", workflow_ref="w", active_hours="08:00-18:00")
        await world.watch(definition)
        world.report()
        await world.until(lambda: world.triggers.rows()[0].waiting == 1)
        await world.clock.advance(7 * 3600)
        assert world.dispatches() == []
        await world.clock.advance(3600)
        await world.until(lambda: world.plugin.acks)

    watch(scenario)


def test_watch_that_cannot_begin_says_why_and_is_tried_again_ever_more_slowly(watch):
    async def scenario(world):
        world.refusal = RefusedError("no plugin watches for 'double'", code=ErrorCode.HOST_NO_SUCH_PLUGIN)
        world.triggers.apply([ON_PUSH])
        await world.until(lambda: len(world.asked) == 1)
        for delay, calls in ((1, 2), (2, 3), (4, 4)):
            await world.clock.advance(delay - 0.5)
            assert len(world.asked) == calls - 1
            await world.clock.advance(0.5)
            await world.until(lambda calls=calls: len(world.asked) == calls)
        assert world.triggers.rows()[0].problem == "no plugin watches for 'double'"
        world.refusal = None
        await world.clock.advance(8)
        await world.until(lambda: world.triggers.rows()[0].problem is None)

    watch(scenario)


def test_stream_that_ends_with_an_error_is_begun_again(watch):
    async def scenario(world):
        await world.watch()
        world.plugin.notify(methods.TRIGGER_EVENT, {"error": {"code": -1, "message": "upstream went away"}})
        await world.until(lambda: world.triggers.rows()[0].problem == "upstream went away")
        await world.clock.advance(subject.FIRST_RETRY_SECONDS)
        await world.until(lambda: len(world.plugin.watched) == 2)

    watch(scenario)


def test_disabled_trigger_is_neither_watched_for_nor_matched(watch):
    async def scenario(world):
        off = TriggerDefinition(id="off", type="double", workflow_ref="w", enabled=False, disabled_reason="no 'w'")
        await world.watch(ON_PUSH, off)
        assert [row["id"] for row in world.plugin.watched[0]] == ["push"]
        world.report(trigger_id="off")
        await world.until(lambda: world.plugin.acks == [("1", "unmatched")])
        assert world.triggers.rows()[1].problem == "no 'w'"

    watch(scenario)


def test_what_waits_outlasts_a_rewrite_of_the_definitions(watch):
    async def scenario(world):
        await world.watch()
        world.door.error = RetriableError("away", code=ErrorCode.HOST_PLUGIN_DIED)
        world.report()
        await world.until(lambda: world.triggers.rows()[0].waiting == 1)
        world.door.error = None
        world.triggers.apply([ON_PUSH])
        await world.until(lambda: world.plugin.acks == [("1", "queued")])

    watch(scenario)


def test_plugin_whose_last_trigger_is_gone_is_told_so(watch):
    async def scenario(world):
        await world.watch()
        world.triggers.apply([])
        await world.until(lambda: len(world.plugin.watched) == 2)
        assert world.plugin.watched[-1] == []
        world.triggers.apply([ON_PUSH])
        await world.until(lambda: len(world.plugin.watched) == 3)
        assert [row["id"] for row in world.plugin.watched[-1]] == ["push"]

    watch(scenario)


def test_plugin_that_keeps_a_trigger_is_told_what_is_left_of_them(watch):
    async def scenario(world):
        await world.watch(ON_PUSH, TriggerDefinition(id="tag", type="double", workflow_ref="w"))
        world.triggers.apply([ON_PUSH])
        await world.until(lambda: len(world.plugin.watched) == 2)
        assert [[row["id"] for row in rows] for rows in world.plugin.watched] == [["push", "tag"], ["push"]]

    watch(scenario)


def test_plugin_type_names_its_plugin(watch):
    async def scenario(world):
        await world.watch(TriggerDefinition(id="p", type="plugin", workflow_ref="w", config={"plugin": "mine"}))
        assert world.asked == [("plugin", "mine")]

    watch(scenario)


def test_plugin_is_asked_for_with_the_secrets_that_its_triggers_name(watch):
    async def scenario(world):
        with_secret = msgspec.structs.replace(ON_PUSH, config={"secret_env": "HOOK_SECRET"})
        await world.watch(with_secret, msgspec.structs.replace(ON_PUSH, id="open"))
        assert world.secrets == {"HOOK_SECRET"}
        disabled = msgspec.structs.replace(with_secret, id="off", enabled=False, config={"secret_env": "OTHER"})
        world.plugin.watched.clear()
        await world.watch(with_secret, disabled)
        assert world.secrets == {"HOOK_SECRET"}

    watch(scenario)


def test_event_by_hand_goes_the_same_way(watch):
    async def scenario(world):
        await world.watch()
        first = await world.triggers.fire("push", "x", {"n": 1})
        again = await world.triggers.fire("push", "x", {"n": 1})
        assert (first.enqueued, again.enqueued) == (True, False)
        with pytest.raises(ControlError, match="no trigger 'gone'"):
            await world.triggers.fire("gone", "x", None)

    watch(scenario)


def test_plugin_that_serves_two_types_is_told_all_and_heard_once(watch):
    async def scenario(world):
        other = TriggerDefinition(id="other", type="second", workflow_ref="w")
        world.triggers.apply([ON_PUSH, other])
        await world.until(lambda: len(world.plugin.watched) == 2)
        assert {row["id"] for row in world.plugin.watched[-1]} == {"push", "other"}
        world.report("1")
        world.report("2", trigger_id="other")
        world.report("3", trigger_id="none")
        await world.until(lambda: len(world.plugin.acks) == 3)
        assert sorted(world.plugin.acks) == [("1", "queued"), ("2", "queued"), ("3", "unmatched")]
        assert [row.fired for row in world.triggers.rows()] == [1, 1]

    watch(scenario)


def test_problem_that_the_plugin_has_with_a_trigger_is_shown(watch):
    async def scenario(world):
        world.plugin.problems = {"push": "secret_env is not set"}
        await world.watch()
        await world.until(lambda: world.triggers.rows()[0].problem == "secret_env is not set")

    watch(scenario)
