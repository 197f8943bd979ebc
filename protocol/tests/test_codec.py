"""Frames to bytes and back."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from animus_plugin_protocol import codec
from animus_plugin_protocol.errors import ErrorCode, FatalError, RefusedError, RetriableError
from animus_plugin_protocol.frames import ABSENT, MAX_WRITE_BYTES, BadFrame, Frame
from animus_plugin_protocol.wire.provider import AgentRunResult

texts = st.text(st.characters(codec="utf-8"), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
ids = st.integers() | texts


def read(data: bytes) -> Frame:
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    frame = codec.decode_line(data[:-1])
    assert isinstance(frame, Frame)
    return frame


@given(request_id=ids, method=texts.filter(bool), params=json_values)
def test_a_request_survives_the_wire(request_id, method, params):
    frame = read(codec.encode_request(request_id, method, params))
    assert frame.is_request
    assert not frame.is_response
    assert (frame.id, type(frame.id), frame.method) == (request_id, type(request_id), method)
    assert msgspec.json.decode(frame.params) == params


@given(method=texts.filter(bool), params=json_values)
def test_a_notification_survives_the_wire(method, params):
    frame = read(codec.encode_notification(method, params))
    assert frame.is_notification
    assert (frame.id, frame.method) == (msgspec.UNSET, method)
    assert msgspec.json.decode(frame.params) == params


@given(request_id=ids, result=json_values)
def test_a_result_survives_the_wire(request_id, result):
    frame = read(codec.encode_result(request_id, result, "m"))
    assert frame.is_response
    assert (frame.id, frame.error) == (request_id, ABSENT)
    assert msgspec.json.decode(frame.result) == result


@given(request_id=ids | st.none(), code=st.integers(-(2**31), 2**31 - 1), message=texts, data=json_values)
def test_an_error_survives_the_wire(request_id, code, message, data):
    frame = read(codec.encode_error(request_id, code, message, data))
    assert frame.is_response
    fault = codec.decode_fault(frame.error)
    assert (frame.id, fault.code, fault.message, fault.data) == (request_id, code, message, data)


@given(line=st.binary(max_size=60))
def test_no_line_makes_the_decoder_fail(line):
    assert isinstance(codec.decode_line(line), (Frame, BadFrame, type(None)))


@given(value=json_values)
def test_no_json_makes_the_decoder_fail(value):
    frame = codec.decode_line(json.dumps(value).encode())
    assert isinstance(frame, BadFrame)
    assert frame.code in {ErrorCode.INVALID_REQUEST, ErrorCode.PARSE_ERROR}


@given(
    frame=st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": st.sampled_from(["2.0", "1.0", 2, None]),
            "id": json_values,
            "method": json_values,
            "params": json_values,
            "result": json_values,
            "error": json_values,
        },
    )
)
def test_an_object_is_one_shape_or_a_bad_frame(frame):
    decoded = codec.decode_line(json.dumps(frame).encode())
    if isinstance(decoded, BadFrame):
        assert decoded.code == ErrorCode.INVALID_REQUEST
    else:
        assert isinstance(decoded, Frame)
        assert [decoded.is_request, decoded.is_notification, decoded.is_response].count(True) == 1
        assert decoded.is_response == ("result" in frame or "error" in frame)


def test_params_that_are_absent_have_no_key():
    assert codec.encode_request(1, "m") == b'{"jsonrpc":"2.0","id":1,"method":"m"}\n'
    assert codec.encode_notification("m") == b'{"jsonrpc":"2.0","method":"m"}\n'
    assert codec.decode_line(b'{"jsonrpc":"2.0","method":"m"}').params is ABSENT
    assert codec.decode_line(b'{"jsonrpc":"2.0","method":"m","params":null}').params is not ABSENT


def test_raw_json_with_newlines_is_written_on_one_line():
    assert codec.encode_request(1, "m", msgspec.Raw(b'{\n\t"a": [1,\r\n2]}')).endswith(b'"params":{"a":[1,2]}}\n')


def test_a_number_that_is_none_is_written_as_null():
    assert (
        codec.encode_result(1, [float("nan"), float("inf")], "m") == b'{"jsonrpc":"2.0","id":1,"result":[null,null]}\n'
    )


@pytest.mark.parametrize("size", [MAX_WRITE_BYTES, MAX_WRITE_BYTES + 1])
def test_a_frame_above_the_limit_is_not_written(size):
    overhead = len(codec.encode_result(1, "", "m"))
    with pytest.raises(
        codec.OversizedFrameError, match=r"the result of 'm' is \d+ bytes, and a frame holds 8388608"
    ) as caught:
        codec.encode_result(1, "x" * (size - overhead + 1), "m")
    assert caught.value.size == size + 1
    assert caught.value.data == {
        "category": "oversized",
        "method": "m",
        "size": size + 1,
        "limit": MAX_WRITE_BYTES,
        "field": None,
    }


def test_an_oversized_frame_names_its_largest_member():
    big = "x" * MAX_WRITE_BYTES
    with pytest.raises(codec.OversizedFrameError, match="most of it 'output'"):
        codec.encode_result(1, AgentRunResult(session_id="s", exit_code=0, output=big, duration_ms=1, backend="b"), "m")
    with pytest.raises(codec.OversizedFrameError) as caught:
        codec.encode_notification("m", {"small": 1, "large": big})
    assert caught.value.field == "large"


def test_a_frame_of_exactly_the_limit_is_written():
    overhead = len(codec.encode_result(1, "", "m"))
    assert len(codec.encode_result(1, "x" * (MAX_WRITE_BYTES - overhead), "m")) == MAX_WRITE_BYTES


def test_the_keys_of_ids_tell_types_apart():
    keys = [codec.request_key(value) for value in (1, "1", 1.0, True, None, [1], {"a": 1})]
    assert len(set(keys)) == len(keys)


class Wanted(msgspec.Struct):
    count: int = 0


@pytest.mark.parametrize("params", [ABSENT, msgspec.Raw(b"null"), msgspec.Raw(b"{}")])
def test_missing_params_count_as_an_empty_object(params):
    assert codec.decode_params(msgspec.json.Decoder(Wanted), params, "m") == Wanted()


@pytest.mark.parametrize("params", [b"[]", b'{"count":"x"}', b'{"count":1.5}', b'{"count":', b"5"])
def test_params_that_do_not_fit_name_the_method(params):
    with pytest.raises(RefusedError, match="bad params for 'q/m'") as caught:
        codec.decode_params(msgspec.json.Decoder(Wanted), msgspec.Raw(params), "q/m")
    assert caught.value.code == ErrorCode.INVALID_PARAMS


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-32003, RetriableError),
        (-32205, RetriableError),
        (-32503, RetriableError),
        (-32603, FatalError),
        (-32601, RefusedError),
        (77, RefusedError),
    ],
)
def test_an_error_becomes_the_exception_that_says_what_to_do(code, kind):
    fault = codec.decode_fault(msgspec.Raw(json.dumps({"code": code, "message": "m", "data": [1]}).encode()))
    assert type(fault) is kind
    assert (fault.code, fault.message, fault.data, str(fault)) == (code, "m", [1], "m")


@pytest.mark.parametrize(
    "error", [b"5", b'"text"', b"{}", b'{"code":"x","message":"m"}', b'{"code":1}', b'{"code":1,"message":5}']
)
def test_a_malformed_error_is_quoted(error):
    fault = codec.decode_fault(msgspec.Raw(error))
    assert isinstance(fault, FatalError)
    assert error.decode() in fault.message
