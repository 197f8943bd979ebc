"""The provider suite, with a program in the place of the real one."""

import sys
from pathlib import Path

from animus_conformance.pytest_suite import conformance_suite

_VARIABLES = {
    "ANIMUS_CODEX_PROGRAM": Path(__file__).parent / "fake-codex",
    "ANIMUS_FORWARD_ENV": "FAKE_PYTHON",
    "FAKE_PYTHON": sys.executable,
}

test_conformance = conformance_suite(
    "env",
    *(f"{name}={value}" for name, value in _VARIABLES.items()),
    sys.executable,
    "-P",
    "-m",
    "animus_provider_codex",
)
