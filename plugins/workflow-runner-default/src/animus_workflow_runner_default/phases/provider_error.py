"""What a provider's failure means for the next try: the same target again, the next target, or neither."""

from collections.abc import Sequence
from typing import Literal

__all__ = ["FailureToken", "classify", "may_retry", "retry_delay_seconds"]

FailureToken = Literal["transient", "provider_exhaustion", "target_unavailable", "unknown"]

_WORDS: tuple[tuple[FailureToken, tuple[str, ...]], ...] = (
    (
        "transient",
        ("connect", "connection refused", "reset by peer", "connection reset", "broken pipe", "timeout", "timed out"),
    ),
    (
        "provider_exhaustion",
        ("quota", "rate limit", "rate_limit", "too many requests", "credit", "unauthorized", "authentication"),
    ),
    (
        "target_unavailable",
        ("no such file", "command not found", "not found on path", "unknown model", "model_not_supported", "api key"),
    ),
)
"""Read from the top: a text that fits two tokens has the first."""

FIRST_DELAY_SECONDS = 0.2
LAST_DELAY_SECONDS = 3.0


def classify(text: str) -> FailureToken:
    """The token of an error text."""
    lowered = text.lower()
    for token, words in _WORDS:
        if any(word in lowered for word in words):
            return token
    return "unknown"


def may_retry(token: FailureToken, retry_on: Sequence[str], no_retry_on: Sequence[str]) -> bool:
    """Whether the same target is tried again: ``no_retry_on`` wins; an empty ``retry_on`` means transient only."""
    if token in no_retry_on:
        return False
    return token in retry_on if retry_on else token == "transient"  # noqa: S105 - a word of a vocabulary


def retry_delay_seconds(failures: int) -> float:
    """The pause after the n-th failure: 0.2 s, doubling, at most 3 s."""
    return min(FIRST_DELAY_SECONDS * 2.0 ** (failures - 1), LAST_DELAY_SECONDS)
