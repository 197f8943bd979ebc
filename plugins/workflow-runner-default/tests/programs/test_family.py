"""What commands leave behind, seen from this process's own children."""

import subprocess
import sys

import pytest

ADOPTS = """
import os, subprocess, sys, time
from animus_workflow_runner_default.programs.family import Family
family = Family()
assert not family.is_alone()
family.adopt_orphans()
if not family.is_alone():
    print("cannot"); sys.exit()
running = subprocess.Popen(["sleep", "60"]); family.add(running.pid)
assert family.is_alone()
leaver = subprocess.Popen(["sh", "-c", "setsid sleep 60 > /dev/null & echo $!"], stdout=subprocess.PIPE)
family.add(leaver.pid)
left = int(leaver.stdout.readline()); leaver.wait(); family.remove(leaver.pid)
assert not family.is_alone()
os.kill(left, 9)
deadline = time.monotonic() + 60
while not family.is_alone():
    assert time.monotonic() < deadline, "the orphan was not collected"
try:
    os.kill(left, 0)
except ProcessLookupError:
    print("alone")
running.kill()
assert running.wait() == -9
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="subreapers exist on Linux only")
def test_what_a_command_left_is_seen_and_collected_and_a_running_one_is_not_touched():
    done = subprocess.run([sys.executable, "-c", ADOPTS], capture_output=True, text=True, check=False, timeout=60)
    if done.stdout == "cannot\n":
        pytest.skip("this kernel does not list the children of a process")
    assert done.stdout == "alone\n", done.stderr
