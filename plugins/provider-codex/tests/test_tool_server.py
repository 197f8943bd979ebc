import stat
import subprocess
import tomllib

import pytest

from animus_agent_cli.request import McpServer, ToolPolicy, UnsupportedError
from animus_provider_codex.tool_server import tool_server_args


def servers(args):
    return tomllib.loads("\n".join(args[1::2]))["mcp_servers"]


def test_server_that_is_a_program_is_set_up_and_approved(request_of):
    args, variables = tool_server_args(request_of(mcp_servers={"a-b": McpServer(command="x", args=("1", "ü"))}))
    assert servers(args) == {"a-b": {"command": "x", "args": ["1", "ü"], "default_tools_approval_mode": "approve"}}
    assert variables == {}


def test_environment_of_a_server_is_in_a_private_file_not_on_the_command_line(request_of, tmp_path):
    server = McpServer(command="sh", args=("-c", 'printf %s "$A-$1"', "sh", "end"), env={"A": "it's $SECRET"})
    args, _ = tool_server_args(request_of(mcp_servers={"x": server}))
    assert "SECRET" not in " ".join(args)
    found = servers(args)["x"]
    assert stat.S_IMODE((tmp_path / "mcp-0.env").stat().st_mode) == 0o600
    done = subprocess.run([found["command"], *found["args"]], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "it's $SECRET-end"


def test_headers_of_a_server_travel_in_variables(request_of):
    server = McpServer(url="http://127.0.0.1:1/mcp", headers={"Authorization": "Bearer secret", "X-A": "1"})
    args, variables = tool_server_args(request_of(mcp_servers={"x": server}))
    found = servers(args)["x"]
    assert "secret" not in " ".join(args)
    assert {header: variables[name] for header, name in found["env_http_headers"].items()} == dict(server.headers)
    assert found["url"] == "http://127.0.0.1:1/mcp"


def test_policy_leaves_servers_and_tools_out(request_of):
    both = {"x": McpServer(command="x"), "y": McpServer(command="y")}
    args, _ = tool_server_args(request_of(mcp_servers=both, tools=ToolPolicy(deny=("mcp__x", "mcp__y__a"))))
    assert servers(args) == {
        "y": {"command": "y", "args": [], "disabled_tools": ["a"], "default_tools_approval_mode": "approve"}
    }


@pytest.mark.parametrize("name", ["a b", "a.b", ""])
def test_name_that_cannot_be_one_here_is_refused(request_of, name):
    with pytest.raises(UnsupportedError, match="letters, digits"):
        tool_server_args(request_of(mcp_servers={name: McpServer(command="x")}))


def test_server_on_the_network_is_refused_in_a_sandbox(request_of):
    with pytest.raises(UnsupportedError, match="on the network"):
        tool_server_args(request_of(mcp_servers={"x": McpServer(url="http://x")}, sandbox=True))
