"""Real processes for the tests, ended after each of them whatever happens."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from animus_process import (
    MARK_VARIABLE,
    ProcessLedger,
    ProcessRecord,
    child_environment,
    gated,
    kill_tree,
    new_mark,
    release_gate,
)

WAIT_SECONDS = 60.0


class Family:
    """A started process and the file its descendants write their pids to."""

    def __init__(self, child: "subprocess.Popen[bytes]", mark: str, pids: Path) -> None:
        self.child = child
        self.mark = mark
        self.pids = pids

    def record(self) -> ProcessRecord:
        return ProcessRecord.of(self.child.pid, mark=self.mark)

    def descendants(self, count: int) -> list[int]:
        """The pids written so far, once there are `count`."""
        wait_for(lambda: self.pids.exists() and len(self.pids.read_text().split()) >= count)
        return [int(word) for word in self.pids.read_text().split()]


def wait_for(condition: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)


def runs(pid: int) -> bool:
    """Whether `pid` is there and no zombie."""
    try:
        stat = subprocess.run(
            ["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        pytest.skip("this machine has no ps")
    return bool(stat.strip()) and not stat.strip().startswith("Z")


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., Family]]:
    """Start a Python program in its own session, through the gate; ``PIDS`` names the file for pids."""
    families: list[Family] = []

    def start(source: str, *, open_gate: bool = True) -> Family:
        mark = new_mark()
        pids = tmp_path / f"pids-{mark}"
        child = subprocess.Popen(
            gated([sys.executable, "-S", "-c", source]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment({MARK_VARIABLE: mark, "PIDS": str(pids)}),
            start_new_session=True,
        )
        family = Family(child, mark, pids)
        families.append(family)
        if open_gate and child.stdin is not None:
            release_gate(child.stdin)
        return family

    yield start
    for family in families:
        kill_tree(ProcessRecord.of(family.child.pid, mark=family.mark))
        family.child.communicate(timeout=WAIT_SECONDS)


@pytest.fixture
def ledger(tmp_path: Path) -> ProcessLedger:
    return ProcessLedger(tmp_path / "processes")


@pytest.fixture
def wait_until() -> Callable[..., None]:
    return wait_for


@pytest.fixture
def is_running() -> Callable[[int], bool]:
    return runs


@pytest.fixture
def own_pid() -> int:
    return os.getpid()
