"""The plugin protocol: the only part of the package that knows it."""

__all__: list[str] = []
