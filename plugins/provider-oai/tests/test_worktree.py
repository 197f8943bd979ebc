import gc
import os
from pathlib import Path

import pytest

from animus_provider_oai.worktree import FILE_LIMIT_BYTES, Worktree, WorktreeError


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("secret")
    return folder


@pytest.fixture
def worktree(worktree_folder):
    (worktree_folder / "sub").mkdir()
    (worktree_folder / "sub" / "a.txt").write_text("inside")
    return Worktree(worktree_folder)


@pytest.mark.parametrize("path", ["sub/a.txt", "./sub//a.txt", "sub/../sub/a.txt", "{root}/sub/a.txt"])
def test_paths_inside_are_read(worktree, path):
    assert worktree.read(path.format(root=worktree.root)) == b"inside"


@pytest.mark.parametrize(
    "path",
    [
        "../outside/secret",
        "sub/../../outside/secret",
        "/etc/passwd",
        "{root}/../outside/secret",
        "{root}x/secret",
        "a\0b",
    ],
)
def test_paths_outside_are_neither_read_nor_written(worktree, outside, path):
    named = path.format(root=worktree.root)
    with pytest.raises(WorktreeError):
        worktree.read(named)
    with pytest.raises(WorktreeError):
        worktree.write(named, b"changed")
    assert (outside / "secret").read_text() == "secret"


@pytest.mark.parametrize("target", ["../outside", "{outside}", "sub/../../outside", "/"])
def test_links_that_lead_outside_are_not_followed(worktree, outside, target):
    (worktree.root / "link").symlink_to(target.format(outside=outside))
    for path in ("link/secret", "link/new", f"link{outside}/secret"):
        with pytest.raises(WorktreeError):
            worktree.read(path)
        with pytest.raises(WorktreeError):
            worktree.write(path, b"changed")
    assert sorted(entry.name for entry in outside.iterdir()) == ["secret"]
    assert (outside / "secret").read_text() == "secret"


def test_link_to_a_file_outside_is_not_written_through(worktree, outside):
    (worktree.root / "link").symlink_to(outside / "secret")
    with pytest.raises(WorktreeError, match="leads outside"):
        worktree.write("link", b"changed")
    assert (outside / "secret").read_text() == "secret"


def test_links_inside_are_followed(worktree):
    (worktree.root / "near").symlink_to("sub")
    (worktree.root / "far").symlink_to(worktree.root / "sub" / "a.txt")
    (worktree.root / "sub" / "up").symlink_to("../near/a.txt")
    assert [worktree.read(path) for path in ("near/a.txt", "far", "sub/up")] == [b"inside"] * 3
    worktree.write("far", b"new")
    assert (worktree.root / "far").is_symlink()
    assert (worktree.root / "sub" / "a.txt").read_bytes() == b"new"


def test_links_in_a_circle_end(worktree):
    (worktree.root / "a").symlink_to("b")
    (worktree.root / "b").symlink_to("a")
    with pytest.raises(WorktreeError, match="too many symbolic links"):
        worktree.read("a")


@pytest.mark.parametrize(
    "path", [".git/hooks/pre-commit", ".git", "sub/.git/config", ".GIT/config", "made/.git/config"]
)
def test_what_git_obeys_is_not_written(worktree, path):
    (worktree.root / ".git" / "hooks").mkdir(parents=True)
    with pytest.raises(WorktreeError):
        worktree.write(path, b"#!/bin/sh")
    assert list((worktree.root / ".git" / "hooks").iterdir()) == []
    assert not (worktree.root / "made" / ".git").exists()


def test_link_to_git_is_no_way_in(worktree):
    (worktree.root / ".git").mkdir()
    (worktree.root / "innocent").symlink_to(".git")
    with pytest.raises(WorktreeError, match="belongs to git"):
        worktree.write("innocent/config", b"[core]")


def test_write_makes_folders_and_keeps_the_mode(worktree):
    assert worktree.write("new/deep/run.sh", b"one")
    (worktree.root / "new/deep/run.sh").chmod(0o755)
    assert not worktree.write("new/deep/run.sh", b"two")
    assert (worktree.root / "new/deep/run.sh").stat().st_mode & 0o777 == 0o755
    assert [entry.name for entry in (worktree.root / "new/deep").iterdir()] == ["run.sh"]


def test_what_is_no_file_is_not_read(worktree):
    os.mkfifo(worktree.root / "pipe")
    (worktree.root / "large").touch()
    os.truncate(worktree.root / "large", FILE_LIMIT_BYTES + 1)
    for path, message in {
        "pipe": "not a file",
        "sub": "is a folder",
        ".": "is a folder",
        "large": "more than",
        "none": "No such file",
        "sub/a.txt/x": "not a folder",
    }.items():
        with pytest.raises(WorktreeError, match=message):
            worktree.read(path)
    with pytest.raises(WorktreeError, match="not a file"):
        worktree.write("sub", b"")


def _open_descriptors():
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_no_descriptor_is_left_open(worktree):
    gc.collect()
    before = _open_descriptors()
    for path in ("sub/a.txt", "sub", "../x", "none/x", "sub/../sub/none"):
        try:
            worktree.read(path)
        except WorktreeError:
            continue
    assert _open_descriptors() <= before  # what another test left to the garbage collector may be closed meanwhile
