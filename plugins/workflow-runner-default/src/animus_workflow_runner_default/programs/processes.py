"""What all runs start and end together: one ledger, one start at a time, one look at the machine for all that end.

Most commands leave nothing behind, and our own children show it (`family`). Otherwise finding everything a command
started means looking at every process there is. When many commands end at once, each look serves all of them, and looks
follow each other no faster than they take.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator
from typing import NamedTuple

from animus_process import ProcessLedger, ProcessRecord, signal_trees
from animus_workflow_runner_default.programs.descriptors import places
from animus_workflow_runner_default.programs.family import Family

__all__ = ["Processes"]

KILL_SECONDS = 5.0
"""How long the system may take to end a tree after SIGKILL."""
FIRST_PAUSE_SECONDS = 0.005
LAST_PAUSE_SECONDS = 0.1


class _Ending(NamedTuple):
    record: ProcessRecord
    kill_at: float
    gone: "asyncio.Future[bool]"

    def number(self, now: float, asked: set[str]) -> signal.Signals | None:
        """The signal that is due: SIGTERM once, SIGKILL on every look once the grace is over."""
        if now >= self.kill_at:
            # On every look: a member may have forked between the look and the signal.
            return signal.SIGKILL
        return None if self.record.record_id in asked else signal.SIGTERM


class Processes:
    """The processes of all runs.

    Attributes:
        ledger: where they are recorded.
        family: those that are children of this process.
    """

    def __init__(self, ledger: ProcessLedger) -> None:
        self.ledger = ledger
        self.family = Family()
        self._starting = asyncio.Lock()
        self._places: asyncio.Semaphore | None = None
        self._endings: list[_Ending] = []
        self._arrived = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncGenerator[None, None]:
        """Hold a place for a program: as many run at once as there are descriptors for.

        Programs start one a turn of the loop, so that a crowd does not stall it.
        """
        if self._places is None:
            self._places = asyncio.Semaphore(places())
        async with self._places:
            async with self._starting:
                await asyncio.sleep(0)
            yield

    def has_left_nothing(self) -> bool:
        """Whether nothing can be left of a command that has ended, by a glance at our own children."""
        # A look on its thread may be collecting some of them.
        return not self._endings and self.family.is_alone()

    async def end_tree(self, record: ProcessRecord, *, grace_seconds: float = 0.0) -> bool:
        """End a tree: SIGTERM, `grace_seconds`, SIGKILL; whether it is gone after `KILL_SECONDS` more."""
        loop = asyncio.get_running_loop()
        ending = _Ending(record, loop.time() + grace_seconds, loop.create_future())
        self._endings.append(ending)
        self._arrived.set()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_until_gone(), name="ending of processes")
        return await ending.gone

    async def _look_until_gone(self) -> None:
        loop = asyncio.get_running_loop()
        asked: set[str] = set()
        pause = FIRST_PAUSE_SECONDS
        while self._endings:
            self._arrived.clear()
            batch, began = list(self._endings), loop.time()
            wanted = [(ending.record, ending.number(began, asked)) for ending in batch]
            try:
                counts = await asyncio.to_thread(signal_trees, wanted)
            except OSError as error:
                self._settle(batch, error)
                continue
            asked.update(ending.record.record_id for ending in batch)
            self._settle([ending for ending, count in zip(batch, counts, strict=True) if count == 0], result=True)
            late = [ending for ending in self._endings if began >= ending.kill_at + KILL_SECONDS]
            self._settle(late, result=False)
            await asyncio.sleep(loop.time() - began if self._endings else 0)
            if self._arrived.is_set():
                pause = FIRST_PAUSE_SECONDS
            elif self._endings:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._arrived.wait()
                pause = min(2 * pause, LAST_PAUSE_SECONDS)

    def _settle(self, endings: list[_Ending], error: OSError | None = None, *, result: bool = False) -> None:
        for ending in endings:
            self._endings.remove(ending)
            if ending.gone.done():
                continue
            if error is None:
                ending.gone.set_result(result)
            else:
                ending.gone.set_exception(error)
