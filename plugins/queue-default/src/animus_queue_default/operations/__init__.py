"""What can be asked of the queue: each operation reads the state, decides, and emits facts."""

__all__: list[str] = []
