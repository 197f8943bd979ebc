"""A few points of the crash matrix; all of them: ``python tests/e2e/crash/matrix.py``."""

import importlib.util
import json
import random
import sys
from pathlib import Path

import pytest

CRASH = Path(__file__).with_name("crash")
SAMPLE = 6
SEED = 20260101
"""Another seed, other points."""


def _load():
    spec = importlib.util.spec_from_file_location("crash_matrix", CRASH / "matrix.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MATRIX = _load()
RESULTS = json.loads(MATRIX.RESULTS.read_text(encoding="utf-8"))


def _sample():
    """Each who is killed at least once, at frames of the dispatch itself."""
    chosen = random.Random(SEED)  # noqa: S311 - a choice, no secret
    victims = [*MATRIX.VICTIMS, *chosen.choices(MATRIX.VICTIMS, k=SAMPLE - len(MATRIX.VICTIMS))]
    return [
        MATRIX.Point(
            victim,
            chosen.randint(MATRIX.DELAYED, RESULTS["frames"]),
            MATRIX.IDEMPOTENCY[number % 2],
            chosen.choice([0.0, MATRIX.DELAY_SECONDS]),
        )
        for number, victim in enumerate(victims)
    ]


@pytest.mark.ci
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
@pytest.mark.parametrize("point", _sample(), ids=lambda point: "-".join(map(str, point)))
def test_nothing_is_lost_or_doubled_and_the_end_is_told(point):
    outcome = MATRIX.run_point(point)
    assert outcome.faults == []
    assert outcome.frame, "nobody was killed"
    assert outcome.end in {"completed", "paused"}


def test_the_kept_matrix_is_whole_and_has_no_fault():
    outcomes = RESULTS["outcomes"]
    assert [row for row in outcomes if row["faults"]] == []
    assert len(outcomes) == RESULTS["possible"] > 200
    assert {row["point"]["victim"] for row in outcomes} == set(MATRIX.VICTIMS)
