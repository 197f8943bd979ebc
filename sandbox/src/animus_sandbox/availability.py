"""Whether this machine can build the sandbox, found out by building one."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from animus_sandbox.errors import SandboxUnavailableError
from animus_sandbox.inside.syscalls import MACHINES

__all__ = ["MINIMUM_VERSION", "NAMESPACES", "Bubblewrap", "require_bubblewrap", "sandbox_problems"]

MINIMUM_VERSION: Final = (0, 8, 0)
"""The first with ``--disable-userns``."""
NAMESPACES: Final = (
    "--unshare-user",
    "--unshare-ipc",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-uts",
    "--unshare-cgroup",
    "--disable-userns",
)
_TRIAL_SECONDS: Final = 10.0
_VERSION: Final = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


class Bubblewrap(NamedTuple):
    """A bubblewrap that was seen to work."""

    program: Path
    version: tuple[int, int, int]


def require_bubblewrap(path: str | None = None) -> Bubblewrap:
    """Find bubblewrap and try it.

    Args:
        path: where to look, as in ``PATH``; None takes ``PATH``.

    Raises:
        SandboxUnavailableError: it is missing, too old, or does not work here; the message says which and what to do.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailableError(f"the sandbox needs Linux; this is {sys.platform!r}")
    machine = os.uname().machine
    if machine not in MACHINES:
        raise SandboxUnavailableError(
            f"the sandbox has no system call filter for machine {machine!r}, only for {', '.join(MACHINES)}"
        )
    found = shutil.which("bwrap", path=path)
    if found is None:
        raise SandboxUnavailableError("bwrap is not in PATH; install bubblewrap (apt-get install bubblewrap)")
    program = Path(found).resolve()
    version = _version_of(program)
    if version < MINIMUM_VERSION:
        raise SandboxUnavailableError(
            f"bubblewrap {_text(version)} ({str(program)!r}) is too old; install {_text(MINIMUM_VERSION)} or newer"
        )
    trial = _run([str(program), *NAMESPACES, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"])
    if trial.returncode != 0:
        said = trial.stderr.strip() or f"exit code {trial.returncode}"
        raise SandboxUnavailableError(
            f"bubblewrap {_text(version)} does not work here: {said}; allow user namespaces "
            "(sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, or an AppArmor profile for bwrap)"
        )
    return Bubblewrap(program, version)


def sandbox_problems(path: str | None = None) -> list[str]:
    """What keeps this machine from building the sandbox, for people; empty when nothing does."""
    try:
        require_bubblewrap(path)
    except SandboxUnavailableError as error:
        return [str(error)]
    return []


def _version_of(program: Path) -> tuple[int, int, int]:
    done = _run([str(program), "--version"])
    found = _VERSION.search(done.stdout)
    if found is None:
        raise SandboxUnavailableError(f"{str(program)!r} does not say its version: {done.stdout.strip()!r}")
    return int(found[1]), int(found[2]), int(found[3] or 0)


def _run(argv: list[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            argv,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env={"PATH": os.defpath},
            timeout=_TRIAL_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxUnavailableError(f"{argv[0]!r} cannot be run: {error}") from error


def _text(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
