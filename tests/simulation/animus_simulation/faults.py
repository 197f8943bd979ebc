"""What goes wrong under one seed, and when: drawn once as a plan, then at every point that a process passes."""

import datetime
from typing import NamedTuple

from animus_simulation.stream import stream
from animus_simulation.workflows import WORKFLOWS

__all__ = ["Plan", "brief", "draw_plan"]


class Plan(NamedTuple):
    """The profile of one seed. Shares are chances per point passed; times are virtual seconds.

    Attributes:
        chaos_seconds: how long things go wrong; after that everything has to end.
        calm_seconds: how long that may take; leases last half an hour at most, gates as long.
        kill: by process, ``daemon``, ``queue``, ``runner``, ``provider``, ``neighbour``, ``sensor``, or by
            process and point, ``queue before-fsync``.
        power: share of those kills that take the whole machine down.
        io_error: per write or sync of the queue and per commit of the runner.
        stall_every: mean time between two moments at which a process stands still.
        jump_every: mean time between two jumps of the wall clock.
        restart_every: mean time between two restarts of the daemon by the user.
        neighbour_every: mean time between two leases of the other host; `NEVER` if there is none.
        act_every: mean time between two acts of the user.
        has_schedules: whether schedules fire.
        happens_every: mean time between two happenings that a trigger reports; `NEVER` if there is no trigger.
        begins_at: the wall clock at the beginning; clocks change in Europe soon after some of these.
        workflows: what the user asks for.
        lease_seconds, pool_size, heartbeat_seconds: settings.
        compaction_floor: from how much waste the queue compacts.
    """

    chaos_seconds: float
    calm_seconds: float
    kill: dict[str, float]
    power: float
    io_error: float
    stall_every: float
    jump_every: float
    restart_every: float
    neighbour_every: float
    act_every: float
    has_schedules: bool
    happens_every: float
    begins_at: datetime.datetime
    workflows: tuple[str, ...]
    lease_seconds: int
    pool_size: int
    heartbeat_seconds: float
    compaction_floor: int


NEVER = 1e9
BRIEF_SECONDS = 60.0

BEGINNINGS = tuple(
    datetime.datetime.fromisoformat(text) for text in ("2026-03-28T22:00Z", "2026-03-29T00:55Z", "2026-10-25T00:15Z")
)
"""Hours and minutes before clocks change in Europe, forward and back."""


def draw_plan(seed: int) -> Plan:
    """The plan of a seed: from a quiet day to everything at once."""
    chance = stream(f"{seed}/plan")
    kills = (0.0, 0.0, 1 / 2000, 1 / 500, 1 / 150, 1 / 50)
    chaos = chance.choice((60.0, 300.0, 900.0))
    return Plan(
        chaos_seconds=chaos,
        calm_seconds=6 * 3600.0,
        kill={name: chance.choice(kills) for name in ("daemon", "queue", "runner", "neighbour", "sensor")}
        | {"provider": chance.choice((0.0, 1 / 30, 1 / 8, 1 / 3))},
        power=chance.choice((0.0, 0.0, 0.1, 0.4)),
        io_error=chance.choice((0.0, 0.0, 0.0, 1 / 200, 1 / 30)),
        stall_every=chance.choice((NEVER, NEVER, 30.0, 200.0)),
        jump_every=chance.choice((NEVER, NEVER, 30.0, 200.0)),
        restart_every=chance.choice((NEVER, NEVER, 40.0, 200.0)),
        neighbour_every=chance.choice((NEVER, NEVER, 3.0, 20.0)),
        act_every=chaos / chance.choice((8, 25, 60)),
        has_schedules=chance.random() < 0.3,
        happens_every=chance.choice((NEVER, NEVER, NEVER, 20.0)),
        begins_at=chance.choice(BEGINNINGS),
        workflows=WORKFLOWS,
        lease_seconds=chance.choice((10, 60, 1800)),
        pool_size=chance.choice((1, 2, 4)),
        heartbeat_seconds=chance.choice((10.0, 60.0)),
        compaction_floor=chance.choice((512, 4096, 1024 * 1024)),
    )


def brief(plan: Plan) -> Plan:
    """The same with a minute of chaos, in which the user acts as often as otherwise in all of it."""
    return plan._replace(chaos_seconds=BRIEF_SECONDS, act_every=plan.act_every * BRIEF_SECONDS / plan.chaos_seconds)
