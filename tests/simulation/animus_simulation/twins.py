"""Broken twins: each takes one promise out of the real code, and the simulation has to notice."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from animus_kernel.dispatch import execution as kernel_execution
from animus_kernel.dispatch.lease import FencedQueue as LeasedQueue
from animus_kernel.dispatch.run import RunState, Step
from animus_kernel.handlers import steering
from animus_kernel.timing.triggers import Triggers
from animus_plugin_protocol.errors import ErrorCode
from animus_plugin_protocol.wire.trigger import TriggerEventNote
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.storage.journal import Journal
from animus_queue_default.storage.replica import Replica
from animus_schedule import CronCadence, book, definition
from animus_simulation.disk import SimulatedFiles
from animus_simulation.faults import BRIEF_SECONDS, NEVER, Plan, draw_plan
from animus_simulation.programs import Programs
from animus_workflow_runner_default.phases import agent_dialogue
from animus_workflow_runner_default.phases.agent_tries import Try
from animus_workflow_runner_default.phases.phase_work import PhaseWork

__all__ = ["TWINS", "Twin"]

CALM_SECONDS = 5400.0
"""Enough for gates of half an hour and leases of a minute."""

Patch = Callable[[Any, str, Any], None]
"""Replaces an attribute, as pytest's ``monkeypatch.setattr``."""


class Twin(NamedTuple):
    """What is broken, how, under which faults that shows soonest, and with which seed to begin."""

    broken: str
    take_out: Callable[[Patch], None]
    faults: dict[str, Any]
    first_seed: int = 0


def plan_of(twin: Twin, seed: int) -> Plan:
    """A short plan with the faults under which the twin shows."""
    quiet = {"power": 0.0, "io_error": 0.0, "stall_every": NEVER, "jump_every": NEVER, "restart_every": NEVER}
    quiet |= {"neighbour_every": NEVER, "happens_every": NEVER}
    quiet |= {
        "kill": {},
        "chaos_seconds": BRIEF_SECONDS,
        "calm_seconds": CALM_SECONDS,
        "act_every": 3.0,
        "has_schedules": False,
        "lease_seconds": 60,
    }
    return draw_plan(seed)._replace(**(quiet | twin.faults))


def _answer_before_the_sync(patch: Patch) -> None:
    patch(SimulatedFiles, "sync", lambda self, descriptor: self.reach("before-fsync"))


def _trust_the_cache(patch: Patch) -> None:
    patch(Journal, "make_certain", lambda self: None)


def _forget_the_signal(patch: Patch) -> None:
    codes = (getattr(ErrorCode, name) for name in dir(ErrorCode) if name.isupper())
    patch(steering, "_LEAVES_AS_IT_IS", frozenset(codes))


def _repeat_effects(patch: Patch) -> None:
    patch(PhaseWork, "may_repeat", lambda self, attempt: True)


def _leave_orphans(patch: Patch) -> None:
    patch(Programs, "sweep", lambda self: None)


def _never_renew(patch: Patch) -> None:
    async def renew(self: Any, run: Any) -> None:
        return

    patch(kernel_execution.Execution, "renew", renew)


def _lose_the_completion(patch: Patch) -> None:
    whole = kernel_execution.Execution.close

    async def close(self: Any, run: Any) -> None:
        if run.state is RunState.FINISHING:
            run.move(Step.CLOSE)
        else:
            await whole(self, run)

    patch(kernel_execution.Execution, "close", close)


def _say_completed(patch: Patch) -> None:
    patch(kernel_execution, "queue_status_for", lambda status: "completed")


def _ignore_the_key(patch: Patch) -> None:
    whole = FencedQueue.enqueue
    patch(FencedQueue, "enqueue", lambda self, request, key: whole(self, request, None))


def _abandon_the_dead(patch: Patch) -> None:
    async def inherited(self: Any, entry: Any, now: Any) -> Any:
        return entry

    patch(LeasedQueue, "_inherited", inherited)


def _overlook_the_other(patch: Patch) -> None:
    patch(Replica, "catch_up", lambda self: True)


def _begin_sessions_anew(patch: Patch) -> None:
    whole = agent_dialogue.next_try

    def next_try(calls: Any, targets: Any, rules: Any) -> Any:
        step = whole(calls, targets, rules)
        return step._replace(purpose="run", resume_id=None) if isinstance(step, Try) else step

    patch(agent_dialogue, "next_try", next_try)


def _miss_in_silence(patch: Patch) -> None:
    whole = book.decide
    patch(book, "decide", lambda *facts: whole(*facts)._replace(missed=0))


def _ignore_the_zone(patch: Patch) -> None:
    patch(definition, "CronCadence", lambda text, zone: CronCadence(text, "UTC"))


def _take_events_unqueued(patch: Patch) -> None:
    whole = Triggers._take

    def take(self: Any, connection: Any, params: Any, ended: Any, definitions: Any) -> None:
        whole(self, connection, params, ended, definitions)
        self._acknowledge(connection, msgspec.json.decode(params, type=TriggerEventNote), "queued")

    patch(Triggers, "_take", take)


_EVENTS = {"happens_every": 6.0, "act_every": 20.0, "kill": {"daemon frame": 1 / 20}}
_BEFORE_SYNC = {"kill": {"queue before-fsync": 1 / 4}}
_SIGNAL_ANSWER = {"kill": {"runner signal-answer": 1 / 2}, "act_every": 1.0, "lease_seconds": 1800}
_AGENTS = {"kill": {"provider act": 1 / 2}, "workflows": ("written",)}
_OTHER_HOST = {"neighbour_every": 2.0, "act_every": 10.0}
_SCHEDULES = {"has_schedules": True, "chaos_seconds": 200.0, "act_every": 100.0, "jump_every": 30.0}
_SIDE_EFFECTS = {"kill": {"runner before-commit": 1 / 4}, "workflows": ("risky",)}
_FRAME = {"kill": {"runner frame": 1 / 8}}

TWINS = {
    twin.broken: twin
    for twin in (
        Twin("answers are given before the sync", _answer_before_the_sync, {}),
        Twin("what a dead process wrote is taken for durable", _trust_the_cache, _BEFORE_SYNC),
        Twin("a signal whose answer was lost is forgotten", _forget_the_signal, _SIGNAL_ANSWER),
        Twin("phases with side effects are repeated", _repeat_effects, _SIDE_EFFECTS),
        Twin("programs of dead runners go on", _leave_orphans, _FRAME),
        Twin("leases are not renewed", _never_renew, {"lease_seconds": 10}),
        Twin("ends are not told to the queue", _lose_the_completion, {"lease_seconds": 1800}),
        Twin("every end is told as completed", _say_completed, {}),
        Twin("idempotency keys are ignored", _ignore_the_key, {}),
        Twin("entries of dead hosts stay theirs", _abandon_the_dead, _OTHER_HOST),
        Twin("what another host wrote is not looked at", _overlook_the_other, _OTHER_HOST),
        Twin("sessions of agents are begun anew", _begin_sessions_anew, _AGENTS),
        Twin("missed moments are not counted", _miss_in_silence, _SCHEDULES, 4),
        Twin("schedules ignore their time zone", _ignore_the_zone, _SCHEDULES),
        Twin("events are taken before they are queued", _take_events_unqueued, _EVENTS),
    )
}
