"""Commands that are more than one operation, one module each, imported when their name is typed."""

__all__: list[str] = []
