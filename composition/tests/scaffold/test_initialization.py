"""The operations that set a project up."""

import json

import pytest

from animus_composition.scaffold.initialization import TEMPLATES, init, setup
from animus_control.errors import ControlError
from animus_plugin_protocol.wire.control import ProjectInitParams, ProjectSetupParams


@pytest.fixture(autouse=True)
def no_agents(monkeypatch, tmp_path):
    """Nothing of this machine: neither programs nor keys."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("ANIMUS_OAI_BASE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def actions(result):
    return {file.path: file.action for file in result.files}


def test_init_only_says_what_it_would_write_until_it_is_told_yes(project):
    result = init(project, ProjectInitParams())
    assert (result.created, set(actions(result).values())) == (False, {"write"})
    assert list(project.root.iterdir()) == []


def test_init_writes_the_files_and_says_so_once(project):
    result = init(project, ProjectInitParams(yes=True))
    assert (result.project_root, result.repo_scope, result.created) == (str(project.root), project.repo_scope, True)
    assert all((project.root / file.path).stat().st_mode & 0o777 == 0o644 for file in result.files)
    again = init(project, ProjectInitParams(yes=True))
    assert (again.created, set(actions(again).values())) == (False, {"keep"})


def test_template_names_the_agent_of_the_workflows(project):
    for template in TEMPLATES:
        result = init(project, ProjectInitParams(template=template, yes=True, force=True))
        assert result.tool == (None if template == "script" else template)
        written = (project.root / ".animus/workflows.yaml").read_text()
        assert (f"tool: {template}" in written) == (template != "script")


def test_unknown_template_is_refused_with_those_there_are(project):
    with pytest.raises(ControlError, match="no template 'rails'; there are: claude, codex, oai, script"):
        init(project, ProjectInitParams(template="rails", yes=True))
    assert list(project.root.iterdir()) == []


def test_setup_writes_the_files_and_makes_the_state_directory(project):
    result = setup(project, ProjectSetupParams(start_daemon=True))
    assert result.created
    assert project.state_dir.stat().st_mode & 0o777 == 0o700
    assert ".mcp.json" not in actions(result)


def test_setup_names_animus_to_the_agents_that_people_start(project):
    result = setup(project, ProjectSetupParams(mcp=True))
    assert actions(result)[".mcp.json"] == "write"
    again = setup(project, ProjectSetupParams(mcp=True))
    assert (actions(again)[".mcp.json"], again.created) == ("keep", False)
    servers = json.loads((project.root / ".mcp.json").read_text())["mcpServers"]
    assert servers == {"animus": {"command": "animus", "args": ["mcp", "serve"]}}


def test_setup_that_cannot_add_to_the_agents_file_writes_nothing(project):
    (project.root / ".mcp.json").write_text("[]")
    with pytest.raises(ControlError, match=r"\.mcp\.json cannot be added to"):
        setup(project, ProjectSetupParams(mcp=True))
    assert [path.name for path in project.root.iterdir()] == [".mcp.json"]


@pytest.mark.parametrize("yes", [False, True])
def test_init_through_a_link_out_of_the_project_is_refused_and_writes_nothing(project, tmp_path, yes):
    outside = tmp_path / "outside"
    outside.mkdir()
    (project.root / ".animus").symlink_to(outside)
    with pytest.raises(ControlError, match=r"workflows\.yaml leads out of the project, to .*remove the symbolic link"):
        init(project, ProjectInitParams(yes=yes))
    assert [path.name for path in project.root.iterdir()] == [".animus"]
    assert list(outside.iterdir()) == []


def test_force_does_not_write_again_what_a_link_leads_out_of_the_project(project, tmp_path):
    init(project, ProjectInitParams(yes=True))
    manifest = project.root / "animus.toml"
    outside = manifest.rename(tmp_path / "outside.toml")
    manifest.symlink_to(outside)
    before = outside.stat().st_ino
    with pytest.raises(ControlError, match=r"animus\.toml leads out of the project"):
        init(project, ProjectInitParams(yes=True, force=True))
    assert (manifest.is_symlink(), outside.stat().st_ino) == (True, before)


def test_setup_with_an_agents_file_outside_the_project_writes_nothing(project, tmp_path):
    outside = tmp_path / "outside.json"
    outside.write_text("{}")
    (project.root / ".mcp.json").symlink_to(outside)
    with pytest.raises(ControlError, match=r"\.mcp\.json leads out of the project"):
        setup(project, ProjectSetupParams(mcp=True))
    assert [path.name for path in project.root.iterdir()] == [".mcp.json"]
    assert outside.read_text() == "{}"


def test_setup_through_a_link_out_of_the_project_makes_no_state_directory(project, tmp_path):
    (project.root / ".animus").symlink_to(tmp_path / "outside")
    with pytest.raises(ControlError, match="leads out of the project"):
        setup(project, ProjectSetupParams(mcp=True))
    assert [path.name for path in project.root.iterdir()] == [".animus"]
    assert not project.state_dir.exists()
