"""What a failure of an agent means for whoever has to go on: one table for all agents.

Five meanings: ``transient`` (the same again, later), ``provider_exhaustion`` (this account or plan has had enough;
another target now), ``target_unavailable`` (this program or model is not to be had), ``auth`` (a person has to log in
or mend a key), ``unknown``.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = [
    "AUTH",
    "EXHAUSTION",
    "FAILURES",
    "RETRY_AFTER_LIMIT_SECONDS",
    "TRANSIENT",
    "UNAVAILABLE",
    "UNKNOWN",
    "Failure",
    "FailureRow",
    "classify",
]

TRANSIENT: Final = "transient"
EXHAUSTION: Final = "provider_exhaustion"
UNAVAILABLE: Final = "target_unavailable"
AUTH: Final = "auth"
UNKNOWN: Final = "unknown"

RETRY_AFTER_LIMIT_SECONDS: Final = 7 * 24 * 3600.0
"""A later moment is no advice for a run."""
_LOOKED_AT_CHARACTERS: Final = 20_000


class FailureRow(NamedTuple):
    """One row: an HTTP status, or a regular expression found in the text (case does not matter)."""

    failure: str
    category: str = "run_failed"
    statuses: tuple[int, ...] = ()
    pattern: str = ""


class Failure(NamedTuple):
    """What went wrong. `category` is the provider kind's (protocol section 2.4), `failure` one of the five meanings."""

    failure: str
    category: str
    message: str
    retry_after_seconds: float | None = None


FAILURES: Final = (
    FailureRow(UNAVAILABLE, "unavailable", pattern=r"^animus-sandbox: "),
    FailureRow(AUTH, "unavailable", statuses=(401, 403)),
    FailureRow(EXHAUSTION, statuses=(402, 429)),
    FailureRow(TRANSIENT, statuses=(408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529)),
    FailureRow(
        UNAVAILABLE,
        "model_not_supported",
        pattern=r"model_not_found|(unknown|invalid|unsupported) model|issue with the selected model"
        r"|model\b.{0,80}\b(not exist|not found|not supported|not available)",
    ),
    FailureRow(
        AUTH,
        "unavailable",
        pattern=r"(invalid|incorrect|missing|no|expired) (x-)?api[ -]?key|api key (is )?(missing|required|not set)"
        r"|authenticat|unauthori[sz]ed|not logged in|log ?in again|run /login|oauth token|token (has )?expired",
    ),
    FailureRow(
        EXHAUSTION,
        pattern=r"credit balance|out of credits|usage limit|hit your .{0,20}limit|limit reached|quota|billing"
        r"|insufficient.funds|rate.?limit|too many requests",
    ),
    FailureRow(
        UNKNOWN,
        "session_start_failed",
        pattern=r"no conversation found|no (saved )?(session|rollout|thread|conversation)\b.{0,40}\bfound"
        r"|(session|thread|conversation) .{0,80}not found|already in use",
    ),
    FailureRow(
        UNAVAILABLE,
        "unavailable",
        pattern=r"unknown option|unknown argument|unexpected argument|unrecognized (option|argument|subcommand)"
        r"|cannot be used with root|exec format error",
    ),
    FailureRow(
        TRANSIENT,
        pattern=r"overload|timed? ?out|connection (refused|reset|error|closed|failed)|econn|enotfound|eai_again"
        r"|socket hang up|network|fetch failed|stream (was |has )?(ended|closed|disconnected|truncated|error)"
        r"|empty or malformed response|internal server error|bad gateway|service unavailable|temporar|try again",
    ),
    FailureRow(UNAVAILABLE, "unavailable", statuses=(404, 405)),
)
"""Looked through from the top."""

_RETRY_AFTER: Final = (
    r"(?:retry[- _]after[\"']?\s*[:=]?|(?:try again|retry|resets?) in)\s*(\d{1,9}(?:\.\d+)?)\s*(ms|m|h|d)?"
)
_UNIT_SECONDS: Final = {"ms": 0.001, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def classify(
    text: str,
    *,
    status: int | None = None,
    retry_after_seconds: float | None = None,
    rows: Sequence[FailureRow] = (),
) -> Failure:
    """What `text` and the HTTP `status` mean: the first of `rows`, then of `FAILURES`, that fits.

    Args:
        text: what the agent said, or the end of its standard error.
        status: of the HTTP answer behind it, if known.
        retry_after_seconds: what the agent said about a later try; else the text is searched for it.
        rows: an agent's own, which go first.
    """
    looked_at = text[-_LOOKED_AT_CHARACTERS:]
    later = _retry_after_in(looked_at) if retry_after_seconds is None else retry_after_seconds
    if later is not None and not 0 <= later <= RETRY_AFTER_LIMIT_SECONDS:
        later = None
    for row in (*rows, *FAILURES):
        has_status = status is not None and status in row.statuses
        if has_status or (row.pattern and re.search(row.pattern, looked_at, re.IGNORECASE | re.MULTILINE)):
            return Failure(row.failure, row.category, text, later)
    return Failure(UNKNOWN, "run_failed", text, later)


def _retry_after_in(text: str) -> float | None:
    found = re.search(_RETRY_AFTER, text, re.IGNORECASE)
    return None if found is None else float(found[1]) * _UNIT_SECONDS[(found[2] or "").lower()]
