"""What happened, written down and told."""

__all__: list[str] = []
