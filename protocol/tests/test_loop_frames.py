"""What a running plugin does with each kind of line (protocol section 1)."""

import json

import pytest

MIB = 1024 * 1024


def test_a_request_is_answered_under_its_id(ready):
    assert ready.request("probe/echo", {"text": "hi"}, request_id=7) == {
        "jsonrpc": "2.0",
        "id": 7,
        "result": {"text": "hi", "number": 0},
    }


@pytest.mark.parametrize(
    "request_id", [0, -1, 2**53 + 1, 2**63, 10**30, "", "1", "h-1", "naïve ☃", 1.5, True, [1], {"a": 1}]
)
def test_an_id_is_echoed_exactly_as_decoded(thread_host, request_id):
    reply = thread_host.request("probe/echo", {"text": "x"}, request_id=request_id)
    assert (reply["id"], type(reply["id"])) == (request_id, type(request_id))


def test_an_integer_id_stays_an_integer_literal(ready):
    ready.write(b'{"jsonrpc":"2.0","id":1,"method":"$/ping"}\n{"jsonrpc":"2.0","id":"1","method":"$/ping"}\n')
    assert ready.line() == b'{"jsonrpc":"2.0","id":1,"result":{}}'
    assert ready.line() == b'{"jsonrpc":"2.0","id":"1","result":{}}'


def test_frames_are_compact_single_lines(ready):
    ready.start("probe/fail", {"how": "pretty"}, request_id=1)
    assert ready.line() == b'{"jsonrpc":"2.0","id":1,"result":{"a":1}}'


def test_a_null_id_makes_a_notification(ready):
    ready.send({"jsonrpc": "2.0", "id": None, "method": "$/ping"}, {"jsonrpc": "2.0", "id": None, "method": "no/such"})
    assert ready.is_quiet()


def test_a_request_method_without_an_id_runs_and_is_not_answered(ready):
    ready.notify("probe/inline", {"text": "x"})
    ready.notify("probe/echo", {"text": "x"})
    ready.notify("probe/fail", {"how": "bug"})
    ready.notify("probe/echo", {"text": 5})
    ready.result("probe/echo", {"text": "after"})
    assert ready.result("probe/open")["flushes"] >= 1
    assert ready.is_quiet()


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b"   \n", b"\t \r\n", b"\xef\xbb\xbf\n", b" \xef\xbb\xbf \r\n"])
def test_a_blank_line_is_skipped(ready, blank):
    ready.write(blank * 3)
    assert ready.is_quiet()


def test_a_byte_order_mark_and_white_space_around_a_frame_are_skipped(ready):
    ready.write(b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"$/ping"}\n')
    assert ready.reply(1)["result"] == {}
    ready.write(b' \t\xef\xbb\xbf  {"jsonrpc":"2.0","id":2,"method":"$/ping"} \t\r\n')
    assert ready.reply(2)["result"] == {}


NOT_JSON = {
    "text": b"not json",
    "cut short": b'{"jsonrpc":"2.0","id":1,"method":"$/ping"',
    "two on a line": b'{"jsonrpc":"2.0","id":1,"method":"$/ping"}{"jsonrpc":"2.0","id":2,"method":"$/ping"}',
    "trailing text": b'{"jsonrpc":"2.0","id":1,"method":"$/ping"} trailing',
    "bad utf-8 in the method": b'{"jsonrpc":"2.0","id":1,"method":"\xff"}',
    "bad utf-8 in the params": b'{"jsonrpc":"2.0","id":1,"method":"probe/echo","params":{"text":"\xff"}}',
    "lone surrogate": b'{"jsonrpc":"2.0","id":1,"method":"probe/echo","params":{"text":"\\ud800"}}',
    "not a number in the params": b'{"jsonrpc":"2.0","id":1,"method":"probe/echo","params":{"text":NaN}}',
    "not a number as id": b'{"jsonrpc":"2.0","id":NaN,"method":"$/ping"}',
    "nested too deep": b'{"a":' * 100_000,
    "params nested too deep": b'{"jsonrpc":"2.0","id":1,"method":"x","params":'
    + b"[" * 100_000
    + b"]" * 100_000
    + b"}",
    "nul byte": b"\x00",
    "utf-16": b"\xff\xfe{\x00}\x00",
}


@pytest.mark.parametrize("line", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_a_line_that_is_not_json_is_answered_with_a_parse_error(thread_host, line):
    thread_host.write(line + b"\n")
    reply = thread_host.frame()
    assert (reply["id"], reply["error"]["code"]) == (None, -32700)
    assert thread_host.is_quiet()


@pytest.mark.parametrize("line", [b"oops", b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', b'"\\ud800"'])
def test_a_bad_line_does_not_end_the_connection(ready, line):
    ready.write(line + b"\n")
    assert ready.frame()["error"]["code"] in {-32700, -32600}
    assert ready.result("probe/echo", {"text": "still here"})["text"] == "still here"


@pytest.mark.parametrize(
    "line", [b"[]", b'[{"jsonrpc":"2.0","id":1,"method":"$/ping"}]', b'["2.0",1,"$/ping",{}]', b"5", b'"x"', b"null"]
)
def test_what_is_no_object_is_an_invalid_request_without_an_id(ready, line):
    ready.write(line + b"\n")
    reply = ready.frame()
    assert (reply["id"], reply["error"]["code"]) == (None, -32600)
    assert ready.is_quiet()


@pytest.mark.parametrize(
    ("frame", "request_id"),
    [
        ({"id": 1, "method": "$/ping"}, 1),
        ({"jsonrpc": "1.0", "id": "a", "method": "$/ping"}, "a"),
        ({"jsonrpc": 2.0, "id": 1, "method": "$/ping"}, 1),
        ({"jsonrpc": None, "id": 1, "method": "$/ping"}, 1),
        ({"jsonrpc": "2.0", "id": 1}, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": ""}, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": 5}, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": None}, 1),
        ({"jsonrpc": "2.0", "method": []}, None),
        ({"jsonrpc": "2.0", "id": [], "method": ""}, None),
        ({}, None),
    ],
)
def test_an_object_that_is_no_frame_is_an_invalid_request(thread_host, frame, request_id):
    thread_host.send(frame)
    reply = thread_host.frame()
    assert (reply["id"], reply["error"]["code"]) == (request_id, -32600)
    assert thread_host.is_quiet()


@pytest.mark.parametrize(
    "frame",
    [
        {"id": 1, "result": {}},
        {"id": "h-99", "result": None},
        {"id": None, "error": {"code": -1, "message": "m"}},
        {"id": 1, "error": "not an object"},
        {"result": {}},
        {"id": 1, "method": "$/ping", "result": 1},
    ],
)
def test_a_response_nobody_waits_for_is_dropped(ready, frame):
    ready.send({"jsonrpc": "2.0", **frame})
    assert ready.is_quiet()


def test_the_last_of_two_equal_keys_counts(ready):
    ready.write(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"no/such","method":"$/ping"}\n')
    assert ready.reply(2)["result"] == {}


def test_unknown_keys_of_a_frame_are_skipped(ready):
    ready.send({"jsonrpc": "2.0", "id": 1, "method": "$/ping", "trace": {"x": [1]}, "meta": None})
    assert ready.reply(1)["result"] == {}


def test_two_frames_in_one_write_are_both_handled(ready):
    ready.send(*({"jsonrpc": "2.0", "id": n, "method": "$/ping"} for n in range(50)))
    assert [ready.frame()["id"] for _ in range(50)] == list(range(50))


def test_frames_may_arrive_byte_by_byte(ready):
    frame = {"jsonrpc": "2.0", "id": 1, "method": "probe/echo", "params": {"text": "ünïcødé ☃"}}
    for byte in json.dumps(frame, ensure_ascii=False).encode() + b"\n":
        ready.write(bytes([byte]))
    assert ready.reply(1)["result"]["text"] == "ünïcødé ☃"


def test_a_frame_larger_than_one_read_is_handled(ready):
    text = "y" * (3 * MIB)
    assert ready.result("probe/echo", {"text": text})["text"] == text


def test_a_line_above_the_limit_is_refused_and_reading_goes_on(ready):
    ready.write(b'{"jsonrpc":"2.0","id":1,"method":"probe/echo","params":{"text":"')
    ready.write(b"z" * (16 * MIB))
    ready.write(b'"}}\n{"jsonrpc":"2.0","id":2,"method":"$/ping"}\n')
    refused = ready.frame()
    assert (refused["id"], refused["error"]["code"]) == (None, -32700)
    assert "16777216" in refused["error"]["message"]
    assert ready.reply(2)["result"] == {}


def test_a_line_just_below_the_limit_is_served(process_host):
    head, tail = b'{"jsonrpc":"2.0","id":1,"method":"$/ping","params":{"x":"', b'"}}'
    process_host.write(head + b"z" * (16 * MIB - len(head) - len(tail)) + tail + b"\n")
    assert process_host.reply(1)["result"] == {}


def test_an_unterminated_last_line_is_dispatched_at_the_end(ready):
    ready.write(b'{"jsonrpc":"2.0","id":1,"method":"probe/echo","params":{"text":"last"}}')
    ready.close_stdin()
    assert ready.rest() == [{"jsonrpc": "2.0", "id": 1, "result": {"text": "last", "number": 0}}]
    assert ready.exit_code() == 0


def test_an_unknown_method_is_refused_with_an_id_and_dropped_without(ready):
    error = ready.error("queue/stats")
    assert error["code"] == -32601
    assert "queue/stats" in error["message"]
    assert "animus-probe" in error["message"]
    assert ready.error("$/unknown")["code"] == -32601
    ready.notify("$/unknown")
    ready.notify("queue/stats")
    assert ready.is_quiet()


@pytest.mark.parametrize("params", [None, {}, {"text": 5}, {"text": None}, [], ["hi"], "hi", 7])
def test_params_that_do_not_fit_are_refused_by_name(ready, params):
    error = ready.error("probe/echo", params)
    assert error["code"] == -32602
    assert "probe/echo" in error["message"]


def test_bad_params_name_the_path(ready):
    assert "$.number" in ready.error("probe/echo", {"text": "x", "number": "y"})["message"]


@pytest.mark.parametrize("params", ["missing", None, {}])
def test_missing_params_count_as_an_empty_object(ready, params):
    frame = {"jsonrpc": "2.0", "id": 1, "method": "probe/facts"}
    ready.send(frame if params == "missing" else {**frame, "params": params})
    assert ready.reply(1)["result"]["method"] == "probe/facts"


def test_a_method_without_params_takes_whatever_is_sent(ready):
    for params in ({}, {"x": 1}, [1], "text"):
        assert "flushes" in ready.result("probe/open", params)


@pytest.mark.parametrize(
    ("how", "code", "category"),
    [
        ("refused", -32205, "not_found"),
        ("retriable", -32003, None),
        ("fatal", -32603, None),
        ("cancelled", -32002, "cancelled"),
    ],
)
@pytest.mark.parametrize("method", ["probe/fail", "probe/inline_fail"])
def test_a_fault_travels_with_code_message_and_data(ready, method, how, code, category):
    error = ready.error(method, {"how": how})
    assert error["code"] == code
    assert (error.get("data") or {}).get("category") == category


@pytest.mark.parametrize(
    ("how", "exception"),
    [("bug", "KeyError"), ("exit", "SystemExit"), ("unencodable", "TypeError"), ("surrogate", "UnicodeEncodeError")],
)
@pytest.mark.parametrize("method", ["probe/fail", "probe/inline_fail"])
def test_an_unplanned_exception_is_an_internal_error_that_names_method_and_type(ready, capfd, method, how, exception):
    error = ready.error(method, {"how": how})
    assert error["code"] == -32603
    assert method in error["message"]
    assert exception in error["message"]
    assert "secret value" not in error["message"]
    assert ready.is_quiet()


def test_the_traceback_of_an_unplanned_exception_is_on_stderr(process_host):
    process_host.error("probe/fail", {"how": "bug"})
    stderr = process_host.stderr()
    assert "probe/fail" in stderr
    assert "KeyError: 'secret value'" in stderr


@pytest.mark.parametrize("method", ["probe/fail", "probe/inline_fail"])
def test_an_oversized_result_becomes_an_error_that_names_method_and_size(ready, method):
    error = ready.error(method, {"how": "oversized"})
    assert error["code"] == -32603
    assert error["data"]["method"] == method
    assert error["data"]["size"] > 9 * MIB
    assert error["data"]["limit"] == 8 * MIB
    assert error["data"]["category"] == "oversized"
    assert error["data"]["field"] == "blob"
    assert method in error["message"]
    assert str(error["data"]["size"]) in error["message"]


def test_an_error_whose_data_does_not_fit_travels_without_it(ready):
    assert ready.error("probe/fail", {"how": "oversized_data"}) == {"code": -32602, "message": "too much data"}


def test_an_error_message_that_is_no_unicode_is_escaped(ready):
    assert ready.error("probe/fail", {"how": "surrogate_message"})["message"] == "bad \\ud800 text"


def test_a_host_that_writes_much_before_it_reads_does_not_deadlock(ready):
    """The plugin goes on reading while its own writes do not fit into the pipe."""
    text = "x" * 8_000
    ids = [ready.start("probe/inline" if n % 2 else "probe/echo", {"text": text}, request_id=n) for n in range(400)]
    replies = {ready.frame()["id"] for _ in ids}
    assert replies == set(ids)
