"""What ``animus doctor`` looks at."""

__all__: list[str] = []
