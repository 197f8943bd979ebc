"""The commands of phases: simulated programs with effects, and the ledger that remembers every effect.

A program belongs to nobody once it runs: when its runner dies it goes on, as real ones do, until whoever comes next
ends it. How long it takes, what it returns and when its effect happens follow from the seed and its place alone.
"""

import asyncio
import contextvars
from collections.abc import Callable
from typing import NamedTuple

from animus_simulation.loop import KILLED, SimulatedProcess, VirtualLoop, current_process
from animus_simulation.stream import stream
from animus_workflow_runner_default.clock import Clock
from animus_workflow_runner_default.programs.process_run import Program, ProgramResult
from animus_workflow_runner_default.programs.processes import Processes
from animus_workflow_runner_default.unbroken import unbroken

__all__ = ["Course", "Effect", "Place", "Programs", "Running"]

SPAWN_SECONDS = (0.001, 0.05)
END_SECONDS = (0.001, 0.03)


class Place(NamedTuple):
    """What an effect is attributed to."""

    run_id: str
    phase_id: str
    attempt: int


class Effect(NamedTuple):
    """Something a program did that cannot be taken back."""

    place: Place
    subject: str
    at: float


class Course(NamedTuple):
    """How a program goes if nobody disturbs it; `acts_at` and `seconds` count from when it begins."""

    seconds: float
    acts_at: float | None
    code: int


class Running:
    """A program that was started. `ended` has its exit code, negative after a signal."""

    def __init__(self, place: Place, subject: str, owner: SimulatedProcess, ended: "asyncio.Future[int]") -> None:
        self.place, self.subject, self.owner, self.ended = place, subject, owner, ended
        self.has_begun = False
        self.on_act: Callable[[], None] = lambda: None

    @property
    def is_over(self) -> bool:
        return self.ended.done()


class Programs:
    """All programs of the simulated machine.

    Attributes:
        effects: the ledger.
        overlaps: programs that ran at the same time for one subject, in words; there must be none.
    """

    def __init__(self, loop: VirtualLoop, seed: int, tell: Callable[[str], None]) -> None:
        self._loop, self._seed, self._tell = loop, seed, tell
        self._running: list[Running] = []
        self.effects: list[Effect] = []
        self.overlaps: list[str] = []

    async def run(self, program: Program, processes: Processes, clock: Clock) -> ProgramResult:
        """As `animus_workflow_runner_default.programs.process_run.run_program`."""
        environment = program.environment
        phase, attempt = environment["ANIMUS_PHASE_ID"], int(environment["ANIMUS_PHASE_ATTEMPT"])
        place = Place(program.run_id, phase, attempt)
        chance = stream(f"{self._seed}/{environment['ANIMUS_SUBJECT_ID']}/{place.phase_id}/{place.attempt}")
        began = clock.monotonic()
        seconds = chance.choice((0.05, 0.5, 3.0, 20.0, 90.0)) * chance.uniform(0.5, 1.5)
        starts = chance.uniform(*SPAWN_SECONDS)
        acts_at = seconds * chance.random()
        code = 1 if phase == "check" and chance.random() < 0.3 else 0
        course = Course(seconds, acts_at, code)
        running = self.start(place, environment["ANIMUS_SUBJECT_ID"], course, starts)
        try:
            async with clock.timeout(program.timeout_seconds):
                ended: int | None = await asyncio.shield(running.ended)
        except TimeoutError:
            ended = None
        finally:
            await unbroken(self.stop(running, chance.uniform(*END_SECONDS)))
        number = -ended if ended is not None and ended < 0 else None
        shown = None if ended is None else max(ended, -1)
        return ProgramResult(shown, f"{phase} {attempt}\n", "", stdout_is_complete=True,
                             duration_seconds=clock.monotonic() - began, signal=number)  # fmt: skip

    @property
    def running(self) -> list[Place]:
        """What has not ended."""
        return [one.place for one in self._running]

    def sweep(self) -> None:
        """End what dead processes had started."""
        for running in [one for one in self._running if not one.owner.is_alive]:
            self._kill(running)

    def kill_all(self) -> None:
        """The machine goes down."""
        for running in list(self._running):
            self._kill(running)

    def start(self, place: Place, subject: str, course: Course, seconds: float) -> Running:
        """Start a program of the process whose code is running; it begins after `seconds`, behind its gate."""
        owner = current_process()
        if owner is None:
            raise RuntimeError("a program is started by a process")
        running = Running(place, subject, owner, self._loop.create_future())
        self._running.append(running)
        nobody = contextvars.Context()
        begin = self._loop.time() + seconds
        self._loop.call_at(begin, self._begin, running, context=nobody)
        if course.acts_at is not None:
            self._loop.call_at(begin + course.acts_at, self._act, running, context=nobody)
        self._loop.call_at(begin + course.seconds, self._settle, running, course.code, context=nobody)
        return running

    async def stop(self, running: Running, seconds: float) -> None:
        """End a program, which takes `seconds`."""
        await asyncio.sleep(seconds)
        self._kill(running)

    def _begin(self, running: Running) -> None:
        """The gate opens, unless whoever should open it is dead."""
        if running.is_over:
            return
        if not running.owner.is_alive:
            self._kill(running)
            return
        running.has_begun = True
        for other in self._running:
            if other is not running and other.has_begun and other.subject == running.subject:
                self.overlaps.append(f"{running.place} begins while {other.place} still runs")
        self._tell(f"program {running.place} begins")

    def _act(self, running: Running) -> None:
        if not running.is_over:
            self.effects.append(Effect(running.place, running.subject, self._loop.time()))
            running.on_act()
            self._tell(f"program {running.place} acts")

    def _settle(self, running: Running, code: int) -> None:
        if not running.is_over:
            self._tell(f"program {running.place} ends with {code}")
            self._running.remove(running)
            running.ended.set_result(code)

    def _kill(self, running: Running) -> None:
        self._settle(running, KILLED)
