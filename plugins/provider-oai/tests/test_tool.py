import pytest

from animus_agent_cli.request import ToolPolicy
from animus_provider_oai.tool import TOOLS, ArgumentError, arguments_for, may_use

_BY_NAME = {tool.name: tool for tool in TOOLS}


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        (None, {"read", "write", "edit", "search", "list", "shell"}),
        (ToolPolicy(), {"read", "write", "edit", "search", "list", "shell"}),
        (ToolPolicy(allow=("read", "search")), {"read", "search"}),
        (ToolPolicy(deny=("shell", "w*")), {"read", "edit", "search", "list"}),
        (ToolPolicy(allow=("*",), deny=("Bash",)), {"read", "write", "edit", "search", "list"}),
        (ToolPolicy(allow=("Read", "Grep", "exec_command")), {"read", "search", "shell"}),
        (ToolPolicy(allow=("shell",), deny=("shell",)), set()),
        (ToolPolicy(deny=("*",)), set()),
        (ToolPolicy(deny=("WebFetch",)), {"read", "write", "edit", "search", "list", "shell"}),
    ],
)
def test_policy_leaves_tools_by_any_of_their_names(policy, left):
    assert {tool.name for tool in TOOLS if may_use(policy, tool)} == left


def test_definition_is_what_an_endpoint_expects():
    definition = _BY_NAME["shell"].definition
    assert definition["type"] == "function"
    assert definition["function"]["parameters"]["required"] == ["command"]


def test_arguments_pass_and_null_is_absent():
    assert arguments_for(_BY_NAME["read"], {"path": "a", "limit": None}) == {"path": "a"}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("read", [], "must be a JSON object"),
        ("read", {}, "needs the argument 'path'"),
        ("read", {"path": None}, "needs the argument 'path'"),
        ("read", {"file": "a"}, "has no argument 'file'"),
        ("read", {"path": 1}, "must be of type string"),
        ("read", {"path": "a", "limit": True}, "must be of type integer"),
        ("edit", {"path": "a", "old": "b", "new": "c", "all": "yes"}, "must be of type boolean"),
    ],
)
def test_arguments_that_do_not_fit_are_told(name, given, message):
    with pytest.raises(ArgumentError, match=message):
        arguments_for(_BY_NAME[name], given)
