"""The plugin keeps the protocol; its agent is the program that replays."""

import sys
from pathlib import Path

from animus_conformance.pytest_suite import conformance_suite

_PROGRAM = Path(__file__).parent / "programs" / "claude"

test_conformance = conformance_suite(
    "env", f"ANIMUS_CLAUDE_PROGRAM={_PROGRAM}", sys.executable, "-P", "-m", "animus_provider_claude"
)
