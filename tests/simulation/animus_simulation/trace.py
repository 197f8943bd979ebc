"""What happened, a line each: its digest says whether two runs of a seed were the same."""

import hashlib
from collections import deque
from collections.abc import Callable

__all__ = ["Trace"]

KEPT_LINES = 400


class Trace:
    """Attributes:
    lines: the latest, or all of them.
    """

    def __init__(self, now: Callable[[], float], root: str, *, keep_all: bool = False) -> None:
        self._now, self._root = now, root
        self._digest = hashlib.sha256()
        self.lines: deque[str] = deque(maxlen=None if keep_all else KEPT_LINES)
        self.count = 0

    def tell(self, text: str) -> None:
        """Something happened now."""
        line = f"{self._now():.6f} {text}".replace(self._root, "<tmp>")
        self._digest.update(line.encode())
        self._digest.update(b"\n")
        self.lines.append(line)
        self.count += 1

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()[:32]
