"""From a wish to a verdict: the one door, leases, runs, and what they show on their subjects."""

__all__: list[str] = []
