"""What the operating system says about processes, and what it is asked to do to them.

Every call that differs between Linux and macOS stands here. Linux answers from ``/proc``; elsewhere ``ps`` does, which
is slower and cannot show the environment of a process.
"""

import enum
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "Liveness",
    "ProcessRow",
    "become_subreaper",
    "environment_of",
    "liveness",
    "may_be_younger",
    "process_table",
    "reap",
    "row_of",
    "send_signal",
    "start_time_of",
]

_PROC = Path("/proc")
_IS_LINUX = sys.platform.startswith("linux")
_PR_SET_CHILD_SUBREAPER = 36
_PS_TIMEOUT_SECONDS = 5.0
_FIELD_STATE, _FIELD_PARENT, _FIELD_GROUP, _FIELD_SESSION, _FIELD_START = 0, 1, 2, 3, 19
_DEAD_STATES = frozenset({b"Z", b"X", b"x"})
_STAT_BYTES = 4096


class Liveness(enum.Enum):
    """What is known about a process that was recorded earlier."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"
    """Something has this pid, and whether it is the recorded process cannot be told."""


class ProcessRow(NamedTuple):
    """One process. `session` is 0 where the system does not tell; `is_zombie`: ended, waiting to be reaped."""

    pid: int
    parent: int
    group: int
    session: int
    is_zombie: bool
    start_time: str


def _boot_id() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "boot"


# A start time counts clock ticks since boot, so that the boot belongs to it; it does not change while we live.
_BOOT = _boot_id() if _IS_LINUX else ""


def _linux_row(pid: int) -> ProcessRow | None:
    # Plain calls: this is read for every process of the machine whenever a command has ended.
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        text = os.read(descriptor, _STAT_BYTES)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    # The name in parentheses may itself hold blanks and parentheses.
    fields = text[text.rfind(b")") + 2 :].split(None, _FIELD_START + 1)
    if len(fields) <= _FIELD_START:
        return None
    return ProcessRow(
        pid,
        int(fields[_FIELD_PARENT]),
        int(fields[_FIELD_GROUP]),
        int(fields[_FIELD_SESSION]),
        fields[_FIELD_STATE] in _DEAD_STATES,
        f"{_BOOT}:{fields[_FIELD_START].decode('ascii')}",
    )


def _ps_rows(*selection: str) -> Iterator[ProcessRow]:
    import subprocess  # noqa: PLC0415 - only where there is no /proc; costs start-up time

    command = ["ps", *selection, "-o", "pid=,ppid=,pgid=,state=,lstart="]
    environment = os.environ | {"LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, timeout=_PS_TIMEOUT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in done.stdout.splitlines():
        fields = line.split(None, 4)
        if len(fields) == len(("pid", "ppid", "pgid", "state", "lstart")):
            pid, parent, group = (int(field) for field in fields[:3])
            yield ProcessRow(pid, parent, group, 0, fields[3][:1].encode() in _DEAD_STATES, " ".join(fields[4].split()))


def row_of(pid: int) -> ProcessRow | None:
    """The process `pid`, or None if there is none."""
    return _linux_row(pid) if _IS_LINUX else next(_ps_rows("-p", str(pid)), None)


def process_table() -> dict[int, ProcessRow]:
    """Every process that can be seen, by pid."""
    if not _IS_LINUX:
        return {row.pid: row for row in _ps_rows("-ax")}
    rows = (_linux_row(int(name)) for name in os.listdir(_PROC) if name.isdigit())  # noqa: PTH208 - as in _linux_row
    return {row.pid: row for row in rows if row is not None}


def start_time_of(pid: int) -> str | None:
    """When the process `pid` started, as text that only compares for equality; None when nothing tells.

    Together with the pid it names one process for ever: a pid is used again, a pid with the same start time is not.
    """
    row = row_of(pid)
    return None if row is None else row.start_time


def may_be_younger(row: ProcessRow, start_time: str | None) -> bool:
    """Whether the process of `row` can have been started by one that started at `start_time`."""
    if not _IS_LINUX or start_time is None:
        return True
    boot, _, ticks = start_time.rpartition(":")
    own_boot, _, own_ticks = row.start_time.rpartition(":")
    return boot != own_boot or int(own_ticks) >= int(ticks)


def liveness(pid: int, start_time: str | None) -> Liveness:
    """Whether the process that had `pid` and `start_time` still runs. A zombie does not run."""
    row = row_of(pid)
    if row is not None:
        if row.is_zombie or (start_time is not None and row.start_time != start_time):
            return Liveness.DEAD
        return Liveness.UNKNOWN if start_time is None else Liveness.ALIVE
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return Liveness.DEAD
    except OSError:
        return Liveness.UNKNOWN
    return Liveness.UNKNOWN


def environment_of(pid: int) -> bytes:
    """The environment `pid` was started with, NUL-separated; empty where the system does not show it."""
    if not _IS_LINUX:
        return b""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as stream:  # noqa: PTH123 - as in _linux_row
            return stream.read()
    except OSError:
        return b""


def send_signal(row: ProcessRow, number: signal.Signals) -> bool:
    """Send a signal to exactly the process of `row`; False when it is gone or may not be signalled.

    Where the system has process descriptors, the start time is checked again after the process is held by one, so
    that a pid which was used again in between is not hit.
    """
    try:
        if not hasattr(os, "pidfd_open"):
            os.kill(row.pid, number)
            return True
        descriptor = os.pidfd_open(row.pid)
    except OSError:
        return False
    try:
        if start_time_of(row.pid) != row.start_time:
            return False
        signal.pidfd_send_signal(descriptor, number)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def reap(pid: int) -> bool:
    """Collect the exit status of `pid` if it is a dead child of ours; never waits."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except OSError:
        return False


def become_subreaper() -> bool:
    """Make orphaned descendants ours instead of init's, so that none escapes; True where the system can (Linux).

    The caller then has to collect them: see `reap_orphans`.
    """
    if not _IS_LINUX:
        return False
    import ctypes  # noqa: PLC0415 - one host process in many needs it; costs start-up time

    try:
        library = ctypes.CDLL(None, use_errno=True)
        return bool(library.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False
