import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yaml._yaml import CParser

from animus_workflow_runner_default.authoring.document import MAX_VALUES, DocumentError, compose
from animus_workflow_runner_default.authoring.slow_parser import SlowParser

PARSERS = pytest.mark.parametrize("parser", [CParser, SlowParser])


@PARSERS
def test_values_keep_their_places(parser):
    document = compose("a:\n  - x\n  - {k: v}\n", "f.yaml", parser=parser)
    assert document.data == {"a": ["x", {"k": "v"}]}
    assert str(document.position(("a", 1, "k"))) == "f.yaml:3:9"
    assert str(document.position(("a", 1, "k"), of_key=True)) == "f.yaml:3:6"


@PARSERS
def test_keys_are_strings_whatever_they_look_like(parser):
    assert compose("on: 1\n5: 2\ntrue: 3\n", "f.yaml", parser=parser).data == {"on": 1, "5": 2, "true": 3}


@PARSERS
def test_duplicate_key_is_found_with_both_places(parser):
    document = compose("a: 1\nb:\n  c: 1\n  c: 2\n", "f.yaml", parser=parser)
    (problem,) = document.problems
    assert problem.path == ("b", "c")
    assert str(problem.position) == "f.yaml:4:3"
    assert problem.message == "duplicate key 'c'; it stands first at line 3, column 3"
    assert document.data["b"] == {"c": 1}


@PARSERS
def test_merge_key_fills_in_what_is_missing(parser):
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 0}\nd: {z: 9, <<: *b}\n"
    data = compose(text, "f.yaml", parser=parser).data
    assert data["c"] == {"x": 0, "y": 1, "z": 2}
    assert data["d"] == {"z": 9, "y": 2}


@PARSERS
def test_merge_key_with_a_scalar_is_a_problem(parser):
    (problem,) = compose("a: {<<: 1}\n", "f.yaml", parser=parser).problems
    assert "'<<' takes a mapping" in problem.message


@PARSERS
@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: *b\n", "the alias '*b' has no finished anchor before it", "f.yaml:1:4"),
        ("a: &a [*a]\n", "the alias '*a' has no finished anchor before it", "f.yaml:1:8"),
        ("? [a]\n: 1\n", "a mapping key must be a single value", "f.yaml:1:3"),
        ("a: 1\n---\nb: 2\n", "a second document", "f.yaml:2:1"),
        ("a: \x01\n", "the character U+0001 is not allowed in YAML", "f.yaml:1:4"),
        ("[" * 65 + "]" * 65, "nested deeper than 64 levels", "f.yaml:1:65"),
        ("a: b: c\n", "not YAML: ': ' inside of a text begins a second mapping", "f.yaml:1:5"),
    ],
)
def test_unreadable_file_names_the_place(parser, text, message, place):
    with pytest.raises(DocumentError) as caught:
        compose(text, "f.yaml", parser=parser)
    assert message in caught.value.message
    assert str(caught.value.position) == place


def test_syntax_error_says_what_began_where():
    with pytest.raises(DocumentError) as caught:
        compose("a: [1,\nb: 2\n", "f.yaml")
    assert str(caught.value.position) == "f.yaml:3:1"
    assert "a flow sequence that begins at line 1, column 4" in caught.value.message


def test_alias_bomb_is_refused_by_its_size():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
    with pytest.raises(DocumentError, match=f"more than {MAX_VALUES} values"):
        compose("\n".join(lines), "f.yaml")


def test_deep_nesting_does_not_exhaust_the_stack():
    with pytest.raises(DocumentError):
        compose("[" * 500_000, "f.yaml")


def test_large_file_is_refused():
    with pytest.raises(DocumentError, match="split the file"):
        compose("a" * 1_048_577, "f.yaml")


def test_empty_file_is_nothing():
    assert compose("# only a comment\n", "f.yaml").data is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz$<", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_what_yaml_writes_is_read_back(value):
    text = yaml.safe_dump(value, default_style='"', allow_unicode=True)
    assert compose(text, "f.yaml").data == value
