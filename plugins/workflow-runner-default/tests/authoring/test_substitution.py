from hypothesis import given
from hypothesis import strategies as st

from animus_workflow_runner_default.authoring.substitution import placeholders, substitute


def test_known_names_are_filled_in_and_unknown_ones_stay():
    assert substitute("{{a}}-{{b}}-{{ a }}-{a}", {"a": "1"}) == "1-{{b}}-{{ a }}-{a}"


def test_value_with_a_placeholder_stays_text():
    assert substitute("{{a}} {{b}}", {"a": "{{b}}", "b": "x"}) == "{{b}} x"


def test_placeholders_are_listed_in_order():
    assert placeholders("{{b}} {{a}} {{b}}") == ["b", "a", "b"]


NAMES = st.sampled_from(["a", "b", "c", "subject_title"])
VALUES = st.text("{}abc ") | st.text()


@given(st.lists(st.tuples(st.text("xyz {}"), NAMES)), st.dictionaries(NAMES, VALUES))
def test_each_placeholder_is_replaced_once_and_nothing_else(parts, values):
    safe = [(text.replace("{", "").replace("}", ""), name) for text, name in parts]
    template = "".join(f"{text}{{{{{name}}}}}" for text, name in safe)
    expected = "".join(text + values.get(name, f"{{{{{name}}}}}") for text, name in safe)
    assert substitute(template, values) == expected


@given(st.text("{}ab"), st.dictionaries(st.sampled_from(["a", "b", "ab"]), st.just("{{a}}")))
def test_values_that_look_like_placeholders_never_multiply(template, values):
    assert substitute(template, values).count("{{") <= template.count("{{") + template.count("{")
