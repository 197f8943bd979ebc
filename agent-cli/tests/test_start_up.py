"""Start-up is a budget: what is not needed for the handshake is not imported for it."""

import subprocess
import sys

_SLOW = {"animus_process", "animus_sandbox", "asyncio", "dataclasses", "logging", "subprocess", "tempfile"}


def test_package_imports_nothing_slow():
    show = "import animus_agent_cli, sys; print(*sys.modules)"
    done, bare = (
        subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60)
        for code in (show, "import sys; print(*sys.modules)")
    )
    assert _SLOW & (set(done.stdout.split()) - set(bare.stdout.split())) == set()
