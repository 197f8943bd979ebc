"""The first program inside: opens the bridge, sets the limits, closes what is left open, becomes the agent."""

import json
import os
import resource
import sys
from typing import Any, Final, NoReturn

from animus_sandbox.inside.bridge import start_bridge
from animus_sandbox.inside.syscalls import deny_system_calls

__all__ = ["LIMITS", "main"]

_FAILED: Final = 125
LIMITS: Final = {
    "memory": resource.RLIMIT_DATA,
    "processes": resource.RLIMIT_NPROC,
    "files": resource.RLIMIT_NOFILE,
    "cpu": resource.RLIMIT_CPU,
    "core": resource.RLIMIT_CORE,
}
"""Memory is what a process may write to: JavaScript engines reserve far more address space than they use."""


def main() -> NoReturn:
    """``start.py SETTINGS PROGRAM ARGUMENT...``; SETTINGS is ``{"limits": {name: n}, "bridges": [[port, path]]}``."""
    settings: dict[str, Any] = json.loads(sys.argv[1])
    program = sys.argv[2:]
    try:
        if settings["bridges"]:
            start_bridge([(port, path) for port, path in settings["bridges"]])
        deny_system_calls()
        for name, value in settings["limits"].items():
            _limit(LIMITS[name], value)
    except OSError as error:
        _fail(f"the sandbox could not be set up: {error}")
    try:
        os.execvp(program[0], program)  # noqa: S606 - a list, no shell
    except OSError as error:
        _fail(f"program {program[0]!r} cannot be started inside: {error}; name its folder as readable")


def _limit(number: int, value: int) -> None:
    _, hard = resource.getrlimit(number)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(number, (value, value))


def _fail(reason: str) -> NoReturn:
    sys.stderr.write(f"animus-sandbox: {reason}\n")
    sys.stderr.flush()
    os._exit(_FAILED)
