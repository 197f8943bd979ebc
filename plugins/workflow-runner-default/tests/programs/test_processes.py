"""Places for programs."""

import asyncio

from animus_process import ProcessLedger
from animus_workflow_runner_default.programs import processes
from animus_workflow_runner_default.programs.descriptors import places
from animus_workflow_runner_default.programs.processes import Processes


def test_no_more_programs_run_than_there_are_descriptors_for(monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "places", lambda: 2)

    async def run() -> int:
        shared, inside, most = Processes(ProcessLedger(tmp_path)), 0, 0

        async def program() -> None:
            nonlocal inside, most
            async with shared.place():
                inside += 1
                most = max(most, inside)
                for _ in range(9):
                    await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*(program() for _ in range(9)))
        return most

    assert asyncio.run(run()) == 2


def test_old_default_limit_leaves_room_for_three_hundred(monkeypatch):
    monkeypatch.setattr("resource.getrlimit", lambda _what: (1024, 1024))
    assert places() >= 300
