"""Clients that others wrote: the MCP SDK, and Claude Code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ci


def test_the_sdk_lists_calls_and_reads(project, environment):
    import asyncio

    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    async def use():
        server = StdioServerParameters(
            command=sys.executable, args=["-P", "-m", "animus_cli", "mcp", "serve"], env=environment, cwd=project
        )
        async with stdio_client(server) as streams, ClientSession(*streams) as session:
            hello = await session.initialize()
            tools = (await session.list_tools()).tools
            made = await session.call_tool("subject_create", {"title": "Greet"})
            wrong = await session.call_tool("subject_get", {"id": "task:TASK-404"})
            status = await session.read_resource("animus://project/status")
            return hello, tools, made, wrong, status

    hello, tools, made, wrong, status = asyncio.run(use())
    assert hello.server_info.name == "animus"
    assert {"queue_enqueue", "workflow_get"} <= {tool.name for tool in tools}
    assert made.structured_content["id"] == "task:TASK-001"
    assert wrong.is_error
    assert json.loads(status.contents[0].text)["flavor"] == "default"


def test_claude_code_makes_a_task_with_a_tool(project, environment, scripted_api, tmp_path):
    import claude_agent_sdk

    from animus_scripted_api import CallTool, Conversation, Say

    bundled = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
    program = os.environ.get("ANIMUS_TEST_CLAUDE", str(bundled))
    make = CallTool("subject_create", {"title": "Made by an agent"}, server="animus")
    api = scripted_api(Conversation([make, Say("done")]))
    command = [sys.executable, "-P", "-m", "animus_cli"]
    config = {"mcpServers": {"animus": {"command": command[0], "args": [*command[1:], "mcp", "serve"]}}}
    (tmp_path / "mcp.json").write_text(json.dumps(config))
    (tmp_path / "home").mkdir()
    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1", "CLAUDE_CODE_MAX_RETRIES": "0"}
    model = {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": "dummy-key", "CLAUDE_CONFIG_DIR": str(tmp_path / "c")}
    done = subprocess.run(
        [
            program, "-p", "make a task", "--model", "claude-sonnet-4-5", "--output-format", "json",
            "--mcp-config", str(tmp_path / "mcp.json"), "--strict-mcp-config",
            "--allowedTools", "mcp__animus__subject_create",
        ],
        cwd=project,
        env=environment | quiet | model,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["result"] == "done"
    look = [*command, "subject", "get", "task:TASK-001", "--json"]
    seen = subprocess.run(look, cwd=project, env=environment, capture_output=True, check=True, timeout=60)
    assert b"Made by an agent" in seen.stdout
