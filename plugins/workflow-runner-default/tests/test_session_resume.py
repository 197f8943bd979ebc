"""Sessions of agents over the wire: resumed after the runner was killed, asked and answered, counted."""

import threading
import time

import pytest

DEFINITIONS = """
agents:
  coder: {tool: scripted, approval_policy: {default: ask}}
workflows: [{id: w, worktree: skip, phases: [impl]}]
phases:
  impl: {mode: agent, agent: coder, directive: Do it}
"""
WAIT_SECONDS = 60
USED = {"tokens_used": {"input": 100, "output": 20, "cached": 7}, "cost_usd": 0.125, "model": "model-1"}


class Agent:
    """A provider that a test drives by hand: it tells what it does and waits to be let go on."""

    def __init__(self, host, reply) -> None:
        self.host, self.reply = host, reply
        self.runs: list[dict[str, object]] = []
        self.responses: list[dict[str, object]] = []
        self.began, self.go_on, self.answered = threading.Event(), threading.Event(), threading.Event()
        self.questions: list[dict[str, object]] = []
        self.result: object = reply("done", resume_id="own-1", **USED)
        host.on_host_call = self

    def __call__(self, call):
        if call["method"] == "agent/respond":
            self.responses.append(call["params"])
            self.answered.set()
            return {"accepted": True}
        self.runs.append(call)
        self.host.tell(call, "agent/sessionStarted", {"resume_id": "own-1"})
        for question in self.questions:
            self.answered.clear()
            self.host.tell(call, "agent/interactionRequested", question)
            self.began.set()
            assert self.answered.wait(60)
        self.began.set()
        assert self.go_on.wait(60)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


APPROVAL = {
    "interaction_id": "q1",
    "kind": "approval",
    "payload": {"tool_name": "Bash", "arguments": {"command": "ls"}},
}


@pytest.fixture
def start_agent(start_host, define, agent_reply):
    define(DEFINITIONS)

    def start() -> Agent:
        return Agent(start_host(host_calls=True), agent_reply)

    return start


def wait_for_session(agent: Agent, run_id: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        value = agent.host.call("workflow/inspect", {"what": "run", "workflow_id": run_id})["value"]
        calls = value["phases"][-1].get("calls", []) if value["phases"] else []
        if calls and calls[-1].get("session") == "own-1":
            return
    raise AssertionError(value)


def test_killed_runner_resumes_the_agents_session_as_the_same_attempt(start_agent):
    first = start_agent()
    first.host.begin_execute("w", workflow_id="r1")
    assert first.began.wait(60)
    wait_for_session(first, "r1")
    first.host.kill()
    first.go_on.set()

    second = start_agent()
    second.go_on.set()
    result = second.host.call("workflow/execute", {"workflow_id": "r1"})
    assert result["workflow_status"] == "completed", result
    (resumed,) = second.runs
    assert resumed["method"] == "agent/resume"
    assert resumed["name"] == "scripted"
    params = resumed["params"]
    assert (params["session_id"], params["control_session_id"]) == ("own-1", "r1.impl.1.2")
    assert "You were interrupted" in params["prompt"]
    (row,) = second.host.call("journal/load", {"workflow_id": "r1"})["run"]["blob"]["phases"]
    assert (row["attempt"], row["starts"]) == (1, 2)
    assert [call["purpose"] for call in row["calls"]] == ["run", "resume"]


def test_runner_whose_host_is_gone_leaves_the_session_to_the_next_one(start_agent):
    first = start_agent()
    first.host.begin_execute("w", workflow_id="r1")
    assert first.began.wait(60)
    wait_for_session(first, "r1")
    first.host.close()
    first.go_on.set()

    second = start_agent()
    second.go_on.set()
    assert second.host.call("workflow/execute", {"workflow_id": "r1"})["workflow_status"] == "completed"
    (row,) = second.host.call("journal/load", {"workflow_id": "r1"})["run"]["blob"]["phases"]
    assert [(call["purpose"], call.get("failure")) for call in row["calls"]] == [
        ("run", "interrupted"),
        ("resume", None),
    ]


def test_killed_runner_of_an_agent_without_sessions_parks_the_run(start_agent, rpc_error):
    first = start_agent()
    first.host.begin_execute("w", workflow_id="r1")
    assert first.began.wait(60)
    wait_for_session(first, "r1")
    first.host.kill()
    first.go_on.set()

    second = start_agent()
    second.go_on.set()
    second.result = rpc_error({"code": -32601, "message": "no method 'agent/resume'"})
    result = second.host.call("workflow/execute", {"workflow_id": "r1"})
    assert result["workflow_status"] == "paused", result
    assert result["waiting"]["kind"] == "blocked"
    assert "no method 'agent/resume'" in result["waiting"]["reason"]
    assert result["waiting"]["command"] == "animus workflow resume r1 --force"

    second.result = second.reply("done")
    assert second.host.signal("r1", "resume", force=True)["runnable"] is True
    assert second.host.call("workflow/execute", {"workflow_id": "r1"})["workflow_status"] == "completed"
    assert [run["method"] for run in second.runs] == ["agent/resume", "agent/run"]


def test_what_an_agent_asks_is_shown_and_answered_by_a_signal(start_agent):
    agent = start_agent()
    agent.questions = [APPROVAL]
    agent.go_on.set()
    number = agent.host.begin_execute("w", workflow_id="r1")
    waiting = agent.host.wait_progress(number, kind="waiting")["waiting"]
    assert waiting["kind"] == "interaction"
    assert (waiting["interaction_id"], waiting["interaction_kind"], waiting["tool"]) == ("q1", "approval", "Bash")
    assert waiting["arguments"] == {"command": "ls"}
    assert waiting["command"] == "animus agent interactions answer q1 --allow"
    blob = agent.host.call("journal/load", {"workflow_id": "r1"})["run"]["blob"]
    assert blob["status"] == "running"
    assert blob["waiting"]["interaction_id"] == "q1"
    assert blob["interactions"][0]["status"] == "pending"

    answer = agent.host.signal(
        "r1", "answer", interaction_id="q1", response={"decision": "allow"}, actor={"user_id": "me"}
    )
    assert "the agent was told" in answer["message"]
    agent.host.wait_progress(number, kind="resumed")
    assert agent.host.finish(number)["workflow_status"] == "completed"
    (told,) = agent.responses
    assert (told["interaction_id"], told["session_id"]) == ("q1", "r1.impl.1.1")
    assert told["response"] == {"decision": "allow"}
    (row,) = agent.host.call("journal/load", {"workflow_id": "r1"})["run"]["blob"]["interactions"]
    assert (row["status"], row["answered_by"]) == ("answered", "me")


def test_an_answer_survives_the_runner_that_asked(start_agent):
    first = start_agent()
    first.questions = [APPROVAL]
    number = first.host.begin_execute("w", workflow_id="r1")
    first.host.wait_progress(number, kind="waiting")
    first.host.kill()
    first.answered.set()
    first.go_on.set()

    second = start_agent()
    stored = second.host.signal("r1", "answer", response={"decision": "deny", "message": "not now"})
    assert "when its session goes on" in stored["message"]
    second.questions = [APPROVAL | {"interaction_id": "again"}]
    second.go_on.set()
    assert second.host.call("workflow/execute", {"workflow_id": "r1"})["workflow_status"] == "completed"
    (told,) = second.responses
    assert told["interaction_id"] == "again"
    assert told["response"] == {"decision": "deny", "message": "not now"}


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"response": {"decision": "allow"}, "interaction_id": "q9"}, "there is no interaction 'q9'"),
        ({"response": {"decision": "maybe"}, "interaction_id": "q1"}, "a response is"),
        ({"interaction_id": "q1"}, "needs a response"),
    ],
)
def test_answers_that_cannot_be_meant_are_refused(start_agent, rpc_error, more, text):
    agent = start_agent()
    agent.questions = [APPROVAL]
    agent.go_on.set()
    number = agent.host.begin_execute("w", workflow_id="r1")
    agent.host.wait_progress(number, kind="waiting")
    with pytest.raises(rpc_error, match=text) as refusal:
        agent.host.signal("r1", "answer", **more)
    assert refusal.value.code == -32602
    agent.host.signal("r1", "cancel")
    assert agent.host.finish(number)["workflow_status"] == "cancelled"
    blob = agent.host.call("journal/load", {"workflow_id": "r1"})["run"]["blob"]
    assert blob["interactions"][0]["status"] == "withdrawn"
    agent.answered.set()


def test_what_the_profile_says_goes_over_the_wire(start_agent, define):
    define("""
agents:
  coder:
    tool: scripted
    role: engineer
    permission_mode: plan
    reasoning_effort: low
    sandbox: bubblewrap
    web_search: false
    network_access: true
    codex_config_overrides: ["a=1"]
    extra_args: [-x]
    tool_policy: {deny: [Bash]}
    approval_policy: {default: deny}
    mcp_servers: [hub]
mcp_servers: {hub: {command: hub}}
workflows: [{id: w, worktree: skip, phases: [impl]}]
phases:
  impl: {mode: agent, agent: coder, directive: Do it, runtime: {timeout_secs: 60}}
""")
    agent = start_agent()
    agent.go_on.set()
    assert agent.host.execute("w", workflow_id="r1")["workflow_status"] == "completed"
    params = agent.runs[0]["params"]
    assert params["system_prompt"] == "You are coder, engineer."
    assert (params["permission_mode"], params["reasoning_effort"], params["sandbox"]) == ("plan", "low", "bubblewrap")
    assert (params["web_search"], params["network_access"]) == (False, True)
    assert (params["config_overrides"], params["extra_args"]) == (["a=1"], ["-x"])
    assert params["tools"] == {"allow": [], "deny": ["Bash"]}
    assert params["approvals"] == {"policy": "deny"}
    assert params["mcp_servers"] == {"hub": {"command": "hub", "args": [], "env": {}}}
    assert 1 <= params["timeout_secs"] <= 60
    assert params["session_id"] == params["control_session_id"] == "r1.impl.1.1"


def test_tokens_and_cost_are_in_the_run_and_its_phases(start_agent):
    agent = start_agent()
    agent.go_on.set()
    number = agent.host.begin_execute("w", workflow_id="r1")
    agent.host.finish(number)
    blob = agent.host.call("journal/load", {"workflow_id": "r1"})["run"]["blob"]
    (row,) = blob["phases"]
    assert row["tokens"] == {"input": 100, "output": 20, "cached": 7}
    assert (row["cost_usd"], row["model"], row["target"]) == (0.125, "model-1", "scripted")
    assert (blob["tokens"], blob["cost_usd"]) == (row["tokens"], 0.125)
    event = agent.host.wait_progress(number, kind="completed")
    assert (event["cost_usd"], event["tokens"]["input"]) == (0.125, 100)


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ({"code": -32502, "message": "the plugin ended"}, "transient"),
        ({"code": -32503, "message": "too busy"}, "transient"),
        ({"code": -32500, "message": "no plugin"}, "target_unavailable"),
        ({"code": -32603, "message": "x", "data": {"category": "unavailable"}}, "target_unavailable"),
        ({"code": -32603, "message": "x", "data": {"failure": "auth"}}, "auth"),
        ({"code": -32603, "message": "x", "data": {"failure": "provider_exhaustion"}}, "provider_exhaustion"),
    ],
)
def test_faults_of_host_and_provider_have_their_class(start_agent, rpc_error, fault, failure):
    agent = start_agent()
    agent.go_on.set()
    agent.result = rpc_error(fault)
    result = agent.host.execute("w", workflow_id="r1")
    assert result["workflow_status"] == "failed"
    targets = result["phase_results"][0]["metadata"]["targets"]
    assert {row["failure"] for row in targets} == {failure}
    assert len(targets) == (3 if failure == "transient" else 1)
