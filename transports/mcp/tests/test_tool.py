"""Tools are described by the operation's row, closed to unknown arguments, and short enough for a model."""

import json
import re

import pytest

from animus_transport_mcp.tool import LIST_LIMIT, ArgumentsError, tools


@pytest.fixture
def offered():
    return tools(management=True)


def test_names_have_the_letters_every_client_accepts(offered):
    assert all(re.fullmatch(r"[a-z_]{1,64}", name) for name in offered)


def test_every_argument_is_described_and_no_other_is_taken(offered):
    for tool in offered.values():
        assert tool.schema["additionalProperties"] is False
        assert all(field.get("description") for field in tool.schema["properties"].values()), tool.name


def test_schema_says_what_is_required_and_refers_to_nothing_that_is_not_there(offered):
    assert offered["subject_create"].schema["required"] == ["title"]
    for tool in offered.values():
        named = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(tool.schema)))
        assert named == set(tool.schema.get("$defs", {})), tool.name


def test_all_of_them_take_few_words(offered):
    assert len(json.dumps([tool.describe() for tool in offered.values()])) < 24_000


def test_hints_tell_reading_from_changing(offered):
    hints = {name: tool.describe()["annotations"] for name, tool in offered.items()}
    assert hints["queue_list"]["readOnlyHint"]
    assert hints["queue_drop"]["destructiveHint"]
    assert not hints["queue_enqueue"]["idempotentHint"]
    assert hints["queue_hold"] == {
        "readOnlyHint": False, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False,
    }  # fmt: skip


def test_unknown_argument_is_refused_with_the_nearest_one(offered):
    with pytest.raises(ArgumentsError, match=r"no argument 'subjet'\. Did you mean 'subject'"):
        offered["queue_enqueue"].params({"subjet": "task:TASK-001"})
    with pytest.raises(ArgumentsError, match="There are: none"):
        offered["queue_stats"].params({"x": 1})


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("subject_create", {}, "missing required field `title`"),
        ("subject_create", {"title": 7}, r"Expected `str`, got `int` - at `\$.title`"),
        ("queue_list", {"limit": 0}, ">= 1"),
        ("workflow_run", {"sync": True}, "no argument 'sync'"),
        ("queue_enqueue", {"trigger_source": "manual"}, "no argument 'trigger_source'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(offered, tool, arguments, message):
    with pytest.raises(ArgumentsError, match=message):
        offered[tool].params(arguments)


def test_list_is_short_unless_the_caller_wants_more(offered):
    assert offered["queue_list"].params({}).limit == LIST_LIMIT
    assert offered["queue_list"].params({"limit": 80}).limit == 80


def test_dispatch_says_where_it_came_from(offered):
    for tool in ("queue_enqueue", "workflow_run"):
        assert offered[tool].params({"subject": "task:TASK-001"}).trigger_source == "mcp"
