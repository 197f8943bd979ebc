"""What a plugin answers, read so that a missing member is a finding; and frames as the harness makes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from animus_conformance.requirement import CheckFailedError
from animus_conformance.transcript import LINE_SHOWN

__all__ = ["Members", "checked_refusal", "frame_of", "key_of", "members_of", "stderr_tail"]

_STDERR_SHOWN: Final = 2000


class Members(dict[str, Any]):
    """A JSON object of the plugin's, in which a member that is missing is a finding."""

    def __missing__(self, name: str) -> Any:
        """Say what is missing.

        Raises:
            CheckFailedError: always.
        """
        raise CheckFailedError(f"an answer has no member {name!r}: {str(dict(self))[:LINE_SHOWN]}")


def members_of(value: Any) -> Any:
    """`value` with every object in it made to `Members`."""
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        return Members({name: members_of(item) for name, item in known.items()})
    if isinstance(value, list):
        return [members_of(item) for item in cast("Sequence[Any]", value)]
    return value


def frame_of(**members: Any) -> dict[str, Any]:
    """A frame; members that are UNSET are left out."""
    return {"jsonrpc": "2.0", **{name: value for name, value in members.items() if value is not msgspec.UNSET}}


def key_of(request_id: Any) -> str:
    """An id as text that keeps its type: ``1`` is not ``"1"``."""
    return msgspec.json.encode(request_id).decode()


def checked_refusal(answer: dict[str, Any], method: str, codes: Sequence[int], category: str | None) -> dict[str, Any]:
    """The error of an answer that has to be one.

    Raises:
        CheckFailedError: it is a result, or an error of another code or category.
    """
    error: Any = answer.get("error")
    if error is None:
        raise CheckFailedError(f"{method!r} was answered with a result, expected error {_either(codes)}")
    if codes and error["code"] not in codes:
        raise CheckFailedError(f"{method!r} was answered with error {error}, expected code {_either(codes)}")
    data: Any = error.get("data")
    found: Any = cast("dict[str, Any]", data).get("category") if isinstance(data, dict) else None
    if category is not None and found != category:
        raise CheckFailedError(f"{method!r} was answered with error {error}, expected data.category {category!r}")
    return cast("dict[str, Any]", error)


def stderr_tail(file: Path) -> str:
    """What the plugin wrote to standard error last, as a clause for a finding."""
    text = file.read_bytes()[-_STDERR_SHOWN:].decode("utf-8", "replace").strip()
    return f"; its stderr ends with: {text}" if text else ""


def _either(codes: Sequence[int]) -> str:
    return " or ".join(str(code) for code in codes) or "of any code"
