"""Ends by signal or by the clock, made into one exception, so that the demo always gets to clean up."""

import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from animus_cli.failure import CommandError

__all__ = ["clean_up_undisturbed", "ended_by_signals", "interrupted_afterwards", "reap_children"]

_ENDING = (signal.SIGTERM, signal.SIGHUP)
_POLL_SECONDS = 0.02


@contextmanager
def ended_by_signals(*, seconds: float | None) -> Generator[None]:
    """Turn TERM and HUP into KeyboardInterrupt, and `seconds` (if given) into a CommandError, inside the block."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def expire(_number: int, _frame: FrameType | None) -> None:
        raise CommandError("unavailable", f"the demo did not come to its end within {seconds:.0f} s")

    before: dict[int, Any] = {number: signal.signal(number, interrupt) for number in _ENDING}
    before[signal.SIGALRM] = signal.signal(signal.SIGALRM, expire)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds or 0)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def clean_up_undisturbed() -> Generator[None]:
    """Ignore further Ctrl-C (and TERM, HUP and the clock) inside the block: half a clean-up helps nobody."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    before: dict[int, Any] = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *_ENDING)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interrupted_afterwards() -> Generator[None]:
    """Let the block come to its end before Ctrl-C (or TERM, HUP) counts; a second one counts at once.

    For the start of a process that nobody could find again if it were left half started.
    """
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    before: dict[int, Any] = {number: signal.signal(number, note) for number in (signal.SIGINT, *_ENDING)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise KeyboardInterrupt


def reap_children(*, seconds: float) -> bool:
    """Wait until every child process has ended; False if one is still there after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if not ended:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
