"""An answer is JSON within its bound, or an error with what to do."""

import json

from animus_control.errors import ControlError, daemon_needed
from animus_plugin_protocol.wire import control
from animus_transport_mcp.answer import TEXT_LIMIT, error_answer, result_answer


def test_result_is_text_and_structure():
    answer = result_answer(control.UnitResult())
    assert json.loads(answer["content"][0]["text"]) == answer["structuredContent"]


def test_result_that_is_no_object_is_put_into_one():
    assert result_answer([1, 2])["structuredContent"] == {"result": [1, 2]}


def test_long_result_is_cut_and_says_so():
    answer = result_answer(["x" * TEXT_LIMIT])
    assert "structuredContent" not in answer
    assert len(answer["content"][0]["text"]) < TEXT_LIMIT + 200
    assert f"cut at {TEXT_LIMIT}" in answer["content"][0]["text"]


def test_error_says_what_to_do_once():
    answer = error_answer(ControlError("not_found", "there is no run 'r'", next_step="animus workflow list"))
    assert answer["isError"]
    assert answer["content"][0]["text"] == "not_found: there is no run 'r'\nnext: animus workflow list"
    assert error_answer(daemon_needed("gone"))["content"][0]["text"].count("animus daemon start") == 1
