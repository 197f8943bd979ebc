import json

import pytest

from animus_agent_cli.conversation import Answer
from animus_agent_cli.event import InteractionRequested, InteractionWithdrawn, ProgramInput
from animus_agent_cli.request import ApprovalPolicy, ToolPolicy
from animus_provider_claude.conversation import ClaudeConversation


@pytest.fixture
def converse(request_of):
    return lambda **more: ClaudeConversation(request_of(**more))


@pytest.fixture
def control(recorded_lines):
    """The control request of a recorded stream, changed where it is said."""

    def control(stream, **changed):
        (line,) = [line for line in recorded_lines(stream) if line["type"] == "control_request"]
        return line | {"request": line["request"] | changed}

    return control


def response_in(data):
    return json.loads(data)["response"]["response"]


def test_open_run_lets_through_what_the_policy_allows(converse, control):
    (event,) = converse().read(control("approval"))
    assert isinstance(event, ProgramInput)
    given = control("approval")["request"]["input"]
    assert response_in(event.data) == {"behavior": "allow", "updatedInput": given}
    assert json.loads(event.data)["response"]["request_id"] == control("approval")["request_id"]


@pytest.mark.parametrize("approvals", [None, ApprovalPolicy("ask"), ApprovalPolicy("allow")])
def test_tool_that_the_policy_does_not_allow_is_denied_whoever_is_asked(converse, control, approvals):
    conversation = converse(tools=ToolPolicy(("Read",)), approvals=approvals)
    (event,) = conversation.read(control("approval"))
    assert response_in(event.data)["behavior"] == "deny"
    assert "tool policy" in response_in(event.data)["message"]


def test_use_that_no_rule_with_arguments_allowed_is_denied(converse, control):
    (event,) = converse(tools=ToolPolicy(("Bash(git *)",))).read(control("approval"))
    assert response_in(event.data)["behavior"] == "deny"
    (event,) = converse(tools=ToolPolicy(("Bash(git *)", "Bash"))).read(control("approval"))
    assert response_in(event.data)["behavior"] == "allow"


def test_approval_names_the_tool_and_what_it_would_do(converse, control):
    conversation = converse(approvals=ApprovalPolicy("ask"))
    (event,) = conversation.read(control("approval"))
    assert isinstance(event, InteractionRequested)
    assert (event.kind, event.payload["tool_name"]) == ("approval", "Bash")
    assert event.payload["arguments"]["command"] == "echo hello > made.txt; cat made.txt"
    assert event.payload["action"]
    allowed = response_in(conversation.answer(event.interaction_id, Answer(is_allowed=True)))
    assert allowed == {"behavior": "allow", "updatedInput": event.payload["arguments"]}


@pytest.mark.parametrize(
    ("answer", "message"),
    [(Answer(is_allowed=False), "denied"), (Answer(is_allowed=False, message="not today"), "not today")],
)
def test_denial_says_why(converse, control, answer, message):
    conversation = converse(approvals=ApprovalPolicy("ask"))
    (event,) = conversation.read(control("approval"))
    assert response_in(conversation.answer(event.interaction_id, answer)) == {"behavior": "deny", "message": message}


def test_question_has_its_options_and_is_answered_in_words(converse, control):
    conversation = converse(approvals=ApprovalPolicy("ask"))
    (event,) = conversation.read(control("question"))
    assert (event.kind, event.payload["question"], event.payload["options"]) == ("question", "Which one?", ["A", "B"])
    answered = response_in(conversation.answer(event.interaction_id, Answer(is_allowed=True, text="B")))
    assert answered["updatedInput"]["answers"] == {"Which one?": "B"}
    assert answered["updatedInput"]["questions"] == control("question")["request"]["input"]["questions"]


def test_several_questions_may_be_answered_each(converse, control):
    questions = [{"question": "One?"}, {"question": "Two?", "options": [{"label": "x"}]}]
    line = control("question", input={"questions": questions})
    for text, expected in (('{"One?": "a", "Two?": 2}', {"One?": "a", "Two?": "2"}), ("b", {"One?": "b", "Two?": "b"})):
        conversation = converse(approvals=ApprovalPolicy("ask"))
        (event,) = conversation.read(line)
        assert event.payload["questions"] == questions
        answered = response_in(conversation.answer(event.interaction_id, Answer(is_allowed=True, text=text)))
        assert answered["updatedInput"]["answers"] == expected


def test_question_is_asked_on_also_where_everything_is_let_through(converse, control):
    (event,) = converse().read(control("question"))
    assert isinstance(event, InteractionRequested)


def test_withdrawn_request_is_said(converse):
    (event,) = converse().read({"type": "control_cancel_request", "request_id": "r1"})
    assert event == InteractionWithdrawn("r1")


def test_request_that_is_not_known_is_answered_with_an_error(converse, control):
    (event,) = converse().read(control("approval", subtype="hook_callback"))
    assert json.loads(event.data)["response"]["subtype"] == "error"


@pytest.mark.parametrize("odd", [None, 7, [], {"questions": 7}, {"questions": [7, {"options": [None]}]}])
def test_odd_requests_are_asked_on_and_answered(converse, control, odd):
    for name in ("approval", "question"):
        conversation = converse(approvals=ApprovalPolicy("ask"))
        (event,) = conversation.read(control(name, input=odd))
        assert json.loads(conversation.answer(event.interaction_id, Answer(is_allowed=True, text="x")))
