import json

import pytest

from animus_agent_cli.request import ApprovalPolicy, ToolPolicy
from animus_provider_oai.approval import Answer
from animus_provider_oai.ending import RunControl, RunEndedError, RunFailedError
from animus_provider_oai.limits import Limits
from animus_provider_oai.transcript import Transcript
from animus_scripted_api import CallTool, Fail, Junk, Reply, Say, Usage

_SCHEMA = {"type": "object", "required": ["verdict"], "properties": {"verdict": {"enum": ["advance", "rework"]}}}


def _cut(text, reason):
    chunk = {"choices": [{"delta": {"content": text}, "finish_reason": reason}]}
    return Junk(f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n", content_type="text/event-stream")


def test_agent_uses_tools_until_its_answer(scripted_api, run_agent, worktree_folder, log):
    api = scripted_api(
        CallTool("write", {"path": "a.txt", "content": "one\n"}),
        [CallTool("edit", {"path": "a.txt", "old": "one", "new": "two"}), CallTool("shell", {"command": "cat a.txt"})],
        lambda request: Say(f"it says {request.last_text}"),
    )
    end = run_agent(api)
    assert end.output == "it says two\n[exit code 0]"
    assert (end.turns, end.usage) == (3, (300, 0, 60))
    assert (worktree_folder / "a.txt").read_text() == "two\n"
    assert [name for name, _ in log.calls] == ["write", "edit", "shell"]
    assert api.problems == []


def test_model_is_told_of_its_tools_folder_and_person(scripted_api, run_agent, worktree_folder):
    api = scripted_api(Say("ok"))
    run_agent(api, prompt="make it so", system_prompt="be brief")
    (request,) = api.requests
    assert list(request.tools) == ["read", "write", "edit", "search", "list", "shell"]
    assert str(worktree_folder) in request.text
    assert "be brief" in request.text
    assert request.last_text == "make it so"


def test_mistakes_go_back_to_the_model(scripted_api, run_agent, log):
    broken = {"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "read"}}]}}]}
    broken["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] = '{"path'
    api = scripted_api(
        [CallTool("fly", {}), CallTool("read", {"file": "a"}), CallTool("read", {"path": "none"})],
        Junk(f"data: {json.dumps(broken)}\n\ndata: [DONE]\n\n", content_type="text/event-stream"),
        Say("I give up"),
    )
    assert run_agent(api).output == "I give up"
    texts = [text for _, text, _ in log.results]
    assert ["no tool 'fly'" in texts[0], "no argument 'file'" in texts[1], "No such file" in texts[2]] == [True] * 3
    assert "not JSON" in texts[3]
    assert not any(is_success for _, _, is_success in log.results)


def test_tool_that_the_policy_denies_is_neither_offered_nor_used(scripted_api, run_agent, worktree_folder):
    api = scripted_api(CallTool("shell", {"command": "touch made"}), Say("ok"))
    run_agent(api, tools=ToolPolicy(deny=("Bash",)))
    assert "shell" not in api.requests[0].tools
    assert "no tool 'shell' that you may use" in api.requests[1].last_text
    assert not (worktree_folder / "made").exists()


def test_loop_is_bounded_and_says_so(scripted_api, run_agent, log):
    api = scripted_api(*[CallTool("shell", {"command": "true"})] * 10)
    with pytest.raises(RunFailedError, match="not done after 3 answers") as caught:
        run_agent(api, limits=Limits(turns=3))
    assert caught.value.limit == "turns"
    assert len(api.requests) == 3
    assert len(log.results) == 3


def test_run_that_is_out_of_time_stops_between_turns(scripted_api, run_agent):
    api = scripted_api(*[CallTool("shell", {"command": "sleep 60"})] * 10)
    with pytest.raises(RunEndedError, match="timed out"):
        run_agent(api, control=RunControl(0.5))


def test_answer_in_the_form_that_was_asked_for_is_the_decision(scripted_api, run_agent):
    api = scripted_api(Say('All is well.\n```json\n{"verdict": "advance"}\n```'))
    end = run_agent(api, response_schema=_SCHEMA)
    assert end.decision == {"verdict": "advance"}
    assert '"verdict"' in api.requests[0].text
    assert "response_format" not in api.requests[0].json


def test_answer_without_a_decision_is_sent_back_with_a_format(scripted_api, run_agent, log):
    api = scripted_api(
        CallTool("shell", {"command": "true"}),
        Say("looks fine"),
        Say('{"verdict": "perhaps"}'),
        Say('{"verdict": "rework"}'),
    )
    end = run_agent(api, response_schema=_SCHEMA)
    assert end.decision == {"verdict": "rework"}
    assert "does not end in a JSON object" in api.requests[2].last_text
    assert "must be one of" in api.requests[3].last_text
    assert [bool(request.tools) for request in api.requests] == [True, True, False, False]
    assert api.requests[2].json["response_format"]["json_schema"]["schema"] == _SCHEMA
    assert len(log.problems) == 2


def test_repair_goes_on_without_a_format_that_the_server_does_not_know(scripted_api, run_agent):
    api = scripted_api(
        Say("looks fine"), Fail(400, message="response_format is not supported"), Say('{"verdict": "advance"}')
    )
    assert run_agent(api, response_schema=_SCHEMA).decision == {"verdict": "advance"}


def test_repairs_are_bounded_and_a_wrong_decision_is_not_hidden(scripted_api, run_agent, log):
    api = scripted_api(*[Say('{"verdict": "perhaps"}')] * 5)
    assert run_agent(api, response_schema=_SCHEMA).decision == {"verdict": "perhaps"}
    assert len(api.requests) == 3
    assert "holds no decision as it was asked for" in log.problems[-1]


def test_decision_line_counts_without_a_schema(scripted_api, run_agent):
    api = scripted_api(Say('Done.\n{"verdict": "advance", "confidence": 1}\nBye.'))
    assert run_agent(api).decision == {"verdict": "advance", "confidence": 1}


def test_cut_answer_is_continued(scripted_api, run_agent):
    api = scripted_api(_cut("first half, ", "length"), Say("second half"))
    assert run_agent(api).output == "first half, second half"
    assert "cut off" in api.requests[1].last_text


@pytest.mark.parametrize(("turn", "message"), [(_cut("x", "length"), "cut off"), (_cut("", "stop"), "empty")])
def test_continuations_are_bounded(scripted_api, run_agent, turn, message):
    with pytest.raises(RunFailedError, match=message):
        run_agent(scripted_api(*[turn] * 9))


def test_filtered_answer_fails(scripted_api, run_agent):
    with pytest.raises(RunFailedError, match="content filter"):
        run_agent(scripted_api(_cut("x", "content_filter")))


def test_leave_is_asked_for_what_changes_things_only(scripted_api, run_agent, worktree_folder):
    asked = []

    def answer(interactions, question):
        asked.append(question.payload["action"])
        interactions.respond(question.interaction_id, Answer(is_allowed="good" in question.payload["action"]))

    api = scripted_api(
        [
            CallTool("list", {}),
            CallTool("shell", {"command": "touch good"}),
            CallTool("write", {"path": "bad", "content": ""}),
        ],
        Say("ok"),
    )
    run_agent(api, approvals=ApprovalPolicy("ask", 60), on_question=answer)
    assert asked == ["shell touch good", "write bad"]
    assert [entry.name for entry in worktree_folder.iterdir()] == ["good"]
    assert "was not allowed: no reason was given" in api.requests[1].last_text


def test_agent_may_ask_a_person_who_can_answer(scripted_api, run_agent):
    def answer(interactions, question):
        assert (question.kind, question.payload["options"]) == ("question", ["a", "b"])
        interactions.respond(question.interaction_id, Answer(is_allowed=False, text="b"))

    api = scripted_api(
        CallTool("ask", {"question": "which?", "options": ["a", "b"]}), lambda request: Say(request.last_text)
    )
    assert run_agent(api, approvals=ApprovalPolicy("ask", 60), on_question=answer).output == "b"


def test_question_that_nobody_answers_is_left_to_judgement(scripted_api, run_agent):
    api = scripted_api(CallTool("ask", {"question": "which?"}), lambda request: Say(request.last_text))
    end = run_agent(api, approvals=ApprovalPolicy("ask", 0.01), on_question=lambda interactions, question: None)
    assert "use your own judgement" in end.output


def test_session_goes_on_where_it_was(scripted_api, run_agent, log):
    api = scripted_api(Reply((Say("blue"),), Usage(1, 1)), lambda request: Say(request.text))
    run_agent(api, prompt="my colour?", system_prompt="be brief")
    end = run_agent(api, prompt="sure?", session_id=log.session_id)
    assert end.output.endswith("my colour?\nblue\nsure?")


def test_interrupted_calls_are_settled_before_the_session_goes_on(scripted_api, run_agent, tmp_path, worktree_folder):
    call = {"id": "c1", "type": "function", "function": {"name": "shell", "arguments": '{"command": "touch one"}'}}
    later = {"id": "c2", "type": "function", "function": {"name": "shell", "arguments": '{"command": "touch two"}'}}
    with Transcript.begin(tmp_path / "sessions", None) as transcript:
        transcript.append({"role": "user", "content": "go"})
        transcript.append({"role": "assistant", "content": None, "tool_calls": [call, later]})
        transcript.begin_call("c1")
    api = scripted_api(Say("ok"))
    run_agent(api, prompt="on", session_id=transcript.session_id)
    results = [message["content"] for message in api.requests[0].messages if message["role"] == "tool"]
    assert "was interrupted while this tool worked" in results[0]
    assert results[1] == "[exit code 0]"
    assert [entry.name for entry in worktree_folder.iterdir()] == ["two"]


def test_calls_with_the_same_id_are_told_apart(scripted_api, run_agent):
    chunk = {"choices": [{"delta": {"tool_calls": [{"id": "c", "function": {"name": "list", "arguments": "{}"}}]}}]}
    same = Junk(f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n", content_type="text/event-stream")
    api = scripted_api(same, same, Say("ok"))
    run_agent(api)
    ids = [message["tool_call_id"] for message in api.requests[-1].messages if message["role"] == "tool"]
    assert len(set(ids)) == 2
