"""Start-up is a budget: what is not needed for the handshake is not imported for it."""

import importlib.metadata
import subprocess
import sys

from animus_subject_default.backend import VERSION

_SLOW = {"asyncio", "dataclasses", "importlib.metadata", "logging", "sqlite3", "subprocess", "tempfile"}
_SHOW = "import sys; from animus_subject_default import __main__, backend; backend.build(); print(*sys.modules)"


def test_handshake_imports_nothing_slow():
    done = subprocess.run([sys.executable, "-P", "-c", _SHOW], capture_output=True, text=True, check=True, timeout=60)
    bare = subprocess.run(
        [sys.executable, "-P", "-c", "import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert _SLOW & (set(done.stdout.split()) - set(bare.stdout.split())) == set()


def test_version_is_the_distributions():
    assert importlib.metadata.version("animus-subject-default") == VERSION
