"""What is stored, read as a process would that starts now: the queue from a copy of its disk, the runs from SQLite."""

import random
from pathlib import Path
from typing import NamedTuple

from animus_queue_default.model.entry import Entry, Finished
from animus_queue_default.operations.view import list_entries
from animus_queue_default.storage.store import Store
from animus_simulation.clocks import QueueClock
from animus_simulation.disk import SimulatedFiles
from animus_simulation.loop import SimulatedProcess
from animus_simulation.machine import SimulatedMachine
from animus_simulation.stream import stream
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.record import Attempt, Run

__all__ = ["QueueSnapshot", "RunSnapshot", "read_queue", "read_runs"]

_READER_PID = 9_999_999


class QueueSnapshot(NamedTuple):
    """Entries by id."""

    live: dict[str, Entry]
    finished: dict[str, Finished]

    @property
    def entry_ids(self) -> set[str]:
        return {*self.live, *self.finished}


class RunSnapshot(NamedTuple):
    """A run and its attempts."""

    run: Run
    attempts: list[Attempt]


def read_queue(
    machine: SimulatedMachine, directory: Path, *, without_power: random.Random | None = None
) -> QueueSnapshot:
    """The queue as it is now, or as it would be if the power went now."""
    disk = machine.disk.copy(without_power or stream(0))
    if without_power is not None:
        disk.lose_power()
    process = SimulatedProcess(machine.loop, "reader", _READER_PID)
    store = Store(directory, QueueClock(machine), SimulatedFiles(disk, process, lambda _: None))
    try:
        store.begin()
        page = list_entries(store, QueueClock(machine), limit=2000)
        return QueueSnapshot(
            {entry.entry_id: entry for entry in page.entries}, {item.entry_id: item for item in store.finished()}
        )
    finally:
        store.close()
        process.end()


def read_runs(path: Path) -> dict[str, RunSnapshot]:
    """Every run of the journal, by id."""
    if not path.exists():
        return {}
    journal = Journal(path)
    try:
        rows = journal.connection.execute("SELECT workflow_id FROM runner_run ORDER BY workflow_id").fetchall()
        found: dict[str, RunSnapshot] = {}
        for (run_id,) in rows:
            run = journal.run(run_id)
            if run is not None:
                found[run_id] = RunSnapshot(run, journal.attempts(run_id))
        return found
    finally:
        journal.close()
