"""Fires schedules: decisions are the book's (`animus_schedule`), here they are kept on disk and taken to the door.

A decision is on disk before anything is enqueued, and each moment is enqueued under a key of its own, so that no
death in between fires it twice or not at all. There is no ticking: an alarm is set for the next moment, and the
heartbeat looks in case the clock has jumped.
"""

import asyncio
import datetime
from collections.abc import Callable

import msgspec

from animus_control.errors import ControlError
from animus_control.event_log import EventLog
from animus_control.jobs import Jobs
from animus_control.project import Project
from animus_kernel.alarm import Alarm
from animus_kernel.clock import Clock
from animus_kernel.dispatch.door import Door
from animus_kernel.timing.automation import Automation, AutomationSource
from animus_plugin_protocol.errors import RefusedError, RpcFault
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.dispatch import SubjectDispatch, SubjectRef
from animus_plugin_runtime.durable import write_durably
from animus_schedule import Book, CatchUp, Definition, Fire, Track

__all__ = ["RETRY_SECONDS", "Timekeeper"]

RETRY_SECONDS = 5.0
"""How long to wait before trying again what could not be asked, enqueued or written."""

_KIND = "schedule"


class _Stored(msgspec.Struct):
    schema: str = "animus.schedule-state.v1"
    schedules: dict[str, Track] = {}


class Timekeeper:
    """The schedules of one project. `keep` makes them fire; without it they can be looked at and changed.

    Attributes:
        on_automation: told by `keep` what is defined, at first and when that has changed.
    """

    def __init__(
        self, project: Project, door: Door, events: EventLog, clock: Clock, jobs: Jobs, on_enqueued: Callable[[], None]
    ) -> None:
        self._path = project.state_dir / "state" / "schedule-state.json"
        self._source = AutomationSource(door, project.authored_dir)
        self._door, self._events, self._clock, self._on_enqueued = door, events, clock, on_enqueued
        self.on_automation: Callable[[Automation], None] = lambda _: None
        self._alarm = Alarm(clock, jobs, self.wake)
        self._woken, self._busy = asyncio.Event(), asyncio.Lock()
        self._book = Book([], {})
        self._tracks: dict[str, Track] | None = None
        self._last_problem: str | None = None
        self._told: Automation | None = None

    def wake(self) -> None:
        """Something may be due or may have been rewritten."""
        self._woken.set()

    async def keep(self) -> None:
        """Fire what is due, for ever."""
        self.wake()
        while True:
            await self._woken.wait()
            self._woken.clear()
            retry = self._clock.now() + datetime.timedelta(seconds=RETRY_SECONDS)
            try:
                next_at = await self._pass()
                self._last_problem = None
            except (RpcFault, ControlError, OSError) as error:
                if self._last_problem != str(error):
                    self._last_problem = str(error)
                    self._events.record("schedules_stopped", reason=self._last_problem)
                next_at = None if isinstance(error, ControlError) else retry  # the heartbeat looks again
            self._alarm.set(next_at)

    async def rows(self) -> list[control.ScheduleRow]:
        """Every schedule as clients see it.

        Raises:
            ControlError, RpcFault: the state cannot be read, the definitions cannot be had.
        """
        await self._refresh()
        return [self._row(definition) for definition in self._book.definitions.values()]

    async def row(self, schedule_id: str) -> control.ScheduleRow:
        """One of them. Raises as `rows`, and ``not_found``."""
        return self._row(await self._find(schedule_id))

    async def history(self, schedule_id: str, limit: int) -> list[control.ScheduleFire]:
        """Its latest moments, newest first."""
        track = self._book.tracks.get((await self._find(schedule_id)).id)
        fires = track.history[::-1][:limit] if track else []
        return [msgspec.convert(fire, control.ScheduleFire, from_attributes=True) for fire in fires]

    async def switch(self, schedule_id: str, *, on: bool) -> control.ScheduleRow:
        """Let a schedule fire or not, from now on and after restarts."""
        definition = await self._find(schedule_id)
        problem = definition.disabled_reason or self._book.problems.get(schedule_id)
        if on and problem:
            raise ControlError("conflict", f"schedule {schedule_id!r} cannot fire: {problem}")
        async with self._busy:
            self._book.switch(schedule_id, on=on)
            self._book.look(self._clock.now())
            await self._write()
        self._events.record("schedule_enabled" if on else "schedule_disabled", schedule=schedule_id)
        self.wake()
        return self._row(definition)

    async def run(self, schedule_id: str) -> control.QueueEnqueueResult:
        """Ask for the schedule's work now, whatever the clock says; its moments stay as they are."""
        return await self._enqueue(await self._find(schedule_id), self._clock.now(), None)

    async def _pass(self) -> datetime.datetime | None:
        automation = await self._refresh()
        if automation is not self._told:
            self._told = automation
            self.on_automation(automation)
        async with self._busy:
            now = self._clock.now()
            look = self._book.look(now)
            if look.has_changed:
                await self._write()
            for schedule_id in look.reset:
                self._events.record("schedule_clock_went_back", schedule=schedule_id)
            for schedule_id, count in look.missed.items():
                self._events.record("schedule_missed", schedule=schedule_id, missed=count)
            waiting = list(self._book.waiting())
            try:
                for definition, at in waiting:
                    await self._fire(definition, at)
            finally:
                if waiting:
                    await self._write()
            return look.next_at

    async def _fire(self, definition: Definition, at: datetime.datetime) -> None:
        key = f"{_KIND}:{definition.id}:{_text(at)}"
        entry_id = reason = None
        try:
            receipt = await self._enqueue(definition, at, key)
        except (ControlError, RefusedError) as error:
            outcome, reason = "refused", error.message
        else:  # a receipt without a warning for an entry that was there is that of our own key; or of an earlier moment
            track = self._book.tracks.get(definition.id)
            is_known = track is not None and receipt.entry_id in [fire.entry_id for fire in track.history]
            is_own = receipt.enqueued or (receipt.warning is None and not is_known)
            outcome = "enqueued" if is_own else "folded"
            entry_id, reason = receipt.entry_id, receipt.warning
        now = self._clock.now()
        self._book.settle(definition.id, Fire(at=at, done_at=now, outcome=outcome, entry_id=entry_id, reason=reason))
        facts = {"schedule": definition.id, "at": at, "entry_id": entry_id, "reason": reason}
        self._events.record(f"schedule_{outcome}", **facts)

    async def _enqueue(
        self, definition: Definition, at: datetime.datetime, key: str | None
    ) -> control.QueueEnqueueResult:
        if definition.subject is not None:
            subject, _ = await self._door.look_up(definition.subject)
        else:  # each of several moments that are caught up with is work of its own
            own = f"{definition.id}@{_text(at)}" if definition.catch_up is CatchUp.ALL else definition.id
            subject = SubjectRef(kind=_KIND, id=own, title=definition.title or definition.id)
        dispatch = SubjectDispatch(
            subject=subject,
            workflow_ref=definition.workflow_ref,
            trigger_source=_KIND,
            requested_at=_text(at),
            input=definition.input,
            vars=definition.vars,
            priority=definition.priority,
        )
        wish = control.QueueEnqueueParams(subject_dispatch=dispatch, idempotency_key=key)
        result = await self._door.enqueue(wish)
        self._on_enqueued()
        return result

    async def _find(self, schedule_id: str) -> Definition:
        await self._refresh()
        definition = self._book.definitions.get(schedule_id)
        if definition is None:
            raise ControlError("not_found", f"there is no schedule {schedule_id!r}", next_step="animus schedule list")
        return definition

    def _row(self, definition: Definition) -> control.ScheduleRow:
        track = self._book.tracks.get(definition.id) or Track(written_as="")
        problem = definition.disabled_reason or self._book.problems.get(definition.id)
        enabled = self._book.is_enabled(definition.id)
        return control.ScheduleRow(
            id=definition.id,
            workflow_ref=definition.workflow_ref,
            when=definition.when,
            timezone=definition.timezone,
            enabled=enabled,
            catch_up=definition.catch_up,
            next_at=self._book.next_at(definition.id, self._clock.now()),
            last_at=track.history[-1].at if track.history else None,
            fired=track.fired,
            missed=track.missed,
            waiting=len(track.waiting),
            active_hours=definition.active_hours,
            disabled_reason=problem or (None if enabled else "switched off"),
            description=definition.description,
        )

    async def _refresh(self) -> Automation:
        async with self._busy:
            if self._tracks is None:
                self._tracks = (await asyncio.to_thread(self._read)).schedules
            automation, is_new = await self._source.load()
            if is_new:
                self._book = Book(automation.schedules, self._tracks)
            return automation

    def _read(self) -> _Stored:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Stored)
        except FileNotFoundError:
            return _Stored()
        except (OSError, ValueError) as error:
            message = f"{self._path}: {error}; no schedule fires until it is repaired or removed"
            raise ControlError("invalid_request", message) from error

    async def _write(self) -> None:
        data = msgspec.json.encode(_Stored(schedules=self._book.tracks))
        await asyncio.to_thread(write_durably, self._path, data)


def _text(moment: datetime.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
