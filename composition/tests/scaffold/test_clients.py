"""The entry in the file of agents that people start."""

import json

import pytest

from animus_composition.scaffold.clients import name_in_clients
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
