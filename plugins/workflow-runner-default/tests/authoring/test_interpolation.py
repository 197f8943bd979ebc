import pytest
from hypothesis import given
from hypothesis import strategies as st

from animus_workflow_runner_default.authoring.interpolation import (
    InterpolationError,
    check_references,
    resolve_environment,
)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${A}", "1"),
        ("x${A}y${A}", "x1y1"),
        ("${NONE:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${A:-d}", "1"),
        ("${A:?why}", "1"),
        ("${EMPTY}", ""),
        ("${NONE:-}", ""),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$$$", "$$"),
        ("$A costs $5", "$A costs $5"),
        ("$", "$"),
        ("{A}", "{A}"),
        ("${NONE:-a:b}", "a:b"),
        ("${NONE:-two\nlines}", "two\nlines"),
    ],
)
def test_reference_gets_its_value(text, result):
    assert resolve_environment(text, {"A": "1", "EMPTY": ""}) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NONE}", "the environment variable 'NONE' is not set for the workflow runner; export it"),
        ("${NONE:?set it in .env}", "the environment variable 'NONE' is not set: set it in .env"),
        ("${EMPTY:?}", "the environment variable 'EMPTY' is not set: it is required"),
    ],
)
def test_unset_variable_is_an_error_that_says_what_to_do(text, message):
    with pytest.raises(InterpolationError) as caught:
        resolve_environment(text, {"EMPTY": ""})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text", ["${", "${A", "${}", "${a b}", "${A%.*}", "${1}", "${A-x}", "${A:-${B}}", "${secret.}"]
)
def test_malformed_reference_is_an_error_even_unresolved(text):
    with pytest.raises(InterpolationError):
        check_references(text)
    with pytest.raises(InterpolationError):
        resolve_environment(text, {"A": "1"})


def test_secret_is_read_from_the_variable_it_names():
    assert resolve_environment("${secret.TOKEN}", {"GH": "s3"}, {"TOKEN": "GH"}) == "s3"
    with pytest.raises(InterpolationError, match="there is no secret 'TOKEN'"):
        resolve_environment("${secret.TOKEN}", {"TOKEN": "x"}, {})
    with pytest.raises(InterpolationError, match="has no place here"):
        resolve_environment("${secret.TOKEN}", {"TOKEN": "x"})


@given(st.text())
def test_value_is_never_looked_at_again(value):
    assert resolve_environment("<${A}>", {"A": value, "B": "no"}) == f"<{value}>"


@given(st.text("${}AB:-? "), st.text("${}AB"))
def test_resolving_ends_in_text_or_error_for_any_input(text, value):
    try:
        resolve_environment(text, {"A": value, "B": value})
    except InterpolationError:
        return


@given(st.text())
def test_escaped_text_comes_back_as_it_was(text):
    assert resolve_environment(text.replace("$", "$$"), {}) == text
