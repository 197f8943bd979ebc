"""The machine that everything runs on: its clock, its disk, its processes, and what goes wrong with them."""

import contextvars
import datetime
import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path

from animus_simulation.agents import Agents
from animus_simulation.disk import Disk
from animus_simulation.faults import Plan
from animus_simulation.loop import Killed, SimulatedProcess, VirtualLoop
from animus_simulation.programs import Programs
from animus_simulation.sensor import Happenings
from animus_simulation.stream import stream
from animus_simulation.trace import Trace

__all__ = ["SimulatedMachine"]

FIRST_PID = 5_000_000
"""No real process has such a number."""

IO_POINTS = {
    "write": errno.ENOSPC,
    "before-fsync": errno.EIO,
    "publish": errno.EIO,
    "before-directory-sync": errno.EIO,
    "before-commit": errno.ENOSPC,
}
"""Where the disk may refuse, and how."""


class SimulatedMachine:
    """Attributes:
    offset: by how much the wall clock has been set forward, in seconds.
    leaped: the sum of all that it was ever set forward, in seconds.
    is_calm: nothing goes wrong any more.
    disturbed_at: when something last went wrong.
    counts: how often what went wrong.
    everybody: every process there ever was.
    is_over: the seed has been judged: nothing has any effect any more.
    """

    def __init__(self, loop: VirtualLoop, seed: int, plan: Plan, trace: Trace, root: Path) -> None:
        self.loop, self.seed, self.plan, self.trace = loop, seed, plan, trace
        self.chance = stream(f"{seed}/faults")
        self.leaped = 0.0
        self.offset, self.is_calm, self.disturbed_at = 0.0, False, 0.0
        self.disk = Disk(
            stream(f"{seed}/disk"),
            lambda: self.now().timestamp(),
            lambda act: loop.call_soon(act, context=contextvars.Context()),
            root / "queue.lock",
        )
        self.programs = Programs(loop, seed, trace.tell)
        self.happenings = Happenings()
        self.agents = Agents(self.programs, seed)
        self.processes: dict[int, SimulatedProcess] = {}
        self.everybody: list[SimulatedProcess] = []
        self.is_over = False
        self.counts: dict[str, int] = {}
        self._numbers = itertools.count(FIRST_PID)
        self.on_power_loss: list[Callable[[], None]] = []

    def now(self) -> datetime.datetime:
        """The wall clock."""
        return self.plan.begins_at + datetime.timedelta(seconds=self.loop.time() + self.offset)

    def start(self, name: str, parent: SimulatedProcess | None = None) -> SimulatedProcess:
        """A new process."""
        process = SimulatedProcess(self.loop, name, next(self._numbers), parent)
        self.processes[process.pid] = process
        self.everybody.append(process)
        self.trace.tell(f"{name} {process.pid} starts")
        process.on_end.append(lambda: self._ended(process))
        return process

    def is_dead(self, pid: int) -> bool:
        return pid not in self.processes

    def sweep(self) -> None:
        """End what dead processes have left behind, as whoever starts next does by their records."""
        for process in list(self.processes.values()):
            if process.parent is not None and not process.parent.is_alive:
                process.end()
        self.programs.sweep()

    def reach(self, process: SimulatedProcess, role: str, point: str) -> None:
        """`process` passes `point`: it may be killed there, or what it is about to do fails.

        Raises:
            OSError: the disk refuses.
        """
        if self.is_over:
            raise Killed
        if self.is_calm or not process.is_alive:
            return
        kill = self.plan.kill
        if self.chance.random() < kill.get(f"{role} {point}", kill.get(role, 0.0)):
            if self.chance.random() < self.plan.power:
                self.lose_power(point)
            else:
                self.disturb(f"kill {role}", f"kill {process.name} {process.pid} at {point}")
                process.end()
        elif point in IO_POINTS and self.chance.random() < self.plan.io_error:
            self.disturb("io error", f"{process.name} {process.pid}: the disk fails at {point}")
            raise OSError(IO_POINTS[point], os.strerror(IO_POINTS[point]))

    def set_clock(self, seconds: float) -> None:
        """Somebody sets the clock forward, or back."""
        self.disturb("jump", f"the clock is set by {seconds:+g} s")
        self.offset += seconds
        self.leaped += max(seconds, 0.0)

    def disturb(self, kind: str, text: str) -> None:
        """Note that something goes wrong."""
        self.disturbed_at = self.loop.time()
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.trace.tell(f"fault: {text}")

    def lose_power(self, point: str) -> None:
        """Everything ends at once, and the disk forgets what was not synced."""
        self.disturb("power", f"power is lost at {point}")
        for process in list(self.processes.values()):
            process.end()
        self.programs.kill_all()
        self.trace.tell(f"disk: {self.disk.lose_power()} lost")

    def _ended(self, process: SimulatedProcess) -> None:
        self.processes.pop(process.pid, None)
        self.trace.tell(f"{process.name} {process.pid} ends")
