"""How the warm entries stand: counts, and the entries of each status that operations ask for."""

from animus_queue_default.model.entry import Entry
from animus_queue_default.model.status import Status
from animus_queue_default.state.twins import Twins

__all__ = ["Counts", "Standings"]


_PENDING, _ASSIGNED = Status.PENDING, Status.ASSIGNED  # to ask an enum's class each time takes longer than the rest


class Counts(dict[Status, int]):
    """How many live entries have each status."""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.values())


class Standings:
    """Indexes by status over the entries that are not on the shelf."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(Status, 0)
        self.exceptional: dict[Status, dict[int, Entry]] = {s: {} for s in Status if s is not Status.PENDING}
        """Entries that do not wait, by status and seq."""
        self.active_subjects: dict[str, dict[int, Entry]] = {}
        """Assigned entries by subject."""
        self.active_repositories: dict[str, dict[int, Entry]] = {}
        """Assigned entries by the repository ref they reserve."""
        self.returned_runs: dict[str, int] = {}
        """Entries that wait and have a run already, by its id."""
        self.twins = Twins()

    def enter(self, entry: Entry) -> None:
        """Index `entry` by how it stands now."""
        standing = entry.standing
        status = standing.status
        self.counts[status] += 1
        if status is _PENDING:
            if entry.run_at is None:
                self.twins.add(entry.subject, entry.workflow_ref, entry.seq)
            if standing.workflow_id is not None:
                self.returned_runs[standing.workflow_id] = entry.seq
            return
        self.exceptional[status][entry.seq] = entry
        if status is _ASSIGNED:
            self.active_subjects.setdefault(entry.subject, {})[entry.seq] = entry
            if entry.repository is not None:
                self.active_repositories.setdefault(entry.repository.collision_key, {})[entry.seq] = entry

    def leave(self, entry: Entry) -> None:
        """Forget how `entry` stood."""
        status = entry.standing.status
        self.counts[status] -= 1
        if status is _PENDING:
            if entry.run_at is None:
                self.twins.remove(entry.subject, entry.workflow_ref, entry.seq)
            if entry.standing.workflow_id is not None:
                self.returned_runs.pop(entry.standing.workflow_id, None)
            return
        del self.exceptional[status][entry.seq]
        if status is _ASSIGNED:
            _discard(self.active_subjects, entry.subject, entry.seq)
            if entry.repository is not None:
                _discard(self.active_repositories, entry.repository.collision_key, entry.seq)


def _discard(index: dict[str, dict[int, Entry]], key: str, seq: int) -> None:
    entries = index[key]
    del entries[seq]
    if not entries:
        del index[key]
