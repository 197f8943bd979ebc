import pytest

from animus_agent_cli.request import ToolPolicy


def test_rule_with_arguments_does_not_allow_every_use():
    policy = ToolPolicy(("Bash(git *)", "Read"), ("Write",))
    assert [policy.may_use_freely(name) for name in ("Bash", "Read", "Write", "Edit")] == [False, True, False, False]
    assert ToolPolicy().may_use_freely("Bash")


@pytest.mark.parametrize(
    ("allow", "deny", "name", "may"),
    [
        ((), (), "Bash", True),
        (("Read",), (), "Bash", False),
        (("Bash(git *)",), (), "Bash", True),
        (("mcp__x__*",), (), "mcp__x__get", True),
        (("*",), ("Web*",), "WebFetch", False),
        (("Bash",), ("Bash",), "Bash", False),
        ((), ("Bash(rm *)",), "Bash", True),
    ],
)
def test_denied_is_denied_and_no_allow_allows_the_rest(allow, deny, name, may):
    assert ToolPolicy(allow, deny).may_use(name) is may
