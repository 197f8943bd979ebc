"""Which project is meant, and where its state and its socket lie."""

import hashlib
import os
import subprocess
import sys

from animus_control.endpoint import socket_path
from animus_control.project import find_project, repo_scope_of


def test_scope_is_the_slug_of_the_name_and_a_digest_of_the_path(tmp_path):
    root = tmp_path / "My Repo_2"
    root.mkdir()
    project = find_project(root, {"ANIMUS_CONFIG_DIR": str(tmp_path / "c")})
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    assert project.repo_scope == f"my-repo-2-{digest}"
    assert project.state_dir == tmp_path / "c" / project.repo_scope
    assert project.root == root


def test_name_without_letters_still_gives_a_scope(tmp_path):
    assert repo_scope_of(tmp_path / "___").startswith("project-")


def test_directory_below_a_checkout_belongs_to_the_checkout(tmp_path):
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "a" / "b").mkdir(parents=True)
    assert find_project(tmp_path / "repo" / "a" / "b", {"HOME": "/h"}).root == tmp_path / "repo"


def test_linked_worktree_shares_its_main_checkout(tmp_path):
    main, linked = tmp_path / "main", tmp_path / "linked"
    private = main / ".git" / "worktrees" / "linked"
    private.mkdir(parents=True)
    linked.mkdir()
    (linked / ".git").write_text(f"gitdir: {private}\n")
    (private / "commondir").write_text("../..\n")
    assert find_project(linked, {"HOME": "/h"}) == find_project(main, {"HOME": "/h"})


def test_worktrees_of_a_bare_repository_share_a_scope_and_keep_their_roots(tmp_path):
    bare = tmp_path / "repo.git"
    projects = []
    for name in ("one", "two"):
        private = bare / "worktrees" / name
        private.mkdir(parents=True)
        (private / "commondir").write_text("../..\n")
        (tmp_path / name).mkdir()
        (tmp_path / name / ".git").write_text(f"gitdir: {private}\n")
        projects.append(find_project(tmp_path / name, {"HOME": "/h"}))
    assert projects[0].repo_scope == projects[1].repo_scope
    assert projects[0].root != projects[1].root


def test_submodule_is_a_project_of_its_own(tmp_path):
    module = tmp_path / "repo" / "sub"
    module.mkdir(parents=True)
    (tmp_path / "repo" / ".git" / "modules" / "sub").mkdir(parents=True)
    (module / ".git").write_text("gitdir: ../.git/modules/sub\n")
    assert find_project(module, {"HOME": "/h"}).root == module


def test_reading_of_a_broken_marker_leaves_the_directory_the_project(tmp_path):
    (tmp_path / ".git").write_bytes(b"\xff\xfe nonsense")
    assert find_project(tmp_path, {"HOME": "/h"}).root == tmp_path


def test_state_directories_are_closed_to_others(project):
    project.ensure_state()
    for path in (project.state_dir, project.state_dir / "daemon", project.state_dir / "processes"):
        assert path.stat().st_mode & 0o777 == 0o700


def test_short_path_stays_in_the_state_directory(project):
    short = project._replace(state_dir=project.state_dir.parents[-1] / "s")
    assert socket_path(short).parent == short.state_dir


def test_client_side_modules_import_nothing_heavy():
    program = (
        "import animus_control.client, animus_control.operations, animus_control.project, sys\n"
        "heavy = {'asyncio', 'importlib.metadata', 'subprocess', 'portalocker', 'tomlkit', 'logging'}\n"
        "print(*heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""
