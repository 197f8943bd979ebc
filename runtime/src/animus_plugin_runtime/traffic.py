"""What goes over one connection: counted, limited, and its end remembered."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["TAIL_BYTES", "FrameTail", "Quota", "Traffic"]

TAIL_FRAMES = 20
"""How many of the latest frames are kept for a report about a death."""

TAIL_BYTES = 512
"""How much of each."""


class Quota(NamedTuple):
    """What a plugin may send over a long time, and at once on top of that."""

    bytes_per_second: float = 64.0 * 1024 * 1024
    burst_bytes: float = 512.0 * 1024 * 1024
    requests_per_second: float = 1000.0
    burst_requests: float = 10_000.0


class _Bucket:
    """Refills steadily; `take` says whether there was enough."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at = burst, now

    def take(self, amount: float, now: float) -> bool:
        left = self._left + (now - self._at) * self._rate
        self._left = left = (left if left < self._burst else self._burst) - amount  # noqa: FURB136 - each line comes here
        self._at = now
        return left >= 0


class Traffic:
    """Counts of one connection, towards the host (`in`) and towards the plugin (`out`).

    Attributes:
        heard_at: when the plugin last wrote something; of the clock that was given.
        used_at: when it was last asked something.
        tail: the latest frames.
    """

    def __init__(self, quota: Quota, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.heard_at = self.used_at = now = monotonic()
        self.frames_in = self.bytes_in = self.frames_out = self.bytes_out = self.requests_in = 0
        self.tail = FrameTail()
        self._quota = quota
        self._bytes = _Bucket(quota.bytes_per_second, quota.burst_bytes, now)
        self._requests = _Bucket(quota.requests_per_second, quota.burst_requests, now)

    def hear(self, size: int, lines: int = 1) -> str | None:
        """The plugin wrote bytes that complete some lines; why that is too much, or None."""
        self.heard_at = now = self._monotonic()
        self.frames_in += lines
        self.bytes_in += size
        if self._bytes.take(size, now):
            return None
        return f"it writes more than {self._quota.bytes_per_second / 1024**2:g} MiB a second"

    def be_asked(self) -> str | None:
        """The plugin sent a request; why that is too much, or None."""
        self.requests_in += 1
        if self._requests.take(1, self._monotonic()):
            return None
        return f"it sends more than {self._quota.requests_per_second:g} requests a second"

    def say(self, size: int) -> None:
        """The host wrote a line."""
        self.used_at = self._monotonic()
        self.frames_out += 1
        self.bytes_out += size


class FrameTail:
    """The beginnings of the latest frames, for a report about a death.

    Attributes:
        append: takes a direction and at most `TAIL_BYTES` of a line.
    """

    def __init__(self) -> None:
        self._frames: deque[tuple[str, bytes]] = deque(maxlen=TAIL_FRAMES)
        self.append = self._frames.append

    def lines(self) -> list[str]:
        """Oldest first, each with its direction."""
        return [f"{direction} {line.decode(errors='replace').rstrip()}" for direction, line in self._frames]
