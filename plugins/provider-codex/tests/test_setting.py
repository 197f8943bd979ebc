import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animus_provider_codex.setting import setting, toml

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**31), 2**31) | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner),
    max_leaves=8,
)


@given(_VALUES)
def test_value_reads_back_as_toml(value):
    assert tomllib.loads(f"a = {toml(value)}") == {"a": value}


def test_setting_is_two_arguments():
    assert setting("a.b", {"c d": ["x", True, 1]}) == ["-c", 'a.b={"c d" = ["x", true, 1]}']


@pytest.mark.parametrize("text", ["a\x7fb", "line\nbreak", '"quoted" \\', "ü\U0001f600"])
def test_odd_text_stays_on_one_line(text):
    assert "\n" not in toml(text)
    assert tomllib.loads(f"a = {toml(text)}") == {"a": text}


def test_lone_surrogate_becomes_a_replacement():
    assert toml("a\ud800") == '"a?"'
