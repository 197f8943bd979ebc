"""The runs of one dispatcher: those under way, those that ended or parked lately, and who waits for a change of one."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from animus_kernel.dispatch.run import Run, RunState

__all__ = ["Register"]

_REMEMBERED = 1024


class Register:
    """Who has which run.

    Attributes:
        runs: the runs whose entries are ours, by run id.
        settled: the latest runs that ended or parked, by entry id, for whoever asks after the fact.
        has_leases: set while there is a run.
    """

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.settled: OrderedDict[str, Run] = OrderedDict()
        self.has_leases = asyncio.Event()
        self._changed: set[asyncio.Future[None]] = set()

    def add(self, run: Run) -> None:
        """A run whose entry was leased."""
        self.runs[run.run_id] = run
        self.has_leases.set()

    def of_entry(self, entry_id: str) -> Run | None:
        """The run of an entry, under way or lately settled."""
        for run in self.runs.values():
            if run.entry.entry_id == entry_id:
                return run
        return self.settled.get(entry_id)

    async def wait_for(self, entry_id: str, wanted: Callable[[Run], bool]) -> Run:
        """Wait until the run of `entry_id` is as `wanted`. Wrap it in a time limit."""
        while True:
            run = self.of_entry(entry_id)
            if run is not None and wanted(run):
                return run
            await self.wait_change()

    async def wait_change(self) -> None:
        """Wait until some run is in another state."""
        change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changed.add(change)
        try:
            await change
        finally:
            self._changed.discard(change)  # a client may give up long before anything changes

    def tell(self, run: Run) -> None:
        """A run is in another state."""
        if run.is_settled:
            self.settled[run.entry.entry_id] = run
            while len(self.settled) > _REMEMBERED:
                self.settled.popitem(last=False)
        changed, self._changed = self._changed, set()
        for change in changed:
            if not change.done():
                change.set_result(None)

    def forget_if_gone(self, run: Run) -> None:
        """Let go of a run for which nothing is left to do."""
        if run.state is RunState.GONE:
            self.runs.pop(run.run_id, None)
            self.tell(run)
            if not self.runs:
                self.has_leases.clear()
