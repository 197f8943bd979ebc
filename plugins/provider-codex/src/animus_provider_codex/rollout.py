"""What a session has used before it is taken up again: the program counts tokens per session, not per run.

The program's own record of the session says it. Where there is none to be read, nothing is known, and 0 is assumed.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any, Final

from animus_agent_cli.loose import as_dict

__all__ = ["tokens_before"]

_TAIL_BYTES: Final = 4 * 1024 * 1024
_MARK: Final = b'"token_count"'


def tokens_before(home: Path, session: str) -> dict[str, Any]:
    """The totals that the record of `session` ends with, in the words of the program's stream."""
    try:
        newest = max((home / "sessions").glob(f"*/*/*/rollout-*{session}.jsonl"), key=lambda file: file.name)
        # Written by an agent that may mean ill: no link is followed, and no pipe waited for.
        descriptor = os.open(newest, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return {}
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES))
            lines = stream.read(_TAIL_BYTES).splitlines()
    except (OSError, ValueError):
        return {}
    for line in reversed(lines):
        totals = _totals_in(line) if _MARK in line else {}
        if totals:
            return totals
    return {}


def _totals_in(line: bytes) -> dict[str, Any]:
    try:
        loaded: Any = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    payload = as_dict(as_dict(loaded).get("payload"))
    return (
        as_dict(as_dict(payload.get("info")).get("total_token_usage")) if payload.get("type") == "token_count" else {}
    )
