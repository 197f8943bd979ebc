"""Checks every frame, in both directions, against the method table.

What the plugin writes and does not fit fails the check that is running; what the harness would write and does not
fit is an error of the harness.
"""

from typing import Any, Final, cast

import msgspec

from animus_conformance.requirement import CheckFailedError, HarnessError
from animus_conformance.transcript import LINE_SHOWN
from animus_plugin_protocol import methods
from animus_plugin_protocol.methods import Method

__all__ = ["MAX_FRAME_BYTES", "Judgement", "decode_frame"]

MAX_FRAME_BYTES: Final = 8 * 1024 * 1024
"""Hosts tear the connection down beyond this."""
_CODES: Final = range(-(2**31), 2**31)
_TABLE_AREAS: Final = frozenset(name.partition("/")[0] for name in methods.METHODS if "/" in name)


class Judgement:
    """Remembers what was asked, so that an answer can be held against the method's result type."""

    def __init__(self) -> None:
        self.subject_kinds: frozenset[str] = frozenset()
        self._asked: dict[str, Method | None] = {}

    def row(self, method: str) -> Method | None:
        """The row of the method table, also for ``<kind>/<verb>``."""
        return methods.method_named(method, subject_kinds=self.subject_kinds)

    def sending(self, frame: dict[str, Any]) -> None:
        """Note a frame the harness sends on purpose.

        Raises:
            HarnessError: it is not what the method table says.
        """
        row = self.row(frame["method"])
        if "id" in frame:
            self._asked[_key(frame["id"])] = row
        if row is None:
            return
        if row.direction == methods.TO_HOST:
            raise HarnessError(f"{row.name!r} goes from plugin to host")
        if row.params_type() is not None:
            self._fits(frame.get("params", {}), row.params_type(), f"params of {row.name!r}", HarnessError)

    def asking(self, request_id: Any, method: str) -> None:
        """Note a request whose params are wrong on purpose."""
        self._asked[_key(request_id)] = self.row(method)

    def received(self, frame: dict[str, Any]) -> None:
        """Judge a frame the plugin wrote.

        Raises:
            CheckFailedError: it is not what the method table says.
        """
        if "method" in frame:
            self._called(frame)
        elif "id" not in frame:
            raise CheckFailedError(f"a response without an id: {_shown(frame)}")
        else:
            self._answered(frame)

    def _called(self, frame: dict[str, Any]) -> None:
        method = frame["method"]
        if not isinstance(method, str) or not method:
            raise CheckFailedError(f"a frame whose method is no text: {_shown(frame)}")
        row = methods.METHODS.get(method)
        if row is None:
            if method.partition("/")[0] in _TABLE_AREAS:
                raise CheckFailedError(f"the plugin calls {method!r}, which the method table does not know")
            return
        if row.direction == methods.TO_PLUGIN:
            raise CheckFailedError(f"the plugin sent {method!r}, which goes from host to plugin")
        if row.is_request != ("id" in frame):
            expected = "a request, with an id" if row.is_request else "a notification, without an id"
            raise CheckFailedError(f"{method!r} is {expected}: {_shown(frame)}")
        if row.params_type() is not None:
            self._fits(frame.get("params", {}), row.params_type(), f"params of {method!r}", CheckFailedError)

    def _answered(self, frame: dict[str, Any]) -> None:
        if ("result" in frame) == ("error" in frame):
            raise CheckFailedError(f"a response has a result or an error, one of the two: {_shown(frame)}")
        row = self._asked.get(_key(frame["id"]))
        if "error" in frame:
            _judge_error(frame["error"])
        elif row is not None and row.result_type() is not None:
            self._fits(frame["result"], row.result_type(), f"result of {row.name!r}", CheckFailedError)

    def _fits(self, value: Any, wanted: Any, what: str, error: type[Exception]) -> None:
        if wanted is Any:
            return
        try:
            msgspec.convert(value, wanted)
        except (msgspec.ValidationError, ValueError) as problem:
            raise error(f"the {what} do not fit {wanted.__name__}: {problem}") from problem


def _judge_error(error: Any) -> None:
    if not isinstance(error, dict):
        raise CheckFailedError(f"an error is an object, not {error!r}")
    members = cast("dict[str, Any]", error)
    code, message = members.get("code"), members.get("message")
    if not isinstance(code, int) or isinstance(code, bool) or code not in _CODES:
        raise CheckFailedError(f"an error's code is a 32-bit integer, not {code!r}")
    if not isinstance(message, str):
        raise CheckFailedError(f"an error has a message, a text, not {message!r}")


def decode_frame(line: bytes) -> dict[str, Any]:
    """The frame on one line of standard output.

    Raises:
        CheckFailedError: it is none, or hosts would not read it.
    """
    if len(line) > MAX_FRAME_BYTES:
        raise CheckFailedError(f"a frame of {len(line)} bytes; hosts read {MAX_FRAME_BYTES}")
    try:
        frame: Any = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckFailedError(f"standard output carries a line that is no frame: {_quoted(line)}") from error
    if not isinstance(frame, dict) or cast("dict[str, Any]", frame).get("jsonrpc") != "2.0":
        raise CheckFailedError(f"standard output carries JSON that is no JSON-RPC 2.0 frame: {_quoted(line)}")
    return cast("dict[str, Any]", frame)


def _key(request_id: Any) -> str:
    return msgspec.json.encode(request_id).decode()


def _quoted(line: bytes) -> str:
    return repr(line[:LINE_SHOWN].decode("utf-8", "replace"))


def _shown(frame: dict[str, Any]) -> str:
    return msgspec.json.encode(frame).decode()[:LINE_SHOWN]
