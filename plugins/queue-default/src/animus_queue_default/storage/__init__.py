"""The queue on disk: the journal, its lock, its compaction, and the history of what has left."""

__all__: list[str] = []
