"""A few points of the crash matrix in every run of the suite; all of it in the tier soak, or by `matrix.py`."""

import functools
import importlib.util
import json
import random
import shutil
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")

SAMPLE = 4
SEED = 20260101
"""Another seed, other points."""


def _load():
    path = Path(__file__).with_name("matrix.py")
    spec = importlib.util.spec_from_file_location("runner_crash_matrix", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MATRIX = _load()
RESULTS = json.loads(MATRIX.RESULTS.read_text(encoding="utf-8"))


@functools.cache
def wanted(flow: str, idempotency: str):
    """What an undisturbed run of the flow does, and its points."""
    return MATRIX.undisturbed(MATRIX.Point(flow, idempotency, 0))


def known_points():
    return [MATRIX.Point(**row["point"]) for row in RESULTS["outcomes"] if row["name"]]


def sample():
    """Points of some flows, one of each."""
    chosen = random.Random(SEED)  # noqa: S311 - a choice, no secret
    points = known_points()
    flows = chosen.sample(list(MATRIX.FLOWS.FLOWS), SAMPLE)
    return [chosen.choice([point for point in points if point.flow == flow]) for flow in flows]


def require(point):
    if MATRIX.FLOWS.FLOWS[point.flow].needs_git and shutil.which("git") is None:
        pytest.skip("git is not installed")
    ended, passed = wanted(point.flow, point.idempotency)
    outcome = MATRIX.run_point(point, ended)
    assert outcome.faults == [], f"{outcome.name}: {outcome.faults}"
    assert outcome.name or point.number > len(passed), "nobody was killed"


@pytest.mark.parametrize("point", sample(), ids=lambda point: "-".join(map(str, point)))
def test_killed_runner_is_followed_by_one_that_loses_and_doubles_nothing(point):
    require(point)


@pytest.mark.soak
@pytest.mark.parametrize("idempotency", MATRIX.IDEMPOTENCY)
@pytest.mark.parametrize("flow", MATRIX.FLOWS.FLOWS)
def test_every_point_of_a_flow_loses_and_doubles_nothing(flow, idempotency):
    for number in range(1, len(wanted(flow, idempotency)[1]) + 1):
        require(MATRIX.Point(flow, idempotency, number))


def test_the_kept_matrix_is_whole_and_has_no_fault():
    outcomes = RESULTS["outcomes"]
    assert [row for row in outcomes if row["faults"]] == []
    assert len(outcomes) == RESULTS["possible"] >= 1000
    reached = {(row["point"]["flow"], row["point"]["idempotency"]) for row in outcomes}
    assert reached == {(flow, idempotency) for flow in MATRIX.FLOWS.FLOWS for idempotency in MATRIX.IDEMPOTENCY}
