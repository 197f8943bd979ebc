"""The page on coding agents: its workflow files load, and its commands exist."""

import re

import pytest

from animus_cli.entry import command_tree
from animus_cli.extension import load_extension
from animus_workflow_runner_default.authoring.loading import load

PAGE = "docs/agents.md"
_YAML = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\$ animus ([a-z -]+?)(?= -|$| [A-Z])", re.MULTILINE)


@pytest.fixture
def page(page_text) -> str:
    return page_text(PAGE)


@pytest.mark.parametrize("number", [0, 1])
def test_workflow_file_of_the_page_loads_without_a_finding(page, number, tmp_path):
    files = _YAML.findall(page)
    assert len(files) == 2
    (tmp_path / ".animus").mkdir()
    (tmp_path / ".animus" / "workflows.yaml").write_text(files[number], encoding="utf-8")
    loaded = load(tmp_path, [], {})
    assert [str(found) for found in loaded.diagnostics] == []


def test_commands_of_the_page_exist(page):
    named = {tuple(words.split()) for words in _COMMAND.findall(page)}
    assert len(named) >= 5
    offered = {("mcp", name) for name in load_extension("mcp").commands}
    assert named <= command_tree() | offered
