import pytest

from animus_plugin_protocol import ErrorCode, RefusedError
from animus_plugin_protocol.wire.provider import AgentRunParams
from animus_provider_oai.request import task_of


def _task(folder, **more):
    return task_of(AgentRunParams(prompt="p", cwd=str(folder), **more), None, {}, None)


def test_task_holds_what_was_asked(tmp_path):
    task = _task(
        tmp_path,
        model="m",
        reasoning_effort="high",
        tools={"allow": ["read"]},
        approvals={"policy": "ask", "timeout_secs": 5},
        response_schema={"type": "object"},
        permission_mode="plan",
        sandbox="bubblewrap",
        network_access=False,
        timeout_secs=0,
        env={"ANIMUS_RUN_ID": "r1"},
    )
    assert (task.model, task.reasoning_effort, task.tools.allow) == ("m", "high", ("read",))
    assert task.approvals == ("ask", 5)
    assert (task.is_read_only, task.is_sandboxed, task.timeout_seconds, task.run_id) == (True, True, None, "r1")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"mcp_servers": {"a": {"command": "x"}}}, "mcp_servers"),
        ({"permission_mode": "yolo"}, "permission_mode 'yolo'"),
        ({"sandbox": "docker"}, "sandbox 'docker'"),
        ({"web_search": True}, "web_search"),
        ({"network_access": False}, "network_access false"),
        ({"network_access": True, "sandbox": "bubblewrap"}, "network_access true"),
        ({"config_overrides": ["a=b"]}, "config_overrides"),
        ({"tool_profile": "work"}, "tool_profile"),
        ({"extra_args": ["-v"]}, "extra_args"),
        ({"tools": {"allow": ["shell(git *)"]}}, r"tool rule 'shell\(git \*\)'"),
    ],
)
def test_what_cannot_be_honoured_is_refused(tmp_path, more, message):
    with pytest.raises(RefusedError, match=f"cannot honour {message}") as caught:
        _task(tmp_path, **more)
    assert caught.value.code == ErrorCode.INVALID_PARAMS
    assert caught.value.data["category"] == "session_start_failed"


@pytest.mark.parametrize(
    "more",
    [
        {"web_search": False},
        {"network_access": True},
        {"sandbox": "none"},
        {"permission_mode": "acceptEdits"},
        {"mcp_servers": {}},
        {"mcp_servers": {"animus": {"command": "animus", "optional": True}}},
    ],
)
def test_what_changes_nothing_is_taken(tmp_path, more):
    assert _task(tmp_path, **more).prompt == "p"


@pytest.mark.parametrize(
    "approvals", [{"policy": "maybe"}, {"mode": "ask"}, "ask", {"policy": "ask", "on_timeout": "allow"}]
)
def test_approvals_that_cannot_be_meant_are_refused(tmp_path, approvals):
    with pytest.raises(RefusedError, match="approvals must be"):
        _task(tmp_path, approvals=approvals)
