"""A process with everything it started: find it, signal it, make sure it is gone.

Descendants are found in four ways, because each alone can be escaped: the process group, the session, the chain of
parents, and the mark in the environment (which survives ``setsid`` and the death of every parent, but only Linux shows
it). Nothing is signalled whose identity is not proven: a pid with another start time is somebody else's process.
"""

import os
import signal
from collections.abc import Collection, Sequence

from animus_process.clock import Clock, SystemClock
from animus_process.record import ProcessRecord, mark_in
from animus_process.system import ProcessRow, environment_of, may_be_younger, process_table, reap, row_of, send_signal

__all__ = [
    "KILL_SECONDS",
    "TERM_SECONDS",
    "is_tree_gone",
    "kill_tree",
    "reap_orphans",
    "signal_tree",
    "signal_trees",
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


def _roots(records: Sequence[ProcessRecord], table: dict[int, ProcessRow]) -> list[set[int]]:
    """For each record the pids that belong to it by themselves: as root, by group or session, by mark."""
    found: list[set[int]] = [set() for _ in records]
    numbers: dict[int, set[int]] = {}
    marks: dict[str, set[int]] = {}
    for pids, record in zip(found, records, strict=True):
        root = table.get(record.pid)
        if root is not None and _is_root(root, record):
            pids.add(root.pid)
        if _may_trust_group(table, record):
            numbers[record.pid] = pids
        if record.mark:
            marks[record.mark] = pids
    oldest = min((record.start_time for record in records if record.mark), key=_ticks, default=None)
    for row in table.values():
        for number in (row.group, row.session):
            if number in numbers:
                numbers[number].add(row.pid)
        # Spares reading the environment of everything that ran before the recorded processes did.
        if marks and may_be_younger(row, oldest):
            marked = marks.get(mark_in(environment_of(row.pid)))
            if marked is not None:
                marked.add(row.pid)
    return found


def _ticks(start_time: str | None) -> tuple[bool, int]:
    """Sorts start times, the unknown first."""
    ticks = (start_time or "").rpartition(":")[2]
    return ticks.isdigit(), int(ticks) if ticks.isdigit() else 0


def _members(records: Sequence[ProcessRecord]) -> list[list[ProcessRow]]:
    """The rows of each tree, zombies included, by one look at all processes; the root first when it is there."""
    table = process_table()
    children: dict[int, list[int]] = {}
    for row in table.values():
        children.setdefault(row.parent, []).append(row.pid)
    ourselves = _ourselves(table)
    trees: list[list[ProcessRow]] = []
    for record, pids in zip(records, _roots(records, table), strict=True):
        pending = list(pids)
        while pending:
            new = [pid for pid in children.get(pending.pop(), ()) if pid not in pids]
            pids.update(new)
            pending += new
        trees.append(sorted((table[pid] for pid in pids - ourselves), key=lambda row: row.pid != record.pid))
    return trees


def _ourselves(table: dict[int, ProcessRow]) -> set[int]:
    """This process and its parents: never part of a tree that we end."""
    pids = {0, 1}
    pid = os.getpid()
    while pid not in pids:
        pids.add(pid)
        row = table.get(pid)
        pid = 0 if row is None else row.parent
    return pids


def _living(members: Sequence[ProcessRow], root: int, *, reap_root: bool) -> list[ProcessRow]:
    """The members that still run; dead ones that became our children are collected on the way."""
    living: list[ProcessRow] = []
    for row in members:
        if not row.is_zombie:
            living.append(row)
        elif row.parent == os.getpid() and (reap_root or row.pid != root):
            # The root's status belongs to whoever started it (a Popen object would lose it).
            reap(row.pid)
    return living


def signal_trees(
    wanted: Sequence[tuple[ProcessRecord, signal.Signals | None]], *, reap_root: bool = False
) -> list[int]:
    """Signal many trees after one look at the processes of the machine. Does not wait.

    Orphans that became children of this process are collected; a root's own exit status is left to its parent.

    Args:
        wanted: the trees, each with the signal for every living member of it; None only looks.
        reap_root: also collect the exit status of the roots; for callers without Popen objects of them.

    Returns:
        For each tree how many members lived; 0 says that it is gone.
    """
    counts: list[int] = []
    for (record, number), members in zip(wanted, _members([record for record, _ in wanted]), strict=True):
        living = _living(members, record.pid, reap_root=reap_root)
        counts.append(len(living))
        if number is not None:
            for row in living:
                send_signal(row, number)
    return counts


def signal_tree(record: ProcessRecord, number: signal.Signals) -> int:
    """Send a signal to every living member of one tree; returns how many there were. Does not wait."""
    return signal_trees([(record, number)])[0]


def is_tree_gone(record: ProcessRecord) -> bool:
    """Whether no member of the tree runs any more; see `signal_trees`. Does not wait."""
    return signal_trees([(record, None)]) == [0]


def wait_gone(record: ProcessRecord, seconds: float, clock: Clock, *, kill: bool, reap_root: bool = False) -> bool:
    """Wait until the tree is gone, with `kill` while sending SIGKILL to what is left; whether it went."""
    deadline = clock.monotonic() + seconds
    pause = _FIRST_POLL_SECONDS
    seen: set[ProcessRow] = set()
    while True:
        # Again on every look: a member may have forked between the look and the signal.
        living = _living(_members([record])[0], record.pid, reap_root=reap_root)
        for row in living if kill else ():
            send_signal(row, signal.SIGKILL)
        # A dying process loses its environment, and with it its mark, before it lets go of its files.
        seen = {row for row in seen.union(living) if _runs(row)}
        if not living and not seen:
            return True
        if clock.monotonic() >= deadline:
            return False
        clock.sleep(pause)
        pause = min(pause * 2, _LAST_POLL_SECONDS)


def _runs(row: ProcessRow) -> bool:
    now = row_of(row.pid)
    return now is not None and not now.is_zombie and now.start_time == row.start_time


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
