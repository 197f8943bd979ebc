"""The twin: one command for each requirement it can break."""

import sys
from pathlib import Path

import pytest

TWIN = str(Path(__file__).with_name("twin"))


@pytest.fixture
def twin():
    def command(defect=None, *, concerns=None):
        switches = [] if defect is None else [f"--break={defect}"]
        # What is asked of a provider that cannot ask back; the others need one that can.
        return [sys.executable, "-S", TWIN, *switches, *(["--mute"] if concerns == "provider:run:approvals" else [])]

    return command
