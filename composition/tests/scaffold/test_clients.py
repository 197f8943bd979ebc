"""The entry in the file of agents that people start."""

import json

import pytest

from animus_composition.scaffold.clients import name_in_clients
from animus_composition.scaffold.files import write_file
from animus_control.errors import ControlError


def test_other_servers_and_other_members_stay(tmp_path):
    (tmp_path / ".mcp.json").write_text('{"mcpServers": {"docs": {"command": "docs"}}, "extra": [1]}')
    file = name_in_clients(tmp_path)
    whole = json.loads(file.text)
    assert (file.action, whole["extra"], list(whole["mcpServers"])) == ("rewrite", [1], ["docs", "animus"])


def test_an_entry_that_somebody_wrote_stays(tmp_path):
    text = '{"mcpServers": {"animus": {"command": "/opt/animus"}}}'
    (tmp_path / ".mcp.json").write_text(text)
    assert name_in_clients(tmp_path)[1:] == ("keep", "it names animus", text)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"mcpServers": []}', '{"mcpServers": null}', '{"mcpServers": 3}'])
def test_what_is_no_such_file_is_refused(tmp_path, text):
    (tmp_path / ".mcp.json").write_text(text)
    with pytest.raises(ControlError, match="repair it, or set up without 'mcp'"):
        name_in_clients(tmp_path)


def test_a_private_file_stays_private(tmp_path):
    path = tmp_path / ".mcp.json"
    path.write_text('{"mcpServers": {"docs": {"env": {"TOKEN": "secret"}}}}')
    path.chmod(0o600)
    write_file(tmp_path, name_in_clients(tmp_path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(json.loads(path.read_text())["mcpServers"]) == ["docs", "animus"]


def test_a_link_within_the_project_stays_and_the_file_behind_it_is_added_to(tmp_path):
    path, shared = tmp_path / ".mcp.json", tmp_path / "shared.json"
    shared.write_text("{}")
    shared.chmod(0o640)
    path.symlink_to(shared.name)
    write_file(tmp_path, name_in_clients(tmp_path))
    assert path.is_symlink()
    assert list(json.loads(shared.read_text())["mcpServers"]) == ["animus"]
    assert shared.stat().st_mode & 0o777 == 0o640


def test_a_link_to_nothing_is_refused(tmp_path):
    (tmp_path / ".mcp.json").symlink_to("gone.json")
    with pytest.raises(ControlError, match="repair it, or set up without 'mcp'"):
        name_in_clients(tmp_path)
