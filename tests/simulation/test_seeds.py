"""A fixed number of seeds for every run of the tests; more: ``python tests/simulation/run.py --seeds 1-1000``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from animus_simulation.faults import brief, draw_plan
from animus_simulation.seeds import run_seed
from animus_simulation.twins import TWINS, plan_of

RUN = Path(__file__).with_name("run.py")
SEEDS = range(1, 6)
FOUND_WITHIN = 25
"""So many seeds at most until a broken twin is noticed; it takes one or two as a rule."""

BOUND_SECONDS = 600


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_ends_with_everything_done_once(seed):
    verdict = run_seed(seed, plan=brief(draw_plan(seed)))

    assert verdict.effects > 0
    assert not verdict.problems, f"again: {verdict.repro} --brief\n" + "\n".join(verdict.problems)


def test_a_seed_repeats_itself_in_any_process():
    def told(hash_seed):
        command = [sys.executable, str(RUN), "--brief", "--seed", "2", "--seed", "4"]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=BOUND_SECONDS
        )
        return [line for line in done.stdout.splitlines() if line.startswith("seed ")]

    first, second = told("1"), told("2")

    assert len(first) == 2
    assert first == second


@pytest.mark.parametrize("broken", TWINS)
def test_a_broken_twin_is_noticed(broken, monkeypatch):
    twin = TWINS[broken]
    twin.take_out(monkeypatch.setattr)

    assert any(
        run_seed(seed, plan=plan_of(twin, seed)).problems
        for seed in range(twin.first_seed, twin.first_seed + FOUND_WITHIN)
    )
