"""What is written into a repository."""

from pathlib import Path

from animus_composition.scaffold.checks import find_linter, find_tests
from animus_composition.scaffold.evidence import Evidence
from animus_composition.scaffold.files import AGENT_PATH, MANIFEST_PATH, WORKFLOWS_PATH, Findings, planned_files

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
