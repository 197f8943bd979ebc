"""Running seeds: each in a world of its own, judged, and told as one line that repeats it."""

import asyncio
import contextlib
import gc
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import NamedTuple

from animus_simulation.faults import Plan, draw_plan
from animus_simulation.invariants import judge_leases, judge_now, judge_promises, judge_the_end
from animus_simulation.loop import VirtualLoop
from animus_simulation.stream import stream
from animus_simulation.world import World, settings_of

__all__ = ["Verdict", "run_seed"]

PEEKS = 6
"""How often a seed is judged before its end."""

SHARED_MEMORY = Path("/dev/shm")
TEARDOWN_SECONDS = 3600.0


class Verdict(NamedTuple):
    """How a seed ended.

    Attributes:
        problems: what was wrong, the first first; nothing if all is well.
        digest: of everything that happened.
        effects: how many effects there were.
        faults: how often what went wrong.
    """

    seed: int
    problems: list[str]
    digest: str
    events: int
    effects: int
    faults: dict[str, int]
    lines: list[str]
    virtual_seconds: float
    stderr: str

    @property
    def repro(self) -> str:
        """The command that runs it again."""
        return f"python tests/simulation/run.py --seed {self.seed} --trace"


def run_seed(
    seed: int, *, keep_all: bool = False, plan: Plan | None = None, prepare: Callable[[World], None] | None = None
) -> Verdict:
    """Run one seed to its end.

    Args:
        seed: any number.
        keep_all: keep every line of what happened.
        plan: instead of the seed's own.
        prepare: called with the world before anything happens.
    """
    plan = plan or draw_plan(seed)
    with _scratch() as root, _environment(settings_of(plan)), _loop(seed) as loop:
        world = World(loop, seed, plan, root, keep_all=keep_all)
        if prepare is not None:
            prepare(world)
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            problems = loop.run_until_complete(_live(world))
        verdict = Verdict(
            seed,
            problems,
            world.trace.digest,
            world.trace.count,
            len(world.machine.programs.effects),
            world.machine.counts,
            list(world.trace.lines),
            loop.time(),
            said.getvalue(),
        )
        with contextlib.redirect_stderr(io.StringIO()):
            _tear_down(world)
    return verdict


async def _live(world: World) -> list[str]:
    problems: list[str] = []

    async def peek() -> None:
        while not problems:
            await asyncio.sleep(world.plan.chaos_seconds / PEEKS)
            problems.extend(judge_leases(world) if world.machine.is_calm else judge_now(world))

    world.user.on_promise = lambda: problems.extend(judge_promises(world))
    peeking = asyncio.ensure_future(peek())
    living = asyncio.ensure_future(world.live())
    # A problem ends the seed: what comes after it explains nothing.
    await asyncio.wait([living, peeking], return_when=asyncio.FIRST_COMPLETED)
    if not peeking.done():
        living.result()
        problems.extend(judge_the_end(world))
    else:
        peeking.result()
    return list(dict.fromkeys(problems))


def _tear_down(world: World) -> None:
    """Let everything that was killed half way come to its end, where nobody looks any more."""
    loop = world.loop
    for process in list(world.machine.processes.values()):
        process.end()
    for process in world.everybody():
        process.is_alive, process.is_stalled = True, False
    world.machine.is_over = True
    tasks = [task for task in asyncio.all_tasks(loop) if not task.done()]
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=TEARDOWN_SECONDS))
    loop.run_until_complete(loop.shutdown_asyncgens())


@contextlib.contextmanager
def _scratch() -> Generator[Path]:
    place = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    root = Path(tempfile.mkdtemp(prefix="animus-simulation-", dir=place))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextlib.contextmanager
def _environment(settings: dict[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _loop(seed: int) -> Generator[VirtualLoop]:
    loop = VirtualLoop(stream(f"{seed}/threads"))
    try:
        yield loop
    finally:
        loop.close()
        gc.collect()
