import pytest

from animus_workflow_runner_default.authoring.scalars import from_tag, resolve_plain


@pytest.mark.parametrize(
    "text",
    ["22:00", "no", "yes", "on", "off", "y", "012", "2026-11-21", "1_000", "0b1", ".inf", ".nan", "1.2.3", "+", "-"],
)
def test_plain_scalar_that_only_older_yaml_reads_stays_a_string(text):
    assert resolve_plain(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("0o17", 15),
        ("0xff", 255),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
    ],
)
def test_plain_scalar_of_the_core_schema_gets_its_value(text, value):
    resolved = resolve_plain(text)
    assert resolved == value
    assert type(resolved) is type(value)


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775809", "1e999", "0xfffffffffffffffff"])
def test_number_beyond_what_json_holds_stays_a_string(text):
    assert resolve_plain(text) == text


def test_explicit_tag_decides_over_the_look_of_the_text():
    assert from_tag("tag:yaml.org,2002:str", "12") == "12"
    assert from_tag("tag:yaml.org,2002:float", "12") == 12.0
    assert from_tag("tag:yaml.org,2002:int", "12") == 12


@pytest.mark.parametrize(
    ("tag", "text"), [("tag:yaml.org,2002:int", "x"), ("tag:yaml.org,2002:int", "true"), ("!mine", "x")]
)
def test_tag_that_does_not_fit_is_refused(tag, text):
    with pytest.raises(ValueError, match="tag"):
        from_tag(tag, text)
