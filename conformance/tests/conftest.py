"""The twin: one command for each defect it can have."""

import sys
from pathlib import Path

import pytest


@pytest.fixture
def twin():
    return lambda defect="none": [sys.executable, str(Path(__file__).with_name("twin.py")), defect]
