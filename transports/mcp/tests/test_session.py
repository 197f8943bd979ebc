"""The lifecycle of a session, and what is refused in it."""

import pytest

from animus_control.errors import ControlError
from animus_plugin_protocol.errors import RefusedError, RpcFault
from animus_transport_mcp.resource import RESOURCES
from animus_transport_mcp.session import VERSIONS, Session

HELLO = {"protocolVersion": VERSIONS[0], "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}


@pytest.fixture
def asked():
    return []


@pytest.fixture
def session(asked):
    def route(operation, params):
        asked.append((operation.name, params))
        if operation.name == "queue/stats":
            raise RefusedError("the queue is locked", code=-32205)
        if operation.name == "queue/drop":
            raise ControlError("not_found", "no such entry")
        return {"ok": True}

    session = Session(route, lambda: False)
    session.answer("initialize", HELLO)
    return session


@pytest.mark.parametrize("version", VERSIONS)
def test_known_version_is_spoken(session, version):
    assert session.answer("initialize", HELLO | {"protocolVersion": version})["protocolVersion"] == version


def test_unknown_version_is_answered_with_the_latest(session):
    assert session.answer("initialize", HELLO | {"protocolVersion": "1999-01-01"})["protocolVersion"] == VERSIONS[0]


def test_nothing_but_ping_is_answered_before_initialize():
    session = Session(lambda *_: None, lambda: True)
    assert session.answer("ping", None) == {}
    with pytest.raises(RpcFault, match="before 'initialize'") as caught:
        session.answer("tools/list", None)
    assert caught.value.code == -32600


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("prompts/list", None, -32601),
        ("tools/list", [1], -32602),
        ("tools/list", {"cursor": "x"}, -32602),
        ("tools/call", {"name": "rm"}, -32602),
        ("tools/call", {"name": ["x"]}, -32602),
        ("tools/call", {"name": "queue_list", "arguments": [1]}, -32602),
        ("resources/read", {"uri": "animus://project/x"}, -32002),
        ("resources/read", {"uri": 7}, -32002),
        ("initialize", {}, -32602),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_code(session, method, params, code):
    with pytest.raises(RpcFault) as caught:
        session.answer(method, params)
    assert caught.value.code == code


def test_failing_tool_is_a_result_that_says_so(session):
    for tool, text in (("queue_drop", "not_found: no such entry"), ("queue_stats", "the queue is locked")):
        arguments = {"id": "e"} if tool == "queue_drop" else {}
        answer = session.answer("tools/call", {"name": tool, "arguments": arguments})
        assert answer["isError"]
        assert text in answer["content"][0]["text"]


def test_wrong_arguments_reach_no_operation(session, asked):
    assert session.answer("tools/call", {"name": "queue_list", "arguments": {"limt": 1}})["isError"]
    assert asked == []


def test_management_tool_is_not_there_without_the_option(session):
    with pytest.raises(RpcFault, match="no tool 'workflow_phase_approve'"):
        session.answer("tools/call", {"name": "workflow_phase_approve", "arguments": {"id": "r"}})


def test_every_resource_can_be_read(session):
    listed = {row["uri"] for row in session.answer("resources/list", None)["resources"]}
    assert listed == set(RESOURCES)
    for uri in listed:
        assert session.answer("resources/read", {"uri": uri})["contents"][0]["uri"] == uri


def test_work_that_waits_for_a_daemon_says_so(session):
    answer = session.answer("tools/call", {"name": "queue_enqueue", "arguments": {"subject": "task:T"}})
    assert "animus daemon start" in answer["content"][1]["text"]
