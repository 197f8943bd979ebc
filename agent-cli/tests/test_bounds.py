import json

from animus_agent_cli.bounds import bounded, bounded_text


def test_small_values_stay_as_they_are():
    assert bounded({"a": [1, None, "ü"]}) == {"a": [1, None, "ü"]}
    assert bounded_text("short") == "short"


def test_large_values_become_the_beginning_of_their_json():
    text = bounded({"a": "x" * 1000}, 100)
    assert text.startswith('{"a": "xxx')
    assert text.endswith("characters are left out]")


def test_value_that_nests_too_deep_is_left_out():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert "left out" in json.dumps(bounded(deep))
