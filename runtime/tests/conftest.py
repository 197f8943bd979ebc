"""Real plugin processes for the tests, and a loop with a bound."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from animus_plugin_protocol.wire.lifecycle import EnvRequirement, PluginManifest
from animus_plugin_runtime.candidate import Candidate
from animus_plugin_runtime.handshake import HostOffer
from animus_plugin_runtime.running import Launch, RunningPlugin, launch_plugin
from animus_process import ProcessLedger

WAIT_SECONDS = 60.0
MISBEHAVING = Path(__file__).parent / "programs" / "misbehaving.py"


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end, within a bound."""

    def bounded(coroutine: Coroutine[Any, Any, Any]) -> Any:
        async def main() -> Any:
            async with asyncio.timeout(WAIT_SECONDS):
                return await coroutine

        return asyncio.run(main())

    return bounded


@pytest.fixture
def ledger(tmp_path: Path) -> ProcessLedger:
    return ProcessLedger(tmp_path / "state" / "processes")


@pytest.fixture
def candidate() -> Callable[..., Candidate]:
    def make(*switches: str, name: str = "misbehaving", env: tuple[str, ...] = (), kind: str = "custom") -> Candidate:
        manifest = PluginManifest(
            name=f"animus-{name}",
            version="1.0.0",
            plugin_kind=kind,
            description="",
            protocol_version="1.1.0",
            env_required=[EnvRequirement(name=variable) for variable in env],
        )
        return Candidate(
            name=name,
            source="user",
            argv=(sys.executable, "-P", str(MISBEHAVING), *switches),
            path=MISBEHAVING,
            fingerprint="",
            manifest=manifest,
        )

    return make


@pytest.fixture
def start(candidate: Any, ledger: ProcessLedger, tmp_path: Path) -> Callable[..., Coroutine[Any, Any, RunningPlugin]]:
    """Start the misbehaving plugin with switches."""

    async def launch(*switches: str, name: str = "misbehaving", **options: Any) -> RunningPlugin:
        env = options.pop("env", ())
        plugin = candidate(*switches, name=name, env=env)
        project = options.pop("project_root", tmp_path)
        return await launch_plugin(Launch(plugin, options.pop("offer", HostOffer()), project, ledger, **options))

    return launch


@pytest.fixture
def is_running() -> Callable[[int], bool]:
    def runs(pid: int) -> bool:
        try:
            done = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False)
        except OSError:
            pytest.skip("this machine has no ps")
        return bool(done.stdout.strip()) and not done.stdout.strip().startswith("Z")

    return runs


@pytest.fixture
def wait_until() -> Callable[..., None]:
    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true in time"
            time.sleep(0.005)

    return wait
