import json

import pytest

from animus_scripted_api import CallTool, Request
from animus_scripted_api.tool_name import call_in_words_of


def _offering(*tools):
    return Request(1, "POST", "/v1/responses", {}, json.dumps({"tools": list(tools)}).encode())


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ({"name": "Bash"}, {"command": "ls"}),
        ({"name": "exec_command"}, {"cmd": "ls"}),
        (
            {"name": "shell", "parameters": {"properties": {"command": {"type": "array"}}}},
            {"command": ["sh", "-c", "ls"]},
        ),
        ({"name": "shell", "parameters": {"properties": {"command": {"type": "string"}}}}, {"command": "ls"}),
    ],
)
def test_shell_is_called_by_the_name_that_is_offered(tool, arguments):
    call = call_in_words_of(_offering(tool), CallTool("shell", {"command": "ls"}))
    assert (call.name, call.arguments) == (tool["name"], arguments)


def test_file_tools_are_renamed():
    request = _offering({"name": "Write"}, {"name": "Edit"}, {"name": "Read"})
    assert call_in_words_of(request, CallTool("write", {"path": "a", "content": "b"})).arguments == {
        "file_path": "a",
        "content": "b",
    }
    assert call_in_words_of(request, CallTool("edit", {"path": "a", "old": "b", "new": "c"})).arguments == {
        "file_path": "a",
        "old_string": "b",
        "new_string": "c",
    }


def test_writing_without_a_tool_for_it_is_done_in_the_shell():
    call = call_in_words_of(_offering({"name": "exec_command"}), CallTool("write", {"path": "a b", "content": "it's"}))
    assert call.arguments == {"cmd": "printf %s 'it'\"'\"'s' > 'a b'"}


def test_unknown_tool_travels_as_it_is():
    call = call_in_words_of(_offering({"name": "Bash"}), CallTool("Nonesuch", {"x": 1}))
    assert (call.name, call.arguments) == ("Nonesuch", {"x": 1})


def test_mcp_tool_is_called_as_the_client_names_it():
    flat = call_in_words_of(_offering({"name": "mcp__a__find"}), CallTool("find", {}, server="a"))
    namespace = {"type": "namespace", "name": "mcp__a", "tools": [{"name": "find"}]}
    nested = call_in_words_of(_offering(namespace), CallTool("find", {}, server="a"))
    assert (flat.name, nested.name, nested.namespace) == ("mcp__a__find", "find", "mcp__a")
