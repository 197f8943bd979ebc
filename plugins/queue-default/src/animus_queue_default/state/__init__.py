"""The queue in memory: what the records add up to, and the indexes that keep operations short."""

__all__: list[str] = []
