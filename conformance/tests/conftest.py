"""The twin: one command for each requirement it can break."""

import sys
from pathlib import Path

import pytest

TWIN = str(Path(__file__).with_name("twin"))


@pytest.fixture
def twin():
    def command(defect=None):
        return [sys.executable, "-S", TWIN, *([] if defect is None else [f"--break={defect}"])]

    return command
