from pathlib import Path

import pytest

from animus_agent_cli.parameters import (
    approvals_of,
    context_document,
    cwd_of,
    mcp_servers_of,
    response_schema_of,
    run_folder,
    timeout_of,
    tools_of,
)
from animus_agent_cli.request import ApprovalPolicy, McpServer, ToolPolicy
from animus_plugin_protocol import RefusedError
from animus_plugin_protocol.wire.lifecycle import ProjectBinding
from animus_plugin_protocol.wire.provider import AgentRunParams


def params(**more):
    return AgentRunParams(prompt="p", **more)


def test_time_limit_has_a_default_and_none_is_said_by_zero():
    assert [timeout_of(params(timeout_secs=asked)) for asked in (None, 0, 7)] == [1800, None, 7]
    with pytest.raises(RefusedError, match="negative"):
        timeout_of(params(timeout_secs=-1))


def test_folder_is_the_requests_else_the_projects(tmp_path):
    binding = ProjectBinding(project_root=str(tmp_path), repo_scope="s")
    assert cwd_of(params(cwd="/"), binding) == Path("/")
    assert cwd_of(params(), binding) == tmp_path
    with pytest.raises(RefusedError, match="no folder to run in"):
        cwd_of(params(), None)


@pytest.mark.parametrize("name", [None, "", "../up", "a/b", ".hidden", "x" * 200])
def test_run_folder_takes_plain_names_only(name):
    binding = ProjectBinding(project_root="/", repo_scope="s", state_dir="/state")
    assert run_folder(binding, name) is None
    assert run_folder(binding, "wf-1") == Path("/state/runs/wf-1")


def test_approvals_are_read_or_refused_and_never_ignored():
    assert approvals_of(params()) is None
    assert approvals_of(params(approvals={"policy": "ask", "timeout_secs": 5})) == ApprovalPolicy("ask", 5)
    wrong = [
        {"mode": "ask"},
        {"policy": "perhaps"},
        {"policy": "ask", "on_timeout": "allow"},
        "ask",
        {"policy": "ask", "timeout_secs": 0},
    ]
    for approvals in wrong:
        with pytest.raises(RefusedError, match="approvals must be"):
            approvals_of(params(approvals=approvals))


def test_tool_policy_is_read_or_refused():
    assert tools_of(params()) is None
    assert tools_of(params(tools={"allow": ["Read"], "deny": []})) == ToolPolicy(("Read",), ())
    with pytest.raises(RefusedError, match="tools must be"):
        tools_of(params(tools=["Read"]))


def test_mcp_servers_have_a_command_or_a_url():
    servers = {"a": {"command": "x", "args": ["1"], "env": {"K": "v"}}, "b": {"url": "http://x", "headers": {"H": "v"}}}
    assert mcp_servers_of(params(mcp_servers=servers)) == {
        "a": McpServer("x", ("1",), {"K": "v"}),
        "b": McpServer(url="http://x", headers={"H": "v"}),
    }
    for wrong in ({"a": {}}, {"a": {"command": "x", "url": "y"}}):
        with pytest.raises(RefusedError, match="'a' must have either"):
            mcp_servers_of(params(mcp_servers=wrong))


def test_schema_is_an_object():
    assert response_schema_of(params(response_schema={"type": "object"})) == {"type": "object"}
    with pytest.raises(RefusedError, match="response_schema must be"):
        response_schema_of(params(response_schema="object"))


def test_context_document_holds_the_hosts_and_what_else_was_asked():
    found = context_document(params(context={"subject": 1}, model="m"), {"x": 2})
    assert found == {"subject": 1, "agent_request": {"x": 2, "model": "m"}}
    assert context_document(params(context=[1]), {})["context"] == [1]
