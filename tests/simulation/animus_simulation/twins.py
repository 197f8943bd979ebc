"""Broken twins: each takes one promise out of the real code, and the simulation has to notice."""

from collections.abc import Callable
from typing import Any, NamedTuple

from animus_kernel.dispatch import execution as kernel_execution
from animus_kernel.dispatch.run import RunState, Step
from animus_kernel.handlers import steering
from animus_plugin_protocol.errors import ErrorCode
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.storage.journal import Journal
from animus_simulation.disk import SimulatedFiles
from animus_simulation.faults import NEVER, Plan, draw_plan
from animus_simulation.programs import Programs
from animus_workflow_runner_default.phases.phase_work import PhaseWork

__all__ = ["TWINS", "Twin"]

Patch = Callable[[Any, str, Any], None]
"""Replaces an attribute, as pytest's ``monkeypatch.setattr``."""


class Twin(NamedTuple):
    """What is broken, how, and under which faults that shows soonest."""

    broken: str
    take_out: Callable[[Patch], None]
    faults: dict[str, Any]


def plan_of(twin: Twin, seed: int) -> Plan:
    """A short plan with the faults under which the twin shows."""
    quiet = {"power": 0.0, "io_error": 0.0, "stall_every": NEVER, "jump_every": NEVER, "restart_every": NEVER}
    quiet |= {"kill": {}, "chaos_seconds": 120.0, "act_every": 4.0, "has_schedules": False, "lease_seconds": 60}
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


_BEFORE_SYNC = {"kill": {"queue before-fsync": 1 / 4}}
_SIGNAL_ANSWER = {"kill": {"runner signal-answer": 1 / 2}, "act_every": 1.0}
_FRAME = {"kill": {"runner frame": 1 / 8}}

TWINS = {
    twin.broken: twin
    for twin in (
        Twin("answers are given before the sync", _answer_before_the_sync, {}),
        Twin("what a dead process wrote is taken for durable", _trust_the_cache, _BEFORE_SYNC),
        Twin("a signal whose answer was lost is forgotten", _forget_the_signal, _SIGNAL_ANSWER),
        Twin("phases with side effects are repeated", _repeat_effects, _FRAME),
        Twin("programs of dead runners go on", _leave_orphans, _FRAME),
        Twin("leases are not renewed", _never_renew, {"lease_seconds": 10}),
        Twin("ends are not told to the queue", _lose_the_completion, {}),
        Twin("every end is told as completed", _say_completed, {}),
        Twin("idempotency keys are ignored", _ignore_the_key, {}),
    )
}
