"""Many runs share a runner, its commits and its death: each of them goes on as if it had been alone."""

import importlib.util
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")

RUNS = [f"k{number}" for number in range(12)]
FLOW = "commands, one of which reworks another"
EFFECTS = ("one.attempt-1", "two.attempt-1", "one.attempt-2", "two.attempt-2", "three.attempt-1")


def _load():
    path = Path(__file__).with_name("scene.py")
    spec = importlib.util.spec_from_file_location("runner_crash_scene", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCENE = _load()


@pytest.fixture
def scene():
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    made = SCENE.Scene(folder, FLOW, "idempotent")
    yield made
    made.stop()
    assert SCENE.left_behind(made) == []
    shutil.rmtree(folder)


def ended(host, run: str) -> set[str]:
    """The ledger's lines of attempts that the journal has as ended."""
    try:
        rows = host.call("workflow/inspect", {"what": "run", "workflow_id": run})["value"]["attempts"]
    except SCENE.CONFTEST.RpcError:
        return set()  # it died before the run was known
    return {f"{run} {row['path']}.attempt-{row['attempt']}" for row in rows if row["status"] != "running"}


def finish_all(host, requests: list[int]) -> list[str]:
    return [host.finish(request)["workflow_status"] for request in requests]


@pytest.mark.parametrize("number", [5, 90, 220])
def test_runs_of_a_killed_runner_all_go_on_and_repeat_nothing_that_was_committed(scene, number):
    first = scene.start(number)
    first.initialize()
    asked = [first.begin_execute("w", workflow_id=run) for run in RUNS]
    with pytest.raises(ConnectionError):
        finish_all(first, asked)
    second = scene.start(None)
    second.initialize()
    committed = {line for run in RUNS for line in ended(second, run)}
    before = scene.effects()
    asked = [second.begin_execute("w", workflow_id=run) for run in RUNS]
    assert finish_all(second, asked) == ["completed"] * len(RUNS)
    after = scene.effects()
    assert set(after) == {f"{run} {effect}" for run in RUNS for effect in EFFECTS}
    assert [line for line in committed if after[line] > before[line]] == []
    again = Counter(line.partition(" ")[0] for line, count in after.items() for _ in range(count - 1))
    assert max(again.values(), default=0) <= 1, "of each run at most the attempt that was open was begun again"
