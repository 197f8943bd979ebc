"""What a plugin costs: cold start, memory at rest, the slowest answers. Reported, never judged."""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from animus_conformance.requirement import Outcome
from animus_conformance.suite import requirement_named
from animus_conformance.under_test import PluginUnderTest
from animus_plugin_protocol import methods

__all__ = ["budgets"]

_STARTS: Final = 5
_CALLS: Final = 200
_PERCENTILE: Final = 0.99


def budgets(command: Sequence[str], outcomes: Sequence[Outcome] = ()) -> dict[str, Any]:
    """Milliseconds from spawn to the answer of ``initialize``, resident KiB after it, p99 milliseconds per method.

    Methods of the plugin's kinds are measured where the checks of that kind called them; what goes wrong on purpose in
    other checks does not count.

    Raises:
        CheckFailedError: the plugin does not complete the handshake.
        OSError: the command cannot be started.
    """
    starts: list[float] = []
    resident: int | None = None
    with tempfile.TemporaryDirectory(prefix="animus-conformance-", ignore_cleanup_errors=True) as folder:
        plugin = PluginUnderTest(command, Path(folder))
        for _ in range(_STARTS):
            began = time.monotonic()
            with plugin.start() as peer:
                plugin.open(peer)
                starts.append(time.monotonic() - began)
                resident = _resident_kib(peer.pid)
        with plugin.started() as peer:
            for _ in range(_CALLS):
                peer.request(methods.PING)
                peer.request(methods.HEALTH_CHECK)
    measured = {method: list(times) for method, times in plugin.latencies.items()}
    for outcome in outcomes:
        requirement = requirement_named(outcome.requirement_id)
        if requirement is not None and requirement.kind is not None:
            for method, times in outcome.latencies.items():
                measured.setdefault(method, []).extend(times)
    return {
        "cold_start_ms": round(statistics.median(starts) * 1000, 1),
        "resident_kib": resident,
        "p99_ms": {method: round(_p99(times) * 1000, 3) for method, times in sorted(measured.items())},
        "calls": {method: len(times) for method, times in sorted(measured.items())},
    }


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[int((len(times) - 1) * _PERCENTILE)]


def _resident_kib(pid: int) -> int | None:
    """None where the system does not tell (it tells below /proc on Linux)."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    lines = status.read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), None)
