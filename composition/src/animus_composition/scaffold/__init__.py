"""What ``animus init`` writes: the checks found in a project, and three files made from them."""

__all__: list[str] = []
