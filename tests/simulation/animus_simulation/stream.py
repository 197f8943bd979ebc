"""Where chance comes from: a stream of numbers for each use, so that one more draw here changes nothing there."""

import random

__all__ = ["stream"]


def stream(name: object) -> random.Random:
    """The numbers of that name, which begins with the seed."""
    return random.Random(str(name))  # noqa: S311 - a schedule, no secret
