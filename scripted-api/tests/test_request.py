import json

from animus_scripted_api import Request


def _request(path, document, headers=None):
    return Request(1, "POST", path, headers or {}, json.dumps(document).encode())


def test_key_is_found_in_either_header():
    assert _request("/v1/messages", {}, {"x-api-key": "k1"}).api_key == "k1"
    assert _request("/v1/responses", {}, {"authorization": "Bearer k2"}).api_key == "k2"
    assert _request("/v1/responses", {}).api_key is None


def test_text_is_all_that_was_said_and_last_text_the_last_of_it():
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "files"}]}
    request = _request(
        "/v1/messages",
        {
            "system": [{"type": "text", "text": "be kind"}],
            "messages": [
                {"role": "user", "content": "list"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]},
                {"role": "user", "content": [result]},
            ],
        },
    )
    assert request.text == "be kind\nlist\nfiles"
    assert request.last_text == "files"


def test_responses_input_may_be_text_or_items():
    assert _request("/v1/responses", {"input": "hi"}).last_text == "hi"
    items = [{"type": "function_call_output", "call_id": "c", "output": "made"}]
    assert _request("/v1/responses", {"input": items}).last_text == "made"


def test_tools_are_listed_by_name_in_each_dialect():
    assert list(_request("/v1/messages", {"tools": [{"name": "Bash"}]}).tools) == ["Bash"]
    assert list(_request("/chat/completions", {"tools": [{"function": {"name": "shell"}}]}).tools) == ["shell"]
    namespace = {"type": "namespace", "name": "mcp__a", "tools": [{"type": "function", "name": "find"}]}
    assert _request("/v1/responses", {"tools": [namespace]}).tools["find"]["namespace"] == "mcp__a"


def test_conversation_without_a_session_is_known_by_its_beginning():
    first = [{"role": "user", "content": "hi"}]
    later = [*first, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "on"}]
    path = "/v1/chat/completions"
    assert _request(path, {"messages": first}).conversation == _request(path, {"messages": later}).conversation
    other = _request(path, {"messages": [{"role": "user", "content": "ho"}]})
    assert other.conversation != _request(path, {"messages": first}).conversation


def test_body_that_is_no_object_is_an_empty_one():
    assert Request(1, "POST", "/v1/messages", {}, b"{nonsense").json == {}
    assert Request(1, "POST", "/v1/messages", {}, b"[1]").messages == []
