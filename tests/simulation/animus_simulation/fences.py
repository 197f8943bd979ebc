"""Watches what the queue hands out: the numbers of its fences only grow."""

import json
from typing import Any

__all__ = ["FenceWatch"]


class FenceWatch:
    """Attributes:
    problems: fences that were handed out again or went back.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._leases: dict[str, int] = {}
        self._subjects: dict[str, int] = {}

    def see(self, data: bytes) -> None:
        """Look at what the queue writes."""
        if b'"leased":[{' not in data:
            return
        for line in data.splitlines():
            try:
                result: Any = json.loads(line).get("result")
            except ValueError:
                continue
            for row in result.get("leased", ()) if isinstance(result, dict) else ():
                self._note(row["execution"])

    def _note(self, fence: Any) -> None:
        entry_id, number = fence["queue_lease"]["entry_id"], fence["queue_lease"]["generation"]
        if number <= self._leases.get(entry_id, 0):
            self.problems.append(f"entry {entry_id} was leased with fence {number} after {self._leases[entry_id]}")
        self._leases[entry_id] = number
        subject, generation = fence["subject"]["qualified_id"], fence["subject"]["generation"]
        if generation < self._subjects.get(subject, 0):
            self.problems.append(f"subject {subject} was leased as {generation} after {self._subjects[subject]}")
        self._subjects[subject] = generation
