"""Agent phases through the plugin; the host answers for the provider."""

import json
import threading
from pathlib import Path

import pytest

AGENT = """
agents:
  coder: {system_prompt: You write code., tool: scripted}
  critic: {system_prompt: You review., tool: scripted}
workflows:
  - id: w
    phases:
      - impl
      - review:
          on_verdict:
            rework: {target: impl, ROUTE}
phases:
  impl: {mode: agent, agent: coder, directive: "Implement {{subject_id}} {{unknown}}"}
  review:
    mode: agent
    agent: critic
    directive: Review it
    decision_contract: {CONTRACT}
"""


def definitions(contract: str = "required_evidence: []", route: str = "allow_agent_target: false") -> str:
    return AGENT.replace("CONTRACT", contract).replace("ROUTE", route)


def decision(verdict: str, **more: object) -> str:
    return json.dumps({"kind": "phase_decision", "verdict": verdict, "confidence": 0.9, "risk": "low"} | more)


class Script:
    """Answers agent calls in order and keeps what was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, object]] = []

    def __call__(self, params: dict[str, object]) -> object:
        self.asked.append(params)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def prompts(self) -> list[str]:
        return [asked["params"]["prompt"] for asked in self.asked]


@pytest.fixture
def agents(start_host, agent_reply):
    host = start_host(host_calls=True)

    def script(*answers: object) -> tuple[object, Script]:
        replies = [agent_reply(answer) if isinstance(answer, str) else answer for answer in answers]
        scripted = Script(*replies)
        host.on_host_call = scripted
        return host, scripted

    return script


def test_review_sends_the_run_back_with_its_reason_in_the_next_prompt(agents, define):
    define(definitions())
    host, script = agents("done", decision("rework", reason="handle the empty list"), "done", decision("advance"))
    result = host.execute("w", workflow_id="a1")
    assert result["workflow_status"] == "completed", result
    assert [(row["phase_id"], row["metadata"]["attempt"]) for row in result["phase_results"]] == [
        ("impl", 1),
        ("review", 1),
        ("impl", 2),
        ("review", 2),
    ]
    assert "handle the empty list" in script.prompts()[2]
    assert "Failure context:" in script.prompts()[2]
    assert "Failure context:" not in script.prompts()[0]
    blob = host.call("journal/load", {"workflow_id": "a1"})["run"]["blob"]
    assert blob["rework_counts"] == {"impl": 1}


def test_prompt_has_its_sections_and_expands_nothing_twice(agents, define):
    define(definitions())
    host, script = agents("done", decision("advance"))
    host.execute("w", subject={"title": "{{workflow_id}}", "description": "Do {{project_root}}"})
    first = script.asked[0]
    assert first["kind"] == "provider"
    assert first["method"] == "agent/run"
    assert first["name"] == "scripted"
    params = first["params"]
    assert "Implement TASK-1 {{unknown}}" in params["prompt"]
    assert "{{workflow_id}}" in params["prompt"]
    assert "Do {{project_root}}" in params["prompt"]
    assert params["system_prompt"].startswith("You are coder.")
    assert params["env"]["ANIMUS_SUBJECT_ID"] == "task:TASK-1"
    assert params["context"]["subject"]["title"] == "{{workflow_id}}"
    review = script.prompts()[1]
    assert "last line of your answer must be one line of JSON" in review
    assert "- impl (attempt 1, advance): done" in review


def test_agent_target_that_is_not_allowed_is_ignored(agents, define):
    define(definitions(route="allow_agent_target: true, allowed_targets: [impl]"))
    host, _ = agents("done", decision("rework", target_phase="review"), "done", decision("advance"))
    result = host.execute("w")
    assert [row["phase_id"] for row in result["phase_results"]] == ["impl", "review", "impl", "review"]


def test_missing_decision_under_a_contract_is_reworked_not_advanced(agents, define):
    define(definitions())
    host, script = agents("done", "looks good to me", "done", decision("advance"))
    result = host.execute("w")
    assert result["workflow_status"] == "completed"
    assert result["phase_results"][1]["status"] == "rework"
    assert "no decision was found" in script.prompts()[2]


def test_missing_decision_advances_only_where_the_author_wrote_that(agents, define):
    define(definitions("allow_missing_decision: true"))
    host, _ = agents("done", "looks good to me")
    assert host.execute("w")["workflow_status"] == "completed"


def test_invalid_verdict_under_a_contract_fails_and_never_advances(agents, define):
    define(definitions())
    host, _ = agents("done", decision("approved"))
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert "'approved' is not one of" in result["reason"]


def test_low_confidence_is_reworked_with_what_the_contract_asks(agents, define):
    define(definitions("min_confidence: 0.8, required_evidence: [tests_passed]"))
    good = decision("advance", evidence=[{"kind": "tests_passed"}])
    host, script = agents("done", decision("advance", confidence=0.5), "done", good)
    assert host.execute("w")["workflow_status"] == "completed"
    assert "confidence 0.5 is below the minimum 0.8" in script.prompts()[2]
    assert "evidence 'tests_passed' is missing" in script.prompts()[2]


def test_streamed_answer_counts_and_is_logged(agents, define, agent_reply):
    define(definitions())
    streamed = agent_reply("", notes=["thinking about it\n", decision("adv")[:20], decision("adv")[20:] + "\n"])
    streamed["notes"][1:] = [decision("advance")[:20], decision("advance")[20:] + "\n"]
    host, _ = agents("done", streamed)
    result = host.execute("w")
    assert result["workflow_status"] == "completed", result
    log = Path(result["phase_results"][1]["metadata"]["log_file"]).read_text()
    assert log == "thinking about it\n" + decision("advance") + "\n"


def test_connection_errors_are_retried_on_the_same_target(agents, define, rpc_error):
    define(definitions())
    reset = rpc_error({"code": -32603, "message": "connection reset"})
    host, script = agents(reset, reset, "done", decision("advance"))
    result = host.execute("w")
    assert result["workflow_status"] == "completed"
    assert [target["attempt"] for target in result["phase_results"][0]["metadata"]["targets"]] == [1, 2, 3]
    assert {asked["name"] for asked in script.asked} == {"scripted"}


def test_exhausted_provider_is_followed_by_the_fallback_without_a_retry(agents, define, rpc_error):
    define(definitions().replace("tool: scripted}\n  critic", "tool: scripted, fallback_tools: [other]}\n  critic"))
    quota = rpc_error({"code": -32603, "message": "quota exceeded"})
    host, script = agents(quota, "done", decision("advance"))
    assert host.execute("w")["workflow_status"] == "completed"
    assert [asked["name"] for asked in script.asked] == ["scripted", "other", "scripted"]


def test_exit_code_beats_what_the_agent_printed(agents, define, agent_reply):
    define(definitions())
    host, _ = agents("done", agent_reply(decision("advance"), exit_code=3))
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert "exited with code 3" in result["reason"]


def test_tool_with_an_executable_goes_to_the_command_provider(agents, define):
    define(definitions() + "tools:\n  scripted: {executable: ./agent.sh, base_args: [--fast]}\n")
    host, script = agents("done", decision("advance"))
    assert host.execute("w")["workflow_status"] == "completed"
    assert script.asked[0]["name"] == "command"
    assert script.asked[0]["params"]["command"] == {"program": "./agent.sh", "args": ["--fast"]}


def test_host_without_host_calls_fails_the_phase_and_names_the_feature(host, define):
    define(definitions())
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert "host_calls" in result["reason"]


def test_rework_reason_survives_a_kill_of_the_runner(start_host, define, agent_reply):
    define(definitions().replace("mode: agent, agent: coder", "mode: agent, agent: coder, idempotency: idempotent"))
    first = start_host(host_calls=True)
    answers = [agent_reply("done"), agent_reply(decision("rework", reason="mind the gap"))]

    def answer(params: dict[str, object]) -> object:
        if not answers:
            first.process.kill()
            raise ConnectionError
        return answers.pop(0)

    first.on_host_call = lambda params: answer(params) if answers else first.process.kill() or agent_reply("late")
    number = first.begin_execute("w", workflow_id="r1")
    with pytest.raises(ConnectionError):
        first.finish(number)
    second = start_host(host_calls=True)
    script = Script(agent_reply("done"), agent_reply(decision("advance")))
    second.on_host_call = script
    assert second.call("workflow/execute", {"workflow_id": "r1"})["workflow_status"] == "completed"
    assert "mind the gap" in script.prompts()[0]


def test_cancelled_run_cancels_its_agent(start_host, define, agent_reply):
    define(definitions())
    host = start_host(host_calls=True)
    release = threading.Event()
    host.on_host_call = lambda params: release.wait(60) and agent_reply("late")
    number = host.begin_execute("w", workflow_id="x1")
    host.wait_progress(number, kind="started", phase_id="impl")
    with host.arrived:
        host.arrived.wait_for(lambda: host.calls, 60)
    assert host.signal("x1", "cancel")["status"] == "cancelled"
    assert host.finish(number)["workflow_status"] == "cancelled"
    with host.arrived:
        assert host.arrived.wait_for(lambda: host.cancelled, 60)
    release.set()


def test_agent_that_takes_too_long_fails_the_run(start_host, define, agent_reply):
    define(definitions().replace("agent: coder, directive", "runtime: {timeout_secs: 1}, agent: coder, directive"))
    host = start_host(host_calls=True)
    release = threading.Event()
    host.on_host_call = lambda params: release.wait(60) and agent_reply("late")
    result = host.execute("w")
    release.set()
    assert result["workflow_status"] == "failed"
    assert "longer than 1 s" in result["reason"]


def test_large_payload_is_not_carried_along(start_host, define):
    define(
        "tools_allowlist: [sh]\nworkflows:\n  - {id: w, phases: [p]}\nphases:\n  p:\n    mode: command\n    command:\n"
        "      program: sh\n      parse_json_output: true\n"
        '      args: [-c, \'printf \\{; printf %s \\"a\\":\\"; head -c 200000 /dev/zero | tr \\\\0 x; echo \\"\\}\']\n'
    )
    result = start_host().execute("w")
    assert result["workflow_status"] == "completed", result
    assert "200008 bytes" in result["phase_results"][0]["outcome"]["result"]["payload"]


def test_prompt_can_be_looked_at_before_it_is_sent(agents, define):
    define(definitions())
    host, _ = agents("done", decision("advance"))
    host.execute("w", workflow_id="i1")
    value = host.call("workflow/inspect", {"what": "prompt", "workflow_id": "i1", "phase_id": "review"})["value"]
    assert "Review it" in value["prompt"]
    assert value["system"].startswith("You are critic.")


def test_run_phase_runs_one_phase_without_bookkeeping(agents, define, project):
    define(definitions())
    host, script = agents(decision("rework", reason="no"))
    result = host.call(
        "workflow/run_phase",
        {
            "execution_cwd": str(project),
            "workflow_id": "x",
            "workflow_ref": "w",
            "subject_id": "task:T",
            "subject_title": "t",
            "subject_description": "d",
            "phase_id": "review",
            "phase_attempt": 2,
            "rework_context": "earlier trouble",
        },
    )
    assert result["phase_status"] == "completed"
    assert result["outcome"]["decision"]["verdict"] == "rework"
    assert "earlier trouble" in script.prompts()[0]
    assert host.call("journal/list", {})["runs"] == []


def test_run_phase_outside_the_project_is_refused(agents, define, tmp_path, rpc_error):
    define(definitions())
    host, _ = agents()
    params = {"workflow_id": "x", "workflow_ref": "w", "subject_id": "task:T", "subject_title": "t"}
    params |= {"subject_description": "", "phase_id": "review", "phase_attempt": 1, "execution_cwd": str(tmp_path)}
    with pytest.raises(rpc_error) as refusal:
        host.call("workflow/run_phase", params)
    assert refusal.value.code == -32104


@pytest.mark.parametrize(
    "contract", ["verdicts: [Sound, shaky]", "valid_verdicts: {sound: it holds, shaky: it does not}"]
)
def test_verdicts_of_the_contract_stand_for_advance(agents, define, contract):
    define(definitions(contract, "allow_agent_target: false}\n            shaky: {target: impl"))
    host, script = agents("1", decision("advance"), "2", decision("shaky"), "3", decision("Sound"))
    report = host.execute("w")
    assert report["workflow_status"] == "completed"
    assert [item["phase_id"] for item in report["phase_results"]] == ["impl", "review"] * 3
    told = script.prompts()[1]
    assert "Its verdict is one of: sound, shaky." in told
    assert ("shaky: it does not" in told) == ("it does not" in contract)
    assert "the verdict 'advance' is not one of sound, shaky" in script.prompts()[2]
