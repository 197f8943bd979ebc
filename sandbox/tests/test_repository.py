import subprocess

import pytest

from animus_sandbox import SandboxSpecError
from animus_sandbox.repository import repository_of, safe_configuration


def test_repository_of_a_linked_worktree_is_found(repository, worktree):
    found = repository_of(worktree)
    assert (found.link, found.folder) == (worktree / ".git", repository / ".git")
    assert found.configurations == (repository / ".git" / "config",)


def test_repository_of_a_main_worktree_is_its_own(repository):
    found = repository_of(repository)
    assert found.link == found.folder == repository / ".git"


def test_folder_without_git_has_none(tmp_path):
    assert repository_of(tmp_path) is None


def test_git_file_that_leads_elsewhere_is_refused(worktree, tmp_path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (worktree / ".git").write_text(f"gitdir: {secrets}\n")
    with pytest.raises(SandboxSpecError, match="leads nowhere"):
        repository_of(worktree)
    (secrets / "commondir").write_text("..\n")
    (secrets / "gitdir").write_text(f"{worktree}/.git\n")
    with pytest.raises(SandboxSpecError, match="no worktree of a repository"):
        repository_of(worktree)
    (worktree / ".git").write_text("hello\n")
    with pytest.raises(SandboxSpecError, match="does not begin with"):
        repository_of(worktree)


def test_repository_of_another_worktree_is_refused(repository, worktree, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / ".git").write_text((worktree / ".git").read_text())
    with pytest.raises(SandboxSpecError, match="leads back"):
        repository_of(other)


def test_symbolic_link_instead_of_git_is_refused(repository, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / ".git").symlink_to(repository / ".git")
    with pytest.raises(SandboxSpecError, match="symbolic link"):
        repository_of(other)


def test_configuration_keeps_what_reading_needs_and_nothing_else(repository, tmp_path):
    config = repository / ".git" / "config"
    settings = {
        "user.name": 'A "b" \\ c',
        "core.fsmonitor": "evil",
        "core.hooksPath": "x",
        "http.extraHeader": "secret",
    }
    for name, value in settings.items():
        subprocess.run(["git", "config", "--file", str(config), name, value], check=True)
    subprocess.run(["git", "config", "--file", str(config), "include.path", "/etc/passwd"], check=True)
    text = safe_configuration(config)
    assert not any(word in text for word in ("remote", "password", "secret", "evil", "hooks", "include"))
    safe = tmp_path / "safe"
    safe.write_text(text)
    done = subprocess.run(
        ["git", "config", "--file", str(safe), "user.name"], check=True, capture_output=True, text=True
    )
    assert done.stdout == 'A "b" \\ c\n'
    assert "repositoryformatversion" in text


def test_configuration_that_git_cannot_read_is_an_error(tmp_path, repository):
    (tmp_path / "config").write_text("[broken\n")
    with pytest.raises(SandboxSpecError, match="cannot read the configuration"):
        safe_configuration(tmp_path / "config")
