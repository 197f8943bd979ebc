"""Made in a folder that looks like the kernel's: what the kernel does with it is shown by the attacks."""

import os

import pytest

from animus_sandbox import control_group
from animus_sandbox.control_group import END_SECONDS, make_control_group


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(control_group, "_own_groups", lambda: {"": "/slice/own", "pids": "/own", "memory": "/gone"})
    return tmp_path


def _names(folder):
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_version_1_gets_a_folder_for_each_controller(root):
    (root / "pids" / "own").mkdir(parents=True)
    (root / "memory").mkdir()
    group = make_control_group("x", memory=100, processes=5, root=root)
    pids, memory = root / "pids" / "own" / f"animus-{os.getpid()}-x", root / "memory" / f"animus-{os.getpid()}-x"
    assert (_names(pids), _names(memory)) == ({"pids.max": "5"}, {"memory.limit_in_bytes": "100"})
    assert group.controllers == {"memory", "pids"}
    assert sorted(group.entries()) == sorted([f"{memory}/cgroup.procs", f"{pids}/cgroup.procs"])


def test_version_2_gets_one_folder_where_controllers_are_offered(root):
    parent = root / "slice"
    (parent / "own").mkdir(parents=True)
    (root / "cgroup.controllers").write_text("memory pids")
    (parent / "cgroup.subtree_control").write_text("pids cpu")
    (parent / "cgroup.procs").write_text("")
    group = make_control_group("x", memory=100, processes=5, root=root)
    assert group.folders == [parent / f"animus-{os.getpid()}-x"]
    assert _names(group.folders[0]) == {"pids.max": "5"}
    assert group.controllers == {"pids"}


def test_machine_without_control_groups_gives_an_empty_group(root):
    group = make_control_group("x", memory=100, processes=5, root=root)
    assert (group.folders, group.controllers) == ([], frozenset())
    assert group.remove()


def test_group_that_will_not_go_is_given_up_in_time(root):
    class Hand:
        now = 0.0

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.now += seconds

    (root / "pids" / "own").mkdir(parents=True)
    group = make_control_group("x", memory=None, processes=5, root=root)
    clock = Hand()
    assert not group.remove(clock=clock)  # its files stay, as nobody but the kernel can remove them
    assert END_SECONDS <= clock.now < END_SECONDS + 1


def test_groups_of_dead_processes_are_removed_and_those_of_the_living_stay(root):
    (root / "pids" / "own").mkdir(parents=True)
    dead, living = root / "pids" / "own" / "animus-999999999-a", root / "pids" / "own" / f"animus-{os.getppid()}-a"
    dead.mkdir()
    living.mkdir()
    make_control_group("x", memory=None, processes=5, root=root)
    assert (dead.exists(), living.exists()) == (False, True)
