import pytest

from animus_agent_cli.request import ToolPolicy, UnsupportedError
from animus_provider_codex.policy import mcp_tools, permission_args, sandbox_mode


def words(request):
    return " ".join(permission_args(request))


@pytest.mark.parametrize(
    ("named", "mode"),
    [
        (None, "workspace-write"),
        ("default", "workspace-write"),
        ("acceptEdits", "workspace-write"),
        ("never", "workspace-write"),
        ("on-failure", "workspace-write"),
        ("plan", "read-only"),
        ("read-only", "read-only"),
        ("bypassPermissions", "danger-full-access"),
        ("danger-full-access", "danger-full-access"),
    ],
)
def test_permission_mode_is_a_sandbox_mode(request_of, named, mode):
    request = request_of(permission_mode=named)
    assert sandbox_mode(request) == mode
    assert permission_args(request) == ["-c", f'sandbox_mode="{mode}"', "-c", 'approval_policy="never"']


def test_unknown_permission_mode_is_refused(request_of):
    with pytest.raises(UnsupportedError, match="'yolo' is unknown"):
        sandbox_mode(request_of(permission_mode="yolo"))


@pytest.mark.parametrize("named", ["untrusted", "on-request"])
def test_mode_that_asks_a_person_is_refused(request_of, named):
    with pytest.raises(UnsupportedError, match="asks a person"):
        sandbox_mode(request_of(permission_mode=named))


@pytest.mark.parametrize(
    "tools",
    [
        ToolPolicy(allow=("Read", "Grep")),
        ToolPolicy(deny=("Edit", "Write")),
        ToolPolicy(deny=("Edit", "Write", "apply_patch")),
        ToolPolicy(allow=("mcp__x",)),
    ],
)
def test_policy_without_writing_makes_commands_read_only(request_of, tools):
    assert sandbox_mode(request_of(tools=tools)) == "read-only"


@pytest.mark.parametrize("tools", [ToolPolicy(), ToolPolicy(allow=("*",)), ToolPolicy(allow=("Bash",))])
def test_policy_with_commands_lets_them_write(request_of, tools):
    assert sandbox_mode(request_of(tools=tools)) == "workspace-write"


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        (ToolPolicy(deny=("Bash",)), "cannot be forbidden to run commands"),
        (ToolPolicy(deny=("*",)), "cannot be forbidden to run commands"),
        (ToolPolicy(deny=("Read",)), "cannot be forbidden to read"),
        (ToolPolicy(deny=("Edit",)), "together or not at all"),
        (ToolPolicy(allow=("Bash(git *)",)), "cannot judge the arguments"),
        (ToolPolicy(deny=("Teleport",)), "has no such tool"),
        (ToolPolicy(allow=("NoSuch*",)), "has no such tool"),
    ],
)
def test_what_no_setting_enforces_is_refused(request_of, tools, reason):
    with pytest.raises(UnsupportedError, match=reason):
        permission_args(request_of(tools=tools))


def test_policy_against_writing_and_a_mode_with_it_contradict(request_of):
    with pytest.raises(UnsupportedError, match="forbids writing"):
        sandbox_mode(request_of(tools=ToolPolicy(deny=("Edit", "Write")), permission_mode="bypassPermissions"))


def test_inside_a_sandbox_the_programs_own_is_off(request_of):
    assert sandbox_mode(request_of(sandbox=True)) == "danger-full-access"
    for more in ({"permission_mode": "plan"}, {"tools": ToolPolicy(allow=("Read",))}):
        with pytest.raises(UnsupportedError, match="read-only work"):
            sandbox_mode(request_of(sandbox=True, **more))


def test_policy_shuts_out_tools_that_are_set_up_elsewhere(request_of):
    assert "--ignore-user-config" in permission_args(request_of(tools=ToolPolicy(deny=("WebSearch",))))
    assert "--ignore-user-config" not in permission_args(request_of())


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, None),
        ({"web_search": True}, "live"),
        ({"web_search": False}, "disabled"),
        ({"tools": ToolPolicy(deny=("WebSearch",))}, "disabled"),
        ({"tools": ToolPolicy(allow=("Bash",))}, "disabled"),
        ({"tools": ToolPolicy(allow=("Bash", "WebSearch"))}, "live"),
        ({"tools": ToolPolicy(allow=("Bash", "WebSearch")), "web_search": False}, "disabled"),
    ],
)
def test_web_search_is_switched_only_when_somebody_says_so(request_of, more, expected):
    text = words(request_of(**more))
    assert (f'web_search="{expected}"' in text) if expected else ("web_search" not in text)


def test_web_search_that_policy_forbids_is_refused(request_of):
    with pytest.raises(UnsupportedError, match="forbids it"):
        permission_args(request_of(web_search=True, tools=ToolPolicy(deny=("WebSearch",))))


def test_agents_of_the_agent_are_switched_off(request_of):
    off = "features.multi_agent=false"
    assert off in words(request_of(tools=ToolPolicy(deny=("Task",))))
    assert off in words(request_of(tools=ToolPolicy(allow=("Bash",))))
    assert off not in words(request_of(tools=ToolPolicy(allow=("Bash", "Agent"))))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"network_access": True}, "sandbox_workspace_write.network_access=true"),
        ({"network_access": False}, "sandbox_workspace_write.network_access=false"),
        ({"network_access": True, "permission_mode": "danger-full-access"}, None),
        ({"network_access": False, "permission_mode": "plan"}, None),
        ({"network_access": False, "sandbox": True}, None),
    ],
)
def test_network_access_is_the_sandbox_modes(request_of, more, expected):
    text = words(request_of(**more))
    assert (expected in text) if expected else ("network_access" not in text)


@pytest.mark.parametrize(
    "more",
    [
        {"network_access": True, "permission_mode": "plan"},
        {"network_access": False, "permission_mode": "danger-full-access"},
        {"network_access": True, "sandbox": True},
    ],
)
def test_network_access_that_cannot_be_had_is_refused(request_of, more):
    with pytest.raises(UnsupportedError, match="network"):
        permission_args(request_of(**more))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (None, {}),
        (ToolPolicy(), {}),
        (ToolPolicy(deny=("Edit", "Write")), {}),
        (ToolPolicy(deny=("mcp__x",)), None),
        (ToolPolicy(deny=("mcp__x__*",)), None),
        (ToolPolicy(deny=("mcp__*",)), None),
        (ToolPolicy(deny=("mcp__x__a", "mcp__y__b")), {"disabled_tools": ["a"]}),
        (ToolPolicy(allow=("Bash",)), None),
        (ToolPolicy(allow=("*",)), {}),
        (ToolPolicy(allow=("mcp__x",)), {}),
        (ToolPolicy(allow=("mcp__x__a", "Bash")), {"enabled_tools": ["a"]}),
        (ToolPolicy(allow=("mcp__x__a", "mcp__x"), deny=("mcp__x__b",)), {"disabled_tools": ["b"]}),
        (ToolPolicy(allow=("mcp__xx__a",)), None),
    ],
)
def test_policy_leaves_of_a_server_what_it_allows(policy, expected):
    assert mcp_tools(policy, "x") == expected


def test_pattern_of_tools_is_refused():
    with pytest.raises(UnsupportedError, match="whole names only"):
        mcp_tools(ToolPolicy(deny=("mcp__x__get_*",)), "x")
