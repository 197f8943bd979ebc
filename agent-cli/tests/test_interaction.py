import pytest

from animus_agent_cli.conversation import Answer
from animus_agent_cli.event import InteractionRequested
from animus_agent_cli.interaction import Interactions, answer_in, expiry_after
from animus_agent_cli.request import ApprovalPolicy

APPROVAL = InteractionRequested("i1", "approval", {})
QUESTION = InteractionRequested("i2", "question", {})


@pytest.mark.parametrize(
    ("policy", "approval", "question"),
    [
        (ApprovalPolicy("ask"), None, None),
        (ApprovalPolicy("allow"), True, False),
        (ApprovalPolicy("deny"), False, False),
        (None, False, False),
    ],
)
def test_policy_answers_at_once_unless_a_person_is_to_be_asked(policy, approval, question):
    interactions = Interactions(policy)
    found = [interactions.at_once(request) for request in (APPROVAL, QUESTION)]
    assert [None if answer is None else answer.is_allowed for answer in found] == [approval, question]


def test_first_answer_wins_and_ends_the_watch():
    interactions, dropped = Interactions(ApprovalPolicy()), []
    interactions.add(APPROVAL, lambda: dropped.append(1))
    assert interactions.take("other") is None
    assert interactions.take("i1") is APPROVAL
    assert interactions.take("i1") is None
    assert dropped == [1]


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"decision": "allow"}, Answer(is_allowed=True)),
        ({"decision": "deny", "message": "no"}, Answer(is_allowed=False, message="no")),
        ({"answer": "B"}, Answer(is_allowed=True, text="B")),
        ({"decision": "allow", "answer": 7}, Answer(is_allowed=True, text="7")),
        ({"decision": "maybe"}, None),
        ({}, None),
        ("allow", None),
        (None, None),
    ],
)
def test_response_is_an_answer_only_in_its_own_words(response, expected):
    assert answer_in(response) == expected


def test_expiry_is_a_moment_of_the_wire():
    assert expiry_after(10).endswith("Z")
    assert expiry_after(10) < expiry_after(3600)
