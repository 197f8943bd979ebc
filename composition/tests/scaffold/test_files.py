"""What is written into a repository."""

from pathlib import Path

from animus_composition.scaffold.checks import find_linter, find_tests
from animus_composition.scaffold.evidence import Evidence
from animus_composition.scaffold.files import (
    AGENT_PATH,
    MANIFEST_PATH,
    WORKFLOWS_PATH,
    Findings,
    planned_files,
    write_file,
)

GOLDEN = Path(__file__).parent / "golden"


def test_the_files_are_the_golden_ones(repository):
    name, root = repository
    evidence = Evidence(root)
    findings = Findings(find_tests(evidence), find_linter(evidence), None)
    files = planned_files(root, findings, force=False)
    assert [file.path for file in files] == [MANIFEST_PATH, WORKFLOWS_PATH, AGENT_PATH]
    assert {file.action for file in files} == {"write"}
    assert files[1].text == (GOLDEN / f"{name}.yaml").read_text()
    assert files[0].text == (GOLDEN / "animus.toml").read_text()
    assert files[2].text == (GOLDEN / "agent.py.txt").read_text()


def written(root, *, force=False):
    files = planned_files(root, Findings(None, None, None), force=force)
    for file in files:
        if file.action != "keep":
            write_file(root, file)
    return {file.path: file.action for file in files}


def test_a_link_to_nothing_is_a_file_that_exists(tmp_path):
    (tmp_path / MANIFEST_PATH).symlink_to("gone.toml")
    assert written(tmp_path, force=True)[MANIFEST_PATH] == "keep"
    assert (tmp_path / MANIFEST_PATH).is_symlink()
    assert not (tmp_path / "gone.toml").exists()


def test_a_folder_behind_a_link_is_written_to_within_the_project(tmp_path):
    (tmp_path / ".animus").symlink_to("tools/animus")
    assert set(written(tmp_path).values()) == {"write"}
    assert (tmp_path / "tools/animus/workflows.yaml").is_file()


def test_a_file_that_is_written_again_keeps_its_mode_and_its_link(tmp_path):
    written(tmp_path)
    moved = (tmp_path / MANIFEST_PATH).rename(tmp_path / "moved.toml")
    moved.chmod(0o600)
    (tmp_path / MANIFEST_PATH).symlink_to(moved.name)
    assert written(tmp_path, force=True)[MANIFEST_PATH] == "rewrite"
    assert (tmp_path / MANIFEST_PATH).is_symlink()
    assert moved.stat().st_mode & 0o777 == 0o600
