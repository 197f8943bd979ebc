import threading

import pytest

from animus_agent_cli.request import ApprovalPolicy
from animus_provider_oai.approval import Answer, Interactions
from animus_provider_oai.ending import RunControl, RunEndedError


def _never(_question):
    raise AssertionError("nobody is to be asked")


def test_without_a_policy_everything_is_allowed():
    assert Interactions(None, RunControl(), _never).approve("shell", "shell ls", {}).is_allowed


@pytest.mark.parametrize(("policy", "is_allowed"), [("allow", True), ("deny", False)])
def test_settled_policies_ask_nobody(policy, is_allowed):
    interactions = Interactions(ApprovalPolicy(policy, 60), RunControl(), _never)
    assert interactions.approve("shell", "shell ls", {}).is_allowed is is_allowed


def test_person_is_asked_and_their_answer_counts():
    asked = []

    def ask(question):
        asked.append(question)
        answer = Answer(is_allowed=False, text="too dangerous")
        threading.Timer(0.01, interactions.respond, (question.interaction_id, answer)).start()

    interactions = Interactions(ApprovalPolicy("ask", 60), RunControl(), ask)
    assert interactions.approve("shell", "shell ls", {"command": "ls"}) == (False, "too dangerous", False)
    assert asked[0].payload == {"action": "shell ls", "tool_name": "shell", "arguments": {"command": "ls"}}


def test_only_the_open_question_is_answered_and_once():
    taken = []

    def ask(question):
        taken.append(interactions.respond("another", Answer(is_allowed=True)))
        taken.extend(interactions.respond(question.interaction_id, Answer(is_allowed=True)) for _ in range(2))

    interactions = Interactions(ApprovalPolicy("ask", 60), RunControl(), ask)
    assert interactions.approve("write", "write a", {}).is_allowed
    assert taken == [False, True, False]
    assert not interactions.respond("later", Answer(is_allowed=True))


def test_silence_is_a_denial():
    interactions = Interactions(ApprovalPolicy("ask", 0.01), RunControl(), lambda question: None)
    assert interactions.approve("shell", "shell ls", {}) == (False, None, True)


def test_cancel_ends_the_wait():
    control = RunControl()
    interactions = Interactions(ApprovalPolicy("ask", 600), control, lambda question: control.cancel())
    with pytest.raises(RunEndedError):
        interactions.question("which?", ["a", "b"])
