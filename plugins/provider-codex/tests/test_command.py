import json
import tomllib
from pathlib import Path

import pytest

from animus_agent_cli.request import McpServer, UnsupportedError
from animus_provider_codex.command import SYSTEM_PROMPT_LIMIT_BYTES, command_of

_SESSION = "01a1fee6-772f-7de0-b648-c461e96ee99d"
_STRICT = {
    "type": "object",
    "properties": {"verdict": {"type": "string"}},
    "required": ["verdict"],
    "additionalProperties": False,
}


def test_prompt_goes_to_standard_input(request_of):
    command = command_of(request_of(prompt="-c evil ü"))
    assert command.args == [
        *("exec", "--json", "--skip-git-repo-check"),
        *("-c", 'sandbox_mode="workspace-write"', "-c", 'approval_policy="never"', "-"),
    ]
    assert command.input == "-c evil ü".encode()
    assert not command.is_input_open


def test_session_is_taken_up_again(request_of):
    assert command_of(request_of(resume_id=_SESSION)).args[:4] == ["exec", "resume", _SESSION, "--json"]


@pytest.mark.parametrize("session", ["", "--last", "abc"])
def test_what_is_no_session_is_refused(request_of, session):
    with pytest.raises(UnsupportedError, match="no session of this agent"):
        command_of(request_of(resume_id=session))


def test_everything_that_is_asked_for_becomes_an_argument(request_of):
    args = command_of(
        request_of(
            model="gpt-x",
            reasoning_effort="max",
            system_prompt='be "brief"',
            mcp_servers={"x": McpServer(command="x")},
            config_overrides=("a.b=1",),
            extra_args=("--color", "never"),
        )
    ).args
    assert args[args.index("--model") + 1] == "gpt-x"
    assert args[-5:] == ["-c", "a.b=1", "--color", "never", "-"]
    found = tomllib.loads("\n".join(args[at + 1] for at, word in enumerate(args) if word == "-c"))
    assert found["model_reasoning_effort"] == "xhigh"
    assert found["developer_instructions"] == 'be "brief"'
    assert found["mcp_servers"]["x"]["command"] == "x"


def test_unknown_effort_is_refused(request_of):
    with pytest.raises(UnsupportedError, match="'huge' is unknown"):
        command_of(request_of(reasoning_effort="huge"))


def test_system_prompt_that_no_argument_holds_goes_before_the_prompt(request_of):
    long = "x" * (SYSTEM_PROMPT_LIMIT_BYTES + 1)
    command = command_of(request_of(system_prompt=long))
    assert command.input == f"{long}\n\ndo it".encode()
    assert not any(long in word for word in command.args)


def test_strict_schema_is_handed_over_as_a_file(request_of):
    args = command_of(request_of(response_schema=_STRICT)).args
    assert json.loads(Path(args[args.index("--output-schema") + 1]).read_text()) == _STRICT


def test_other_schema_is_told_in_words(request_of):
    command = command_of(request_of(response_schema={"type": "object", "properties": {"verdict": {}}}))
    assert "--output-schema" not in command.args
    assert command.input.startswith(b"do it\n\n")
    assert b"verdict" in command.input
