"""Every bound of a run, by name."""

from typing import Final, NamedTuple

__all__ = [
    "ANSWER_LIMIT_BYTES",
    "CALLS_PER_TURN",
    "CONNECT_SECONDS",
    "DECISION_REPAIRS",
    "LENGTH_CONTINUATIONS",
    "REPEATS",
    "RETRY_WAIT_SECONDS",
    "TOOL_OUTPUT_BYTES",
    "TRANSCRIPT_LIMIT_BYTES",
    "Limits",
]

ANSWER_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""A longer answer of the endpoint is given up."""
CONNECT_SECONDS: Final = 10.0
"""How long the endpoint may take to accept a connection."""
REPEATS: Final = 3
"""How often a request that failed for a moment is sent again."""
RETRY_WAIT_SECONDS: Final = 30.0
"""A longer ``Retry-After`` is the host's to wait for: the run ends and says how long."""
CALLS_PER_TURN: Final = 64
"""Tool calls in one answer; the model is told of no more."""
DECISION_REPAIRS: Final = 2
"""How often an answer without the JSON object that was asked for is sent back."""
LENGTH_CONTINUATIONS: Final = 3
"""How often an answer that was cut at the model's length limit is continued."""
TOOL_OUTPUT_BYTES: Final = 48 * 1024
"""What the model gets to see of one tool's output: the end of it for a program, the beginning of a file."""
TRANSCRIPT_LIMIT_BYTES: Final = 32 * 1024 * 1024
"""A session that grew beyond it goes no further."""


class Limits(NamedTuple):
    """What an operator may set.

    Attributes:
        turns: answers of the model in one run.
        stall_seconds: how long the endpoint may be silent, also before its first byte (a local model may be loading).
        shell_seconds: how long a command may run when the model names no limit; it may name up to `shell_most_seconds`.
        repeat_seconds: the pause before the first repeat, doubled with each; ``Retry-After`` goes first.
    """

    turns: int = 100
    stall_seconds: float = 300.0
    shell_seconds: float = 120.0
    shell_most_seconds: float = 1800.0
    repeat_seconds: float = 0.5
