import os
import subprocess
import sys

import pytest

from animus_process import Liveness, become_subreaper, liveness, start_time_of


def test_start_time_is_stable_and_tells_processes_apart(spawn, own_pid):
    family = spawn("import sys; sys.stdin.read()")
    assert start_time_of(own_pid) == start_time_of(own_pid) is not None
    assert start_time_of(family.child.pid) != start_time_of(own_pid)


def test_liveness_has_three_values(own_pid):
    assert liveness(own_pid, start_time_of(own_pid)) is Liveness.ALIVE
    assert liveness(own_pid, "some other start") is Liveness.DEAD
    assert liveness(own_pid, None) is Liveness.UNKNOWN


def test_zombie_and_missing_process_are_dead(spawn, wait_until):
    family = spawn("")
    start = start_time_of(family.child.pid)
    wait_until(lambda: liveness(family.child.pid, start) is Liveness.DEAD)
    family.child.wait()
    assert liveness(family.child.pid, start) is Liveness.DEAD
    assert liveness(family.child.pid, None) is Liveness.DEAD
    assert start_time_of(family.child.pid) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="subreapers exist on Linux only")
def test_subreaper_gets_orphans_and_collects_only_those_nobody_owns():
    program = """
import os, subprocess, sys, time
from animus_process import become_subreaper, reap_orphans
assert become_subreaper()
owned = subprocess.Popen(["true"])
middle = subprocess.Popen(["sh", "-c", "sh -c 'echo $$; exec sleep 0.05' &"], stdout=subprocess.PIPE)
orphan = int(middle.stdout.readline()); middle.wait()
deadline = time.monotonic() + 60
collected = []
while orphan not in collected and time.monotonic() < deadline:
    collected += reap_orphans({owned.pid}); time.sleep(0.005)
assert collected == [orphan], collected
assert owned.wait() == 0
print("fine")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "fine\n", done.stderr


def test_rows_come_from_ps_where_there_is_no_proc(monkeypatch, own_pid):
    from animus_process import system

    if subprocess.run(["sh", "-c", "command -v ps"], capture_output=True, check=False).returncode:
        pytest.skip("this machine has no ps")
    monkeypatch.setattr(system, "_IS_LINUX", False)
    row = system.process_table()[own_pid]
    assert (row.parent, row.group, row.is_zombie) == (os.getppid(), os.getpgrp(), False)
    assert system.start_time_of(own_pid) == row.start_time
    assert system.liveness(own_pid, row.start_time) is Liveness.ALIVE
    assert system.environment_of(own_pid) == b""
    assert become_subreaper() is False
