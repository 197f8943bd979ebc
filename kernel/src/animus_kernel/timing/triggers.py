"""Events of trigger plugins on their way to the door.

A plugin that serves some trigger is told to watch and may report events at any time. Each is acknowledged only once
its dispatch is on the queue, under a key made of the trigger and the event: what a plugin reports again after a death,
its own or ours, is one dispatch. A watch that ends is begun again, ever more slowly and for ever.
"""

import asyncio
import contextlib
import hashlib
from collections import deque
from collections.abc import Callable, Collection
from typing import Any, Protocol, cast

import msgspec

from animus_control.errors import ControlError
from animus_control.event_log import EventLog
from animus_control.jobs import Jobs
from animus_kernel.clock import Clock
from animus_kernel.dispatch.door import Door
from animus_kernel.timing.automation import TriggerDefinition
from animus_plugin_protocol import methods
from animus_plugin_protocol.codec import DECODE_ERRORS
from animus_plugin_protocol.errors import RefusedError, RpcFault
from animus_plugin_protocol.wire import control, trigger
from animus_plugin_protocol.wire.dispatch import SubjectDispatch, SubjectRef
from animus_plugin_runtime import Connection
from animus_schedule import ActiveHours

__all__ = ["BACKLOG_LIMIT", "TriggerRoutes", "Triggers"]

BACKLOG_LIMIT = 1000
"""Events of one trigger that wait; the oldest make room. Their plugin was not told that they were taken."""

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 1.0, 60.0
"""The wait after a watch that ended, doubled each time; one that held for the latter begins with the former again."""

_WATCH_SECONDS = 30.0
_KIND = "trigger"
_PLUGIN_TYPE = "plugin"


class TriggerRoutes(Protocol):
    """Finds the plugin that serves a type of triggers."""

    async def connection_for_trigger(self, type_name: str, name: str | None, secrets: Collection[str]) -> Connection:
        """The plugin called `name`, or the first one whose schema names the type; it has the variables `secrets`.

        ``plugin`` is no plugin's own type: it means the one that serves none of ours, where there is one such.

        Raises:
            RpcFault: there is none, or it cannot be started.
        """
        ...


class _Lane:
    """The events of one trigger, in order."""

    def __init__(self, definition: TriggerDefinition) -> None:
        self.definition = definition
        self.waiting: deque[tuple[trigger.TriggerEventNote, Connection | None]] = deque()
        self.arrived = asyncio.Event()
        self.fired = 0
        self.problem: str | None = definition.disabled_reason


class Triggers:
    """The triggers of one project. `apply` begins with what is defined; nothing is watched before."""

    def __init__(
        self,
        routes: TriggerRoutes,
        door: Door,
        events: EventLog,
        clock: Clock,
        jobs: Jobs,
        on_enqueued: Callable[[], None],
    ) -> None:
        self._routes, self._door, self._events, self._clock, self._jobs = routes, door, events, clock, jobs
        self._on_enqueued = on_enqueued
        self._lanes: dict[str, _Lane] = {}
        self._served: dict[str, list[TriggerDefinition]] = {}
        self._watched: dict[str, Connection] = {}
        self._work: list[asyncio.Future[Any]] = []

    def apply(self, definitions: list[TriggerDefinition]) -> None:
        """Watch for these from now on, and for no others. What waits of a trigger that stays goes on waiting."""
        for job in self._work:
            job.cancel()
        served, self._served = self._served, {}
        before, self._lanes = self._lanes, {one.id: _Lane(one) for one in definitions}
        watches: dict[tuple[str, str | None], list[TriggerDefinition]] = {}
        for lane in self._lanes.values():
            one = lane.definition
            if one.id in before:
                lane.waiting = before[one.id].waiting
            if one.enabled:
                watches.setdefault(_watch_of(one), []).append(one)
        for plugin in [name for name, own in served.items() if watches.keys().isdisjoint(map(_watch_of, own))]:
            self._jobs.start(f"silence {plugin}", _silence(self._watched.pop(plugin)))  # before anybody asks it anew
        enabled = [lane for lane in self._lanes.values() if lane.definition.enabled]
        self._work = [self._jobs.start(f"trigger {lane.definition.id}", self._drain(lane)) for lane in enabled]
        self._work += [self._jobs.start(f"watch {key[0]}", self._watch(*key, watches[key])) for key in watches]

    def rows(self) -> list[control.TriggerRow]:
        """Every trigger as clients see it."""
        return [
            control.TriggerRow(
                id=lane.definition.id,
                type=lane.definition.type,
                workflow_ref=lane.definition.workflow_ref,
                enabled=lane.definition.enabled,
                fired=lane.fired,
                waiting=len(lane.waiting),
                problem=lane.problem,
            )
            for lane in self._lanes.values()
        ]

    async def fire(self, trigger_id: str, event_id: str, payload: Any) -> control.QueueEnqueueResult:
        """An event by hand."""
        lane = self._lanes.get(trigger_id)
        if lane is None:
            raise ControlError("not_found", f"there is no trigger {trigger_id!r}", next_step="animus trigger list")
        return await self._enqueue(lane, trigger.TriggerEventNote(event_id=event_id, payload=payload))

    async def _watch(self, type_name: str, name: str | None, definitions: list[TriggerDefinition]) -> None:
        delay = FIRST_RETRY_SECONDS
        while True:
            began = self._clock.now()
            problem = await self._watch_once(type_name, name, definitions)
            for one in definitions:
                self._lanes[one.id].problem = problem
            self._events.record("trigger_watch_ended", type=type_name, plugin=name, reason=problem)
            if (self._clock.now() - began).total_seconds() >= LAST_RETRY_SECONDS:
                delay = FIRST_RETRY_SECONDS
            await self._clock.sleep(delay)
            delay = min(delay * 2, LAST_RETRY_SECONDS)

    async def _watch_once(self, type_name: str, name: str | None, definitions: list[TriggerDefinition]) -> str:
        """Watch until that ends; why it did. A plugin that serves several types is always told all of its triggers."""
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        try:
            secrets = {str(one.config["secret_env"]) for one in definitions if one.config.get("secret_env")}
            connection = await self._routes.connection_for_trigger(type_name, name, secrets)
            served = self._served.setdefault(connection.plugin, [])
            served += [one for one in definitions if one not in served]
            self._watched[connection.plugin] = connection

            def take(method: str, params: msgspec.Raw) -> None:
                if method == methods.TRIGGER_EVENT:
                    self._take(connection, params, ended, definitions)

            unsubscribe = connection.subscribe(take)
            gone = self._jobs.start(f"end of {connection.plugin}", _tell_end(connection, ended))
            try:
                rows = [
                    {"id": one.id, "type": one.type, "workflow_ref": one.workflow_ref, "config": one.config}
                    for one in served
                ]
                wire = trigger.TriggerWatchParams(config={"triggers": rows})
                raw = await connection.call_raw(methods.TRIGGER_WATCH, wire, timeout_seconds=_WATCH_SECONDS)
                problems = _problems_in(raw)
                for one in definitions:
                    self._lanes[one.id].problem = problems.get(one.id)
                return await ended
            finally:
                gone.cancel()
                unsubscribe()
        except RpcFault as fault:
            return fault.message

    def _take(
        self,
        connection: Connection,
        params: msgspec.Raw,
        ended: "asyncio.Future[str]",
        definitions: list[TriggerDefinition],
    ) -> None:
        """Keep an event of one of `definitions`; called by the reader, so it neither waits nor fails."""
        served = self._served[connection.plugin]
        is_first = bool(served) and served[0] in definitions
        try:
            event = msgspec.json.decode(params, type=trigger.TriggerEventNote)
        except DECODE_ERRORS as error:
            if is_first:
                self._events.record("trigger_event_unreadable", plugin=connection.plugin, reason=str(error))
            return
        if event.trigger_id is None and len(served) == 1:  # who serves one trigger need not say which
            event = msgspec.structs.replace(event, trigger_id=served[0].id)
        if event.error is not None:
            _end(ended, event.error.message)
        elif event.trigger_id not in {one.id for one in definitions}:
            if is_first and event.trigger_id not in {one.id for one in served}:
                self._acknowledge(connection, event, "unmatched")
        else:
            lane = self._lanes[str(event.trigger_id)]
            lane.waiting.append((event, connection))
            if len(lane.waiting) > BACKLOG_LIMIT:
                lane.waiting.popleft()
                self._events.record("trigger_event_dropped", trigger=event.trigger_id, limit=BACKLOG_LIMIT)
            lane.arrived.set()

    async def _drain(self, lane: _Lane) -> None:
        """Enqueue the events of one trigger, in order, within its hours, however long the queue is away."""
        one = lane.definition
        hours = None if one.active_hours is None else ActiveHours(one.active_hours, one.timezone)
        delay = FIRST_RETRY_SECONDS
        while True:
            while not lane.waiting:
                lane.arrived.clear()
                await lane.arrived.wait()
            now = self._clock.now()
            if hours is not None and not hours.contains(now):
                await self._clock.sleep((hours.next_open(now) - now).total_seconds())
                continue
            event, connection = lane.waiting[0]
            try:
                receipt = await self._enqueue(lane, event)
                status, facts = "queued", {"entry_id": receipt.entry_id, "reason": receipt.warning}
            except (ControlError, RefusedError) as error:
                status, facts = "failed", {"reason": error.message}
                lane.problem = error.message
            except RpcFault as fault:
                lane.problem = fault.message
                await self._clock.sleep(delay)
                delay = min(delay * 2, LAST_RETRY_SECONDS)
                continue
            delay = FIRST_RETRY_SECONDS
            if lane.waiting and lane.waiting[0][0] is event:
                lane.waiting.popleft()
            self._events.record(f"trigger_{status}", trigger=one.id, event_id=event.event_id, **facts)
            if connection is not None:
                self._acknowledge(connection, event, status)

    async def _enqueue(self, lane: _Lane, event: trigger.TriggerEventNote) -> control.QueueEnqueueResult:
        one = lane.definition
        if event.subject_id is not None:
            text = event.subject_id if ":" in event.subject_id else f"{event.subject_kind}:{event.subject_id}"
            subject, _ = await self._door.look_up(text)
        else:
            subject = SubjectRef(kind=_KIND, id=f"{one.id}@{event.event_id}", title=one.id)
        wish: object = one.input
        given = cast("dict[str, Any]", wish) if isinstance(wish, dict) else {"input": wish}
        happened = {"id": one.id, "event_id": event.event_id, "payload": event.payload}
        dispatch = SubjectDispatch(
            subject=subject,
            workflow_ref=one.workflow_ref,
            trigger_source=_KIND,
            requested_at=self._clock.now().isoformat().replace("+00:00", "Z"),
            input={name: value for name, value in given.items() if value is not None} | {_KIND: happened},
            vars=one.vars,
            priority=one.priority,
        )
        key = f"{_KIND}:{one.id}:{hashlib.sha256(event.event_id.encode()).hexdigest()}"
        result = await self._door.enqueue(control.QueueEnqueueParams(subject_dispatch=dispatch, idempotency_key=key))
        lane.fired += 1
        self._on_enqueued()
        return result

    def _acknowledge(self, connection: Connection, event: trigger.TriggerEventNote, status: str) -> None:
        if connection.is_open:
            connection.notify(methods.TRIGGER_ACK, trigger.TriggerAckParams(event_id=event.event_id, status=status))


class _Watching(msgspec.Struct):
    problems: dict[str, str] = {}


def _problems_in(raw: msgspec.Raw) -> dict[str, str]:
    """What a plugin says of triggers that it cannot watch for as they are; most say nothing."""
    try:
        return msgspec.json.decode(raw, type=_Watching).problems
    except DECODE_ERRORS:
        return {}


def _watch_of(one: TriggerDefinition) -> tuple[str, str | None]:
    """Type and, where that is given, plugin: what shares these is watched for together."""
    named = one.config.get("plugin") if one.type == _PLUGIN_TYPE else None
    return one.type, named if isinstance(named, str) else None


async def _silence(connection: Connection) -> None:
    """Tell a plugin that the last of its triggers is gone."""
    wire = trigger.TriggerWatchParams(config={"triggers": []})
    with contextlib.suppress(RpcFault):  # one that is gone or refuses is not listened to either
        await connection.call_raw(methods.TRIGGER_WATCH, wire, timeout_seconds=_WATCH_SECONDS)


async def _tell_end(connection: Connection, ended: "asyncio.Future[str]") -> None:
    await connection.wait_ended()
    _end(ended, f"plugin {connection.plugin!r} is gone")


def _end(ended: "asyncio.Future[str]", reason: str) -> None:
    if not ended.done():
        ended.set_result(reason)
