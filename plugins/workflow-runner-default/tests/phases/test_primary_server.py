"""Animus's own MCP server for agents that name it."""

import sys
from pathlib import Path

import pytest

from animus_workflow_runner_default.authoring import primary_server as module
from animus_workflow_runner_default.authoring.primary_server import find_program, primary_server

AGENT = "agents: {a: {tool: one, mcp_servers: [KEYS]}}\nphases: {p: {mode: agent, agent: a, directive: work}}\n"


@pytest.fixture
def program(tmp_path, monkeypatch):
    """An installation with the command ``animus``."""
    path = tmp_path / "bin" / "animus"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path.with_name("python")))
    return str(path)


def servers_of(bench, text):
    bench.define(text)
    _, agent = bench.run("done")
    return agent.asked[0].mcp_servers


@pytest.mark.parametrize("name", ["ao", "animus"])
def test_agent_that_names_it_gets_that_of_this_installation(bench, program, tmp_path, name):
    assert servers_of(bench, AGENT.replace("KEYS", name)) == {
        "animus": {
            "command": program,
            "args": ["--project-root", str(tmp_path), "mcp", "serve"],
            "env": {},
            "optional": True,
        }
    }


def test_definition_of_the_project_comes_first(bench, program):
    text = AGENT.replace("KEYS", "ao") + "mcp_servers: {animus: {command: mine}}\n"
    assert servers_of(bench, text) == {"animus": {"command": "mine", "args": [], "env": {}}}


def test_agent_that_does_not_name_it_does_not_get_it(bench, program):
    assert servers_of(bench, AGENT.replace("KEYS", "")) is None


def test_it_is_out_of_reach_in_a_sandbox(bench, program):
    assert servers_of(bench, AGENT.replace("KEYS", "ao").replace("tool: one", "tool: one, sandbox: bubblewrap")) is None


def test_it_works_on_the_state_that_the_daemon_works_on(program):
    server = primary_server("/p", {"ANIMUS_CONFIG_DIR": "/state", "HOME": "/h"})
    assert server is not None
    assert server["env"] == {"ANIMUS_CONFIG_DIR": "/state"}


def test_command_is_looked_for_in_the_path_last(program, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert find_program({"PATH": str(Path(program).parent)}) == program
    assert find_program({}) is None
    assert module.primary_server("/p", {}) is None
