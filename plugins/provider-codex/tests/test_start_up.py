"""Start-up is a budget: what is not needed for the handshake is not imported for it."""

import importlib.metadata
import subprocess
import sys

from animus_provider_codex.agent import VERSION

_SLOW = {"asyncio", "dataclasses", "http.client", "importlib.metadata", "logging", "subprocess", "tempfile", "tomllib"}
_SHOW = "import sys; from animus_provider_codex import __main__, agent; agent.build(); print(*sys.modules)"


def _modules(program):
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_handshake_imports_nothing_slow():
    assert _SLOW & (_modules(_SHOW) - _modules("import sys; print(*sys.modules)")) == set()


def test_version_is_the_distributions():
    assert importlib.metadata.version("animus-provider-codex") == VERSION
