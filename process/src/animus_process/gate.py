"""A child that waits until it has been written down.

Between the start of a process and the record of it there is a moment in which the parent may die. The gate closes it:
the child is a shell that waits for one line on its standard input and then becomes the program (same pid, same start
time). End of input instead of a line means that the parent is gone, and the child ends without having done anything.
"""

from collections.abc import Sequence
from typing import IO

__all__ = ["GATE_CLOSED_EXIT_CODE", "gated", "release_gate"]

GATE_CLOSED_EXIT_CODE = 126
"""Exit code of a child whose parent died before it opened the gate."""

_WAIT = f"IFS= read -r _ || exit {GATE_CLOSED_EXIT_CODE}; "


def gated(argv: Sequence[str], *, null_stdin: bool = False) -> list[str]:
    """The command line that waits for `release_gate` and then becomes `argv`.

    The shell reads byte by byte and so leaves everything behind the line to the program. `argv` is passed as
    arguments, never as shell text.

    Args:
        argv: program and arguments, not empty.
        null_stdin: give the program an empty standard input instead of the pipe that the gate used.

    Raises:
        ValueError: `argv` is empty.
    """
    if not argv:
        message = "a gated process needs a program; argv is empty"
        raise ValueError(message)
    script = _WAIT + ('exec "$@" </dev/null' if null_stdin else 'exec "$@"')
    return ["/bin/sh", "-c", script, "sh", *argv]


def release_gate(pipe: IO[bytes]) -> None:
    """Let a gated child go: call it once, after its record is on disk.

    Args:
        pipe: the parent's end of the child's standard input. It stays open.

    Raises:
        BrokenPipeError: the child has died at the gate.
    """
    pipe.write(b"\n")
    pipe.flush()
