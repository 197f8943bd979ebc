import os
import signal
import sys

import pytest

from animus_process import (
    ProcessRecord,
    is_tree_gone,
    kill_tree,
    signal_tree,
    signal_trees,
    stop_tree,
    tree,
)

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux shows environments (/proc)")

# Each program writes the pids of its family to $PIDS and then waits for ever.
NOTE = """
import os, signal, subprocess, sys, time
def note():
    with open(os.environ["PIDS"], "a") as file:
        file.write(f"{os.getpid()}\\n")
def stay():
    note()
    while True: time.sleep(60)
"""
GRANDCHILD = NOTE + "\nif os.fork() == 0: stay()\nstay()"
SETSID_GRANDCHILD = NOTE + "\nif os.fork() == 0:\n    os.setsid()\n    stay()\nstay()"
DAEMON = (
    NOTE
    + """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: stay()
    os._exit(0)
os.wait()
stay()"""
)
IGNORES_TERM = (
    NOTE
    + """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0: stay()
stay()"""
)
LEAVES_DAEMON = DAEMON.replace("os.wait()\nstay()", "os.wait()\nnote()")


@pytest.mark.parametrize("program", [GRANDCHILD, SETSID_GRANDCHILD, IGNORES_TERM], ids=["group", "setsid", "no-term"])
def test_stop_tree_leaves_no_descendant(spawn, is_running, program):
    family = spawn(program)
    pids = family.descendants(2)
    record = family.record()
    assert not is_tree_gone(record)
    assert stop_tree(record, term_seconds=0.2)
    assert is_tree_gone(record)
    assert not any(is_running(pid) for pid in pids)


@linux_only
@pytest.mark.parametrize("program", [DAEMON, LEAVES_DAEMON], ids=["root-alive", "root-gone"])
def test_kill_tree_finds_daemons_by_their_mark(spawn, is_running, program):
    family = spawn(program, open_gate=False)
    record = family.record()
    family.child.stdin.write(b"\n")
    family.child.stdin.flush()
    pids = family.descendants(2)
    if program is LEAVES_DAEMON:
        family.child.wait()
    assert kill_tree(record)
    assert not any(is_running(pid) for pid in pids)


def test_stop_tree_leaves_the_exit_status_to_popen(spawn):
    family = spawn(GRANDCHILD)
    family.descendants(2)
    assert stop_tree(family.record(), term_seconds=60)
    assert family.child.wait() == -signal.SIGTERM


def test_stop_tree_collects_the_root_when_asked(spawn):
    family = spawn(GRANDCHILD)
    family.descendants(2)
    assert kill_tree(family.child.pid, reap_root=True)
    with pytest.raises(ChildProcessError):
        os.waitpid(family.child.pid, os.WNOHANG)
    family.child.returncode = 0


def test_signal_tree_does_not_wait_and_counts(spawn, wait_until):
    family = spawn(GRANDCHILD)
    family.descendants(2)
    record = family.record()
    assert signal_tree(record, signal.SIGTERM) == 2
    wait_until(lambda: is_tree_gone(record))


def test_process_with_another_start_time_is_never_touched(spawn, is_running):
    family = spawn(GRANDCHILD)
    pids = family.descendants(2)
    stranger = family.record()._replace(start_time="long ago", mark="")
    assert signal_tree(stranger, signal.SIGKILL) == 0
    assert is_tree_gone(stranger)
    assert kill_tree(stranger)
    assert all(is_running(pid) for pid in pids)


def test_record_without_a_start_time_kills_nothing(spawn, is_running):
    family = spawn(GRANDCHILD)
    pids = family.descendants(2)
    assert signal_tree(family.record()._replace(start_time=None, mark=""), signal.SIGKILL) == 0
    assert all(is_running(pid) for pid in pids)


def test_we_and_our_parents_are_never_recorded_or_ended(own_pid):
    for pid in (own_pid, 1, 0, -1):
        with pytest.raises(ValueError, match="never recorded or ended"):
            kill_tree(pid)
    ours = ProcessRecord.of(os.getppid(), mark="")
    assert own_pid not in {row.pid for row in _members(ours)}
    assert os.getppid() not in {row.pid for row in _members(ours)}


def _members(record):
    from animus_process import tree

    return tree._members([record])[0]


class _StoppedClock:
    """Time passes only when somebody waits."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_stop_tree_gives_up_in_bounded_time(spawn):
    from animus_process import tree

    family = spawn(GRANDCHILD)
    family.descendants(2)
    clock = _StoppedClock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree, "send_signal", lambda row, number: False)
        assert not stop_tree(family.record(), term_seconds=3, kill_seconds=4, clock=clock)
    assert 7 <= clock.now < 7.5


def test_many_trees_are_told_apart_by_one_look(spawn, is_running, monkeypatch):
    families = [spawn(SETSID_GRANDCHILD) for _ in range(3)]
    pids = [family.descendants(2) for family in families]
    records = [family.record() for family in families]
    looks: list[int] = []
    look = tree.process_table
    monkeypatch.setattr(tree, "process_table", lambda: looks.append(1) or look())
    wanted = [(records[0], None), (records[1], signal.SIGKILL), (records[2], None)]
    assert signal_trees(wanted) == [2, 2, 2]
    assert len(looks) == 1
    assert [kill_tree(records[1]), is_tree_gone(records[0]), is_tree_gone(records[2])] == [True, False, False]
    assert [any(map(is_running, group)) for group in pids] == [True, False, True]


@linux_only
def test_member_that_no_longer_shows_its_mark_is_waited_for(spawn, is_running, monkeypatch):
    """A process that is ending loses its memory, and the mark in it, before it is gone."""
    family = spawn(LEAVES_DAEMON, open_gate=False)
    record = family.record()
    family.child.stdin.write(b"\n")
    family.child.stdin.flush()
    pids = family.descendants(2)
    family.child.wait()
    looks = []
    real = tree.environment_of
    monkeypatch.setattr(tree, "environment_of", lambda pid: b"" if looks else real(pid))
    members = tree._members
    monkeypatch.setattr(tree, "_members", lambda records: [members(records), looks.append(1)][0])
    assert not tree.wait_gone(record, 0.2, _StoppedClock(), kill=False)
    assert any(is_running(pid) for pid in pids)
    assert len(looks) > 1
    monkeypatch.undo()
    assert kill_tree(record)
