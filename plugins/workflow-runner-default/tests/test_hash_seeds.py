"""What is compiled, asked and written does not depend on the order of sets, which differs from process to process."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "corpus" / "printing.py"
SEEDS = 50
SECONDS = 120
PRINTED = 100
"""At least so many things are compared."""


def printed(home: Path, seed: int) -> dict[str, str]:
    shutil.rmtree(home, ignore_errors=True)
    for name in ("all", "one"):
        (home / name).mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-P", str(PROGRAM), str(home)],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) >= PRINTED
    return dict(lines)


def require_equal(home: Path, seeds) -> None:
    first, *others = (printed(home, seed) for seed in seeds)
    for other in others:
        assert {name for name in first.keys() | other.keys() if first.get(name) != other.get(name)} == set()


def test_three_seeds_give_the_same_bytes(tmp_path):
    require_equal(tmp_path / "home", (1, 2, 3))


@pytest.mark.ci
def test_fifty_seeds_give_the_same_bytes(tmp_path):
    require_equal(tmp_path / "home", range(SEEDS))
