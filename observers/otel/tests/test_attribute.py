import pytest

from animus_observer_otel.attribute import event_attributes

SECRETIVE = {
    "note": "between us",
    "text": "output",
    "waiting": {"question": "which?", "arguments": {"a": 1}},
    "actor": {},
}


def test_content_is_left_out_unless_it_is_asked_for():
    assert event_attributes({"phase_id": "build", **SECRETIVE}) == {"animus.phase.id": "build"}
    found = event_attributes(SECRETIVE, include_content=True)
    assert found["animus.content.note"] == "between us"
    assert found["animus.content.waiting"] == '{"question":"which?","arguments":{"a":1}}'


def test_long_reason_is_cut():
    assert len(str(event_attributes({"reason": "x" * 5000})["animus.reason"])) == 1024


@pytest.mark.parametrize(
    ("tokens", "attributes"),
    [
        (
            {"input": 10, "output": 2, "cached": 3},
            {
                "gen_ai.usage.input_tokens": 10,
                "gen_ai.usage.output_tokens": 2,
                "gen_ai.usage.cache_read.input_tokens": 3,
            },
        ),
        ({"input": "many"}, {}),
        (None, {}),
        (7, {}),
    ],
)
def test_tokens_have_their_conventional_names(tokens, attributes):
    assert event_attributes({"tokens": tokens}) == attributes


def test_values_that_are_no_words_or_numbers_are_left_out():
    assert event_attributes({"reason": {"a": 1}, "attempt": None, "workflow_id": []}) == {}
