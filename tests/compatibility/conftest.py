"""The scripted plugin of the conformance package, under our host."""

import asyncio
import sys

import pytest

from animus_plugin_protocol.wire.lifecycle import PluginManifest
from animus_plugin_runtime import HostOffer, SupervisedPlugin
from animus_plugin_runtime.candidate import Candidate
from animus_process import ProcessLedger

WAIT_SECONDS = 60.0


@pytest.fixture
def run():
    """Run a coroutine to its end, within a bound."""

    def bounded(coroutine):
        async def main():
            async with asyncio.timeout(WAIT_SECONDS):
                return await coroutine

        return asyncio.run(main())

    return bounded


@pytest.fixture
def findings(tmp_path):
    """What the scripted plugin found wrong with the host; a test that ends with some fails."""
    file = tmp_path / "findings"
    yield file
    assert not file.exists(), file.read_text(encoding="utf-8")


@pytest.fixture
def scripted(tmp_path, findings):
    """The scripted plugin in one manner, not yet started."""

    def make(manner="rust", *switches):
        words = ("-P", "-m", "animus_conformance.scripted_plugin", "--findings", str(findings), "--manner", manner)
        candidate = Candidate(
            name="scripted",
            source="user",
            argv=(sys.executable, *words, *switches),
            path=tmp_path,
            fingerprint="",
            manifest=PluginManifest(
                name="scripted",
                version="1.0.0",
                plugin_kind="provider",
                description="Judges its host.",
                protocol_version="1.1.0",
                capabilities=["agent/run", "agent/cancel"],
            ),
        )
        return SupervisedPlugin(
            candidate,
            HostOffer(name="animus", version="0.1.0"),
            ledger=ProcessLedger(tmp_path / "processes"),
            project_root=tmp_path,
        )

    return make
