"""What goes wrong under one seed, and when: drawn once as a plan, then at every point that a process passes."""

from typing import NamedTuple

from animus_simulation.stream import stream

__all__ = ["Plan", "draw_plan"]


class Plan(NamedTuple):
    """The profile of one seed. Shares are chances per point passed; times are virtual seconds.

    Attributes:
        chaos_seconds: how long things go wrong; after that everything has to end.
        kill: by process, ``daemon``, ``queue``, ``runner``, or by process and point, ``queue before-fsync``.
        power: share of those kills that take the whole machine down.
        io_error: per write or sync of the queue.
        stall_every: mean time between two moments at which a process stands still.
        jump_every: mean time between two jumps of the wall clock.
        restart_every: mean time between two restarts of the daemon by the user.
        act_every: mean time between two acts of the user.
        has_schedules: whether schedules fire.
        lease_seconds, pool_size, heartbeat_seconds: settings.
        compaction_floor: from how much waste the queue compacts.
    """

    chaos_seconds: float
    kill: dict[str, float]
    power: float
    io_error: float
    stall_every: float
    jump_every: float
    restart_every: float
    act_every: float
    has_schedules: bool
    lease_seconds: int
    pool_size: int
    heartbeat_seconds: float
    compaction_floor: int


NEVER = 1e9


def draw_plan(seed: int) -> Plan:
    """The plan of a seed: from a quiet day to everything at once."""
    chance = stream(f"{seed}/plan")
    kills = (0.0, 0.0, 1 / 2000, 1 / 500, 1 / 150, 1 / 50)
    chaos = chance.choice((60.0, 300.0, 900.0))
    return Plan(
        chaos_seconds=chaos,
        kill={"daemon": chance.choice(kills), "queue": chance.choice(kills), "runner": chance.choice(kills)},
        power=chance.choice((0.0, 0.0, 0.1, 0.4)),
        io_error=chance.choice((0.0, 0.0, 0.0, 1 / 200, 1 / 30)),
        stall_every=chance.choice((NEVER, NEVER, 30.0, 200.0)),
        jump_every=chance.choice((NEVER, NEVER, 30.0, 200.0)),
        restart_every=chance.choice((NEVER, NEVER, 40.0, 200.0)),
        act_every=chaos / chance.choice((8, 25, 60)),
        has_schedules=chance.random() < 0.3,
        lease_seconds=chance.choice((10, 60, 1800)),
        pool_size=chance.choice((1, 2, 4)),
        heartbeat_seconds=chance.choice((10.0, 60.0)),
        compaction_floor=chance.choice((512, 4096, 1024 * 1024)),
    )
