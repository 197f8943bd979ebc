"""A process with everything it started: find it, signal it, make sure it is gone.

Descendants are found in four ways, because each alone can be escaped: the process group, the session, the chain of
parents, and the mark in the environment (which survives ``setsid`` and the death of every parent, but only Linux shows
it). Nothing is signalled whose identity is not proven: a pid with another start time is somebody else's process.
"""

import os
import signal
from collections.abc import Collection

from animus_process.clock import Clock, SystemClock
from animus_process.environment import MARK_VARIABLE
from animus_process.record import ProcessRecord
from animus_process.system import ProcessRow, environment_of, may_be_younger, process_table, reap, send_signal

__all__ = [
    "KILL_SECONDS",
    "TERM_SECONDS",
    "is_tree_gone",
    "kill_tree",
    "reap_orphans",
    "signal_tree",
    "stop_tree",
    "wait_gone",
]

TERM_SECONDS = 5.0
"""How long a tree may take to end after SIGTERM."""

KILL_SECONDS = 5.0
"""How long the system may take to end a tree after SIGKILL."""

_FIRST_POLL_SECONDS = 0.005
_LAST_POLL_SECONDS = 0.1


def _is_root(row: ProcessRow, record: ProcessRecord) -> bool:
    return row.pid == record.pid and record.start_time is not None and row.start_time == record.start_time


def _may_trust_group(table: dict[int, ProcessRow], record: ProcessRecord) -> bool:
    """Whether the group and session numbers of the record still mean the recorded process.

    The system does not give a pid away while a group or session of that number exists. So the numbers are good
    while the leader is there (alive or a zombie), and also when it is gone and nobody took its pid.
    """
    if record.pgid != record.pid:
        return False
    leader = table.get(record.pid)
    return leader is None or _is_root(leader, record)


def _may_carry(row: ProcessRow, record: ProcessRecord) -> bool:
    """Spares reading the environment of everything that ran before the recorded process did."""
    return may_be_younger(row, record.start_time)


def _carries_mark(row: ProcessRow, needle: bytes) -> bool:
    environment = environment_of(row.pid)
    return environment.startswith(needle + b"\0") or b"\0" + needle + b"\0" in environment


def _members(record: ProcessRecord) -> list[ProcessRow]:
    """The rows of the tree, zombies included, the root first when it is there."""
    table = process_table()
    trusted = _may_trust_group(table, record)
    needle = f"{MARK_VARIABLE}={record.mark}".encode() if record.mark else b""
    found: dict[int, ProcessRow] = {}
    for row in table.values():
        in_group = trusted and record.pid in (row.group, row.session)
        if _is_root(row, record) or in_group or (needle and _may_carry(row, record) and _carries_mark(row, needle)):
            found[row.pid] = row
    children: dict[int, list[ProcessRow]] = {}
    for row in table.values():
        children.setdefault(row.parent, []).append(row)
    pending = list(found)
    while pending:
        for row in children.get(pending.pop(), ()):
            if row.pid not in found:
                found[row.pid] = row
                pending.append(row.pid)
    for pid in _ourselves(table):
        found.pop(pid, None)
    return sorted(found.values(), key=lambda row: row.pid != record.pid)


def _ourselves(table: dict[int, ProcessRow]) -> set[int]:
    """This process and its parents: never part of a tree that we end."""
    pids = {0, 1}
    pid = os.getpid()
    while pid not in pids:
        pids.add(pid)
        row = table.get(pid)
        pid = 0 if row is None else row.parent
    return pids


def _living(record: ProcessRecord, *, reap_root: bool = False) -> list[ProcessRow]:
    """The members that still run; dead ones that became our children are collected on the way."""
    living: list[ProcessRow] = []
    for row in _members(record):
        if not row.is_zombie:
            living.append(row)
        elif row.parent == os.getpid() and (reap_root or row.pid != record.pid):
            # The root's status belongs to whoever started it (a Popen object would lose it).
            reap(row.pid)
    return living


def signal_tree(record: ProcessRecord, number: signal.Signals) -> int:
    """Send a signal to every living member of the tree; returns how many got it. Does not wait."""
    return sum(send_signal(row, number) for row in _living(record))


def is_tree_gone(record: ProcessRecord) -> bool:
    """Whether no member of the tree runs any more. Does not wait.

    Orphans that became children of this process are collected; the root's own exit status is left to its parent.
    """
    return not _living(record)


def wait_gone(record: ProcessRecord, seconds: float, clock: Clock, *, kill: bool, reap_root: bool = False) -> bool:
    """Wait until the tree is gone, with `kill` while sending SIGKILL to what is left; whether it went."""
    deadline = clock.monotonic() + seconds
    pause = _FIRST_POLL_SECONDS
    while True:
        living = _living(record, reap_root=reap_root)
        if not living:
            return True
        if kill:
            # Again on every look: a member may have forked between the look and the signal.
            for row in living:
                send_signal(row, signal.SIGKILL)
        if clock.monotonic() >= deadline:
            return False
        clock.sleep(pause)
        pause = min(pause * 2, _LAST_POLL_SECONDS)


def stop_tree(
    record: ProcessRecord,
    *,
    term_seconds: float = TERM_SECONDS,
    kill_seconds: float = KILL_SECONDS,
    clock: Clock | None = None,
    reap_root: bool = False,
) -> bool:
    """End a tree: SIGTERM, a bounded wait, SIGKILL, a bounded wait. Blocks; give it a thread in a loop.

    Args:
        record: the tree.
        term_seconds: how long it may take to end by itself.
        kill_seconds: how long the system may take to end it.
        clock: where time comes from.
        reap_root: also collect the exit status of the root; for callers without a Popen object of it.

    Returns:
        Whether the tree is gone. False means that the system refuses: a process in an uninterruptible wait, or one
        that changed its user.
    """
    clock = clock or SystemClock()
    signal_tree(record, signal.SIGTERM)
    if wait_gone(record, term_seconds, clock, kill=False, reap_root=reap_root):
        return True
    return wait_gone(record, kill_seconds, clock, kill=True, reap_root=reap_root)


def kill_tree(
    target: ProcessRecord | int,
    *,
    kill_seconds: float = KILL_SECONDS,
    clock: Clock | None = None,
    reap_root: bool = False,
) -> bool:
    """End a tree with SIGKILL at once; else as `stop_tree`.

    Args:
        target: a record, or the pid of a running process that this process started.
        kill_seconds: how long the system may take.
        clock: where time comes from.
        reap_root: as for `stop_tree`.

    Raises:
        ValueError: the pid is this process or init.
    """
    record = ProcessRecord.of(target) if isinstance(target, int) else target
    return wait_gone(record, kill_seconds, clock or SystemClock(), kill=True, reap_root=reap_root)


def reap_orphans(owned: Collection[int]) -> list[int]:
    """Collect dead children that nobody waits for, as a subreaper must.

    Args:
        owned: pids whose exit status somebody in this process still wants.

    Returns:
        The pids collected.
    """
    own = os.getpid()
    dead = [row.pid for row in process_table().values() if row.is_zombie and row.parent == own]
    return [pid for pid in dead if pid not in owned and reap(pid)]
