"""How long phases take: a histogram per mode and end, over everything this process has run."""

from bisect import bisect_left
from typing import Any

__all__ = ["BOUNDS_SECONDS", "PhaseDurations"]

BOUNDS_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0)
"""Upper bounds of the buckets, inclusive; one more takes what is above."""


class PhaseDurations:
    """Counts observations by (mode, status)."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], list[int]] = {}
        self._sums: dict[tuple[str, str], float] = {}

    def observe(self, mode: str, status: str, seconds: float) -> None:
        """Count one attempt that ended."""
        key = (mode, status)
        counts = self._counts.setdefault(key, [0] * (len(BOUNDS_SECONDS) + 1))
        counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self._sums[key] = self._sums.get(key, 0.0) + seconds

    def rows(self) -> list[dict[str, Any]]:
        """One row per series: `buckets` pairs an upper bound (None: no bound) with how many were at most that long."""
        rows: list[dict[str, Any]] = []
        for (mode, status), counts in sorted(self._counts.items()):
            running, buckets = 0, list[list[float | int | None]]()
            for bound, count in zip((*BOUNDS_SECONDS, None), counts, strict=True):
                running += count
                buckets.append([bound, running])
            key = (mode, status)
            rows.append(
                {"mode": mode, "status": status, "count": running, "sum": round(self._sums[key], 3), "buckets": buckets}
            )
        return rows
