"""What a provider's failure means for the next try: the same target again, the next target, or neither.

A provider of ours says itself what its failure is; the words of the text are looked at only where it says nothing.
"""

from collections.abc import Sequence

__all__ = [
    "AUTH",
    "DIED",
    "FAILS_OVER",
    "INTERRUPTED",
    "LONGEST_WAIT_SECONDS",
    "TARGET_UNAVAILABLE",
    "TRANSIENT",
    "UNRESUMABLE",
    "classify",
    "may_retry",
    "retry_delay_seconds",
]

TRANSIENT = "transient"
TARGET_UNAVAILABLE = "target_unavailable"
AUTH = "auth"
"""The credentials are missing or wrong: no retry helps, another target may."""
DIED = "provider_died"
"""The provider died during the call: what its agent did until then, nobody knows."""
INTERRUPTED = "interrupted"
"""The runner died during the call."""
UNRESUMABLE = "unresumable"
"""The agent's session could not be gone on with."""
FAILS_OVER = frozenset({"provider_exhaustion", TARGET_UNAVAILABLE, AUTH})
"""Failures of a target that send the phase to its next one."""
_KNOWN = frozenset({TRANSIENT, "unknown", *FAILS_OVER})

_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        TRANSIENT,
        ("connect", "connection refused", "reset by peer", "connection reset", "broken pipe", "timeout", "timed out"),
    ),
    (AUTH, ("unauthorized", "authentication", "invalid api key", "invalid x-api-key")),
    ("provider_exhaustion", ("quota", "rate limit", "rate_limit", "too many requests", "credit")),
    (
        TARGET_UNAVAILABLE,
        ("no such file", "command not found", "not found on path", "unknown model", "model_not_supported", "api key"),
    ),
)
"""Read from the top: a text that fits two tokens has the first."""

FIRST_DELAY_SECONDS = 0.2
LAST_DELAY_SECONDS = 3.0
LONGEST_WAIT_SECONDS = 120.0
"""A provider that asks to be left alone for longer counts as exhausted."""


def classify(text: str, said: str | None = None) -> str:
    """The token of a failure.

    Args:
        text: what went wrong.
        said: the provider's own word for it; a word that is not in the vocabulary counts as none.
    """
    if said in _KNOWN:
        return said
    lowered = text.lower()
    for token, words in _WORDS:
        if any(word in lowered for word in words):
            return token
    return "unknown"


def may_retry(token: str, retry_on: Sequence[str], no_retry_on: Sequence[str]) -> bool:
    """Whether the same target is tried again: ``no_retry_on`` wins; an empty ``retry_on`` means transient only.

    Missing credentials are never retried.
    """
    if token in no_retry_on or token == AUTH:
        return False
    return token in retry_on if retry_on else token == TRANSIENT


def retry_delay_seconds(failures: int, asked: float | None = None) -> float:
    """The pause after the n-th failure in a row: 0.2 s, doubling, at most 3 s; at least what the provider asked for."""
    own = min(FIRST_DELAY_SECONDS * 2.0 ** (failures - 1), LAST_DELAY_SECONDS)
    return own if asked is None else max(own, min(asked, LONGEST_WAIT_SECONDS))
