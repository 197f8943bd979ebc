"""Why something is where it is: facts about it, and the table of states that explain them."""

__all__: list[str] = []
