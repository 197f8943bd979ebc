"""Ends by signal or by the clock, made into one exception, so that the demo always gets to clean up."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from animus_cli.failure import CommandError

__all__ = ["clean_up_undisturbed", "ended_by_signals"]

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_by_signals(*, seconds: float | None) -> Iterator[None]:
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
def clean_up_undisturbed() -> Iterator[None]:
    """Ignore further Ctrl-C (and TERM and HUP) inside the block: half a clean-up helps nobody."""
    before: dict[int, Any] = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *_ENDING)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
