"""Start-up is a budget: what is not needed for the handshake is not imported for it."""

import importlib.metadata
import subprocess
import sys

from animus_provider_oai.provider import VERSION

_SLOW = {
    "asyncio",
    "dataclasses",
    "httpx",
    "importlib.metadata",
    "json.tool",
    "logging",
    "ssl",
    "subprocess",
    "tempfile",
}
_SHOW = "import sys; from animus_provider_oai import __main__, provider; provider.build(); print(*sys.modules)"


def _modules(code):
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_handshake_imports_nothing_slow():
    assert _SLOW & (_modules(_SHOW) - _modules("import sys; print(*sys.modules)")) == set()


def test_version_is_the_distributions():
    assert importlib.metadata.version("animus-provider-oai") == VERSION
