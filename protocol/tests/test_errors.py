"""The error table and the exception tree."""

import pytest

from animus_plugin_protocol import errors
from animus_plugin_protocol.errors import ERROR_CODES, Cancelled, ErrorCode, RefusedError, RetriableError, RpcFault


def test_every_code_stands_once():
    values = [value for name, value in vars(ErrorCode).items() if isinstance(value, int)]
    assert len(values) == len(set(values)) == len(ERROR_CODES)
    assert ERROR_CODES[-32209] == "queue_stale_fence"


def test_every_error_has_one_root():
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, Exception):
            assert issubclass(kind, errors.ProtocolError), name


def test_a_cancellation_passes_handlers_that_catch_exceptions():
    assert not issubclass(Cancelled, Exception)


def test_a_code_of_zero_is_kept():
    assert RpcFault("m", code=0).code == 0


@pytest.mark.parametrize(
    ("kind", "code"), [(RefusedError, -32602), (RetriableError, -32003), (errors.FatalError, -32603)]
)
def test_a_fault_has_a_code_without_being_given_one(kind, code):
    assert kind("m").code == code
