import json
import uuid

import pytest

from animus_agent_cli.request import ApprovalPolicy, McpServer, ToolPolicy, UnsupportedError
from animus_provider_claude.command import command_of


@pytest.fixture
def args(request_of):
    """The arguments for a request, as a set and by name."""

    def args(*, is_root=False, **more):
        return command_of(request_of(**more), is_root=lambda: is_root).args

    return args


def named(args, name):
    found = [arg.partition("=")[2] for arg in args if arg.startswith(f"--{name}=")]
    return found[0] if found else None


def test_streams_are_json_in_and_out(args):
    assert args()[:5] == [
        "-p",
        "--output-format=stream-json",
        "--input-format=stream-json",
        "--verbose",
        "--include-partial-messages",
    ]


def test_prompt_is_the_first_input_and_never_a_command_of_the_program(request_of):
    command = command_of(request_of(prompt="/clear ü"))
    words = json.loads(command.input)
    assert words["message"] == {"role": "user", "content": "/clear ü"}
    assert words["client_composed"] is True
    assert command.is_input_open
    assert not any("/clear" in arg for arg in command.args)


def test_new_session_has_an_id_of_its_own_and_resume_takes_the_agents(args):
    first, second = named(args(), "session-id"), named(args(), "session-id")
    assert uuid.UUID(first) != uuid.UUID(second)
    resumed = args(resume_id=first)
    assert (named(resumed, "resume"), named(resumed, "session-id")) == (first, None)
    with pytest.raises(UnsupportedError, match="those are UUIDs"):
        args(resume_id="--help")


def test_open_run_is_asked_about_by_the_program_and_answered_here(args):
    found = args()
    assert (named(found, "permission-mode"), named(found, "permission-prompt-tool")) == ("default", "stdio")


def test_permission_mode_is_the_programs_own_and_nobody_is_asked(args):
    found = args(permission_mode="acceptEdits")
    assert (named(found, "permission-mode"), named(found, "permission-prompt-tool")) == ("acceptEdits", None)
    with pytest.raises(UnsupportedError, match=r"'yolo' is unknown to this agent; it has default, "):
        args(permission_mode="yolo")


def test_approvals_ask_within_a_permission_mode_but_never_beside_a_bypass(args):
    asking = ApprovalPolicy("ask")
    assert named(args(approvals=asking, permission_mode="acceptEdits"), "permission-prompt-tool") == "stdio"
    with pytest.raises(UnsupportedError, match="would never ask"):
        args(approvals=asking, permission_mode="bypassPermissions")


def test_root_may_not_bypass_unless_in_a_sandbox(args):
    bypass = {"permission_mode": "bypassPermissions"}
    with pytest.raises(UnsupportedError, match="refuses permission_mode 'bypassPermissions' for root"):
        args(is_root=True, **bypass)
    for more in ({"is_root": False}, {"sandbox": True}, {"environment": {"IS_SANDBOX": "1"}}):
        assert named(args(**({"is_root": True} | more), **bypass), "permission-mode") == "bypassPermissions"


def test_sandbox_is_said_to_the_program_only_where_it_is_one(request_of):
    assert command_of(request_of(sandbox=True)).environment["IS_SANDBOX"] == "1"
    assert "IS_SANDBOX" not in command_of(request_of()).environment


def test_retries_are_bounded_unless_the_environment_says_otherwise(request_of):
    assert command_of(request_of()).environment["CLAUDE_CODE_MAX_RETRIES"] == "3"
    given = command_of(request_of(environment={"CLAUDE_CODE_MAX_RETRIES": "9"})).environment
    assert given["CLAUDE_CODE_MAX_RETRIES"] == "9"


@pytest.mark.parametrize(
    ("allow", "deny", "tools", "allowed", "disallowed"),
    [
        ((), (), None, None, None),
        (("Bash(git *)", "Read"), (), "Bash,Read", "Bash(git *),Read", None),
        (("mcp__files__*",), (), "", "mcp__files__*", None),
        (("Web*",), (), "WebFetch,WebSearch", "Web*", None),
        (("Task",), (), "Agent", "Task", None),
        (("*",), ("Bash",), None, None, "Bash"),
        ((), ("Task", "mcp__x__*"), None, None, "Task,mcp__x__*,Agent"),
    ],
)
def test_tool_policy_is_a_list_of_tools_and_of_rules(args, allow, deny, tools, allowed, disallowed):
    found = args(tools=ToolPolicy(allow, deny))
    assert [named(found, name) for name in ("tools", "allowedTools", "disallowedTools")] == [tools, allowed, disallowed]


def test_nothing_is_let_through_unasked_where_approvals_are_asked_for(args):
    found = args(tools=ToolPolicy(("Bash", "Read")), approvals=ApprovalPolicy("ask"), web_search=True)
    assert (named(found, "tools"), named(found, "allowedTools")) == ("Bash,Read,WebSearch,WebFetch", None)
    with pytest.raises(UnsupportedError, match="would not ask about what such a rule allows"):
        args(tools=ToolPolicy(("Bash(git *)",)), approvals=ApprovalPolicy("ask"))


@pytest.mark.parametrize("closed", [{"approvals": ApprovalPolicy("ask")}, {"tools": ToolPolicy(("Read",))}])
@pytest.mark.parametrize("opening", ["--dangerously-skip-permissions", "--settings={}", "--allowedTools"])
def test_more_arguments_never_open_what_the_request_closes(args, closed, opening):
    assert args(extra_args=(opening,))[-1] == opening
    with pytest.raises(UnsupportedError, match="would decide about tool calls"):
        args(extra_args=(opening,), **closed)


def test_web_search_is_a_pair_of_tools(args):
    assert named(args(web_search=False), "disallowedTools") == "WebSearch,WebFetch"
    assert named(args(web_search=True), "allowedTools") == "WebSearch,WebFetch"
    both = args(web_search=True, tools=ToolPolicy(("Read",)))
    assert named(both, "tools") == "Read,WebSearch,WebFetch"


def test_system_prompt_and_servers_are_files_that_no_process_list_shows(args, tmp_path):
    servers = {
        "files": McpServer("serve", ("--all",), {"KEY": "secret"}),
        "web": McpServer(url="http://x", headers={"Authorization": "Bearer secret"}),
    }
    found = args(system_prompt="be brief ü", mcp_servers=servers)
    assert (tmp_path / "system-prompt.txt").read_text(encoding="utf-8") == "be brief ü"
    assert named(found, "append-system-prompt-file") == str(tmp_path / "system-prompt.txt")
    assert "--strict-mcp-config" in found
    assert json.loads((tmp_path / "mcp.json").read_text()) == {
        "mcpServers": {
            "files": {"type": "stdio", "command": "serve", "args": ["--all"], "env": {"KEY": "secret"}},
            "web": {"type": "http", "url": "http://x", "headers": {"Authorization": "Bearer secret"}},
        }
    }
    assert not any("secret" in arg for arg in found)


def test_schema_is_the_programs_own_for_objects_and_words_for_the_rest(args, request_of):
    schema = {"type": "object", "properties": {}}
    assert json.loads(named(args(response_schema=schema), "json-schema")) == schema
    other = command_of(request_of(response_schema={"anyOf": [schema]}))
    assert named(other.args, "json-schema") is None
    assert '{"anyOf": ' in json.loads(other.input)["message"]["content"]


def test_model_effort_and_more_arguments_are_passed_on(args):
    found = args(model="opus", reasoning_effort="Minimal", extra_args=("--max-turns=3",))
    assert (named(found, "model"), named(found, "effort"), found[-1]) == ("opus", "low", "--max-turns=3")
    with pytest.raises(UnsupportedError, match="reasoning_effort 'wild' is unknown"):
        args(reasoning_effort="wild")
