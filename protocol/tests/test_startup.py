"""Start-up is a budget: what a plugin's process imports."""

import json
import os
import subprocess
import sys

import pytest

EXPENSIVE = {
    "asyncio",
    "click",
    "concurrent.futures",
    "difflib",
    "http",
    "importlib.metadata",
    "json",
    "logging",
    "portalocker",
    "queue",
    "selectors",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "traceback",
}

REPORT = """
import sys
loaded = sorted(sys.modules)
import json
print(json.dumps(loaded), file=sys.stderr)
"""

UNMEASURED = {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}
"""Measuring coverage imports what is counted here."""


def modules_after(code: str) -> set[str]:
    """What a fresh interpreter has imported after some code, besides what it imports by itself."""
    environment = {**os.environ, **UNMEASURED}

    def run(text: str) -> set[str]:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                text + REPORT,
            ],
            env=environment,
            capture_output=True,
            check=True,
        )
        return set(json.loads(done.stderr.splitlines()[-1]))

    return run(code) - run("pass")


def test_importing_the_protocol_imports_nothing_expensive():
    assert modules_after("import animus_plugin_protocol.plugin") & EXPENSIVE == set()


def test_the_protocol_itself_does_not_need_inspect():
    """msgspec imports it through typing_extensions where that is installed; nothing of ours adds to that."""
    code = "import sys; sys.modules['typing_extensions'] = None\nimport animus_plugin_protocol.plugin"
    assert modules_after(code) & {*EXPENSIVE, "inspect", "ast", "dataclasses"} == set()


def test_importing_the_protocol_imports_no_kind():
    kinds = {
        f"animus_plugin_protocol.wire.{kind}"
        for kind in (
            "queue",
            "queue_v2",
            "provider",
            "subject",
            "workflow_runner",
            "workflow_journal",
            "config_source",
            "control",
        )
    }
    assert modules_after("import animus_plugin_protocol.plugin") & kinds == set()


SMALL_QUEUE = """
import sys
from animus_plugin_protocol import Plugin, Context, methods
from animus_plugin_protocol.wire.queue import QueueStats
plugin = Plugin('animus-small', '1.2.3')
@plugin.register_method(methods.QUEUE_STATS{inline})
def stats(params: None) -> QueueStats:
    return QueueStats(total=0, pending=0, assigned=0, held=0)
code = plugin.run()
loaded = sorted(sys.modules)
import json
print(json.dumps(loaded), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("inline", ["", ", inline=True"])
def test_a_plugin_without_async_handlers_never_imports_asyncio(run_process, inline):
    host = run_process([sys.executable, "-c", SMALL_QUEUE.format(inline=inline)], UNMEASURED)
    host.handshake()
    assert host.result("queue/stats")["total"] == 0
    host.result("health/check")
    host.error("no/such")
    loaded = set(json.loads(host.stderr().splitlines()[-1]))
    assert loaded & (EXPENSIVE - {"json"}) == set()
    assert "animus_plugin_protocol.wire.queue" in loaded
    assert "animus_plugin_protocol.wire.provider" not in loaded


def test_an_idle_plugin_starts_no_worker(probe, run_in_thread):
    import threading

    before = {thread.name for thread in threading.enumerate()}
    host = run_in_thread(probe.build("threads"))
    host.handshake()
    host.result("$/ping")
    host.result("probe/inline", {"text": "x"})
    started = {thread.name for thread in threading.enumerate()} - before
    assert not any(name.startswith("animus-") for name in started)
