"""What programs read: the ``animus.cli.v1`` envelope, one compact line."""

from typing import Any

import msgspec

from animus_cli.failure import CommandError

__all__ = ["ENVELOPE_SCHEMA", "failure_line", "success_line"]

ENVELOPE_SCHEMA = "animus.cli.v1"


def success_line(data: Any) -> str:
    """The line for stdout; `data` is any value msgspec can write."""
    return _line({"schema": ENVELOPE_SCHEMA, "ok": True, "data": data})


def failure_line(error: CommandError) -> str:
    """The line for stderr."""
    return _line({"schema": ENVELOPE_SCHEMA, "ok": False, "error": error.record()})


def _line(envelope: dict[str, Any]) -> str:
    return msgspec.json.encode(envelope, enc_hook=str).decode()
