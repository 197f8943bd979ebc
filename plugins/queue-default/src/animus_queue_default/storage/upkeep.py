"""What a store does besides its operations, a little after each batch, so that no request waits for the whole of it.

Compaction of a journal, and, after it: forgetting what the history knows, learning where records lie now, and merging
segments of the history. What fails here fails no operation: the batch is durable already. The attempt is dropped and
made again when there is more to gain.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from animus_queue_default.clock import Clock
from animus_queue_default.fault import StorageError
from animus_queue_default.model.entry import Finished
from animus_queue_default.model.record import Record
from animus_queue_default.storage.compaction import Compaction
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.merge import Merge
from animus_queue_default.storage.replica import Replica

__all__ = ["Upkeep"]

_PARTS_A_STEP = 4
_WASTE_AT_LOAD = 4
"""A journal with so many times more waste than content is compacted at once when it is opened."""


class Upkeep:
    """One store's housekeeping.

    Args:
        files: the operating system.
        directory: where the queue's files are.
        clock: for headers.
        stretch_bytes: how much of a journal one stretch of its outline covers.
    """

    def __init__(self, files: Files, directory: Path, clock: Clock, stretch_bytes: int) -> None:
        self._stretch_bytes = stretch_bytes
        self._files = files
        self._directory = directory
        self._clock = clock
        self._compaction: Compaction | None = None
        self._merge: Merge | None = None
        self._archived: Iterator[list[Finished]] | None = None
        """What the history knows and memory is to forget; None when that was not looked at since the last switch."""
        self._number = 0
        self._tidied = 0
        """What had finished when this journal began is not in memory any more."""
        self._has_compacted = False
        self._rests = False
        """There was nothing to do, and only waste makes something."""
        self._patience = 0

    def mirror(self, batch: Iterable[tuple[Record, bytes]]) -> None:
        """Records were committed, by this process or another."""
        if self._compaction is not None:
            for record, raw in batch:
                self._compaction.mirror(record, raw)

    def step(self, replica: Replica, floor: int) -> BaseException | None:
        """Do a little. Called after each batch, under the lock.

        Args:
            replica: the queue.
            floor: waste below which a journal is left alone.

        Returns:
            What went wrong, if something did.
        """
        waste = replica.waste
        if self._rests and replica.number == self._number and waste < floor:
            return None
        try:
            self._notice_switch(replica)
            if replica.state.ids.is_behind:
                for _ in range(_PARTS_A_STEP):
                    replica.state.ids.read_part()
            if not self._tidy(replica) and not replica.step() and not self._merge_step(replica):
                self._compact(replica, floor)
                self._rests = not (self._compaction or self._has_compacted or replica.state.ids.is_behind)
        except (OSError, StorageError) as error:
            self.abandon()
            self._patience = 2 * max(waste, 1)
            return error
        return None

    def compact_wasteful(self, replica: Replica, floor: int) -> None:
        """Compact a journal that is mostly waste at once.

        It was just read whole, and a short-lived process never gets to the end of a compaction in slices.
        """
        self._number = self._tidied = replica.number
        self._patience = 0
        if replica.waste < max(floor, _WASTE_AT_LOAD * replica.state.live_bytes):
            return
        while replica.number == self._number and not self._patience:
            self.step(replica, floor)

    def finish_tidying(self, replica: Replica) -> None:
        """Let nothing be known twice: in memory and in the history."""
        self._notice_switch(replica)
        while self._tidy(replica):
            pass

    def abandon(self) -> None:
        """Drop what was begun."""
        compaction, self._compaction = self._compaction, None
        merge, self._merge = self._merge, None
        self._archived = None
        self._rests = False
        for begun in (compaction, merge):
            if begun is not None:
                try:
                    begun.abandon()
                except OSError:
                    continue  # its draft is swept later

    def _notice_switch(self, replica: Replica) -> None:
        """The queue goes on in another journal: what this one had finished is looked up in the history from now on."""
        if replica.number != self._number:
            self._number = replica.number
            self._rests = False
            self._patience = 0
            self._archived = None
            if self._compaction is not None:
                self._compaction.abandon()
                self._compaction = None

    def _tidy(self, replica: Replica) -> bool:
        """Forget one frame of what the history knows; False if there is nothing to forget."""
        if self._tidied == self._number:
            return False
        try:
            archived = self._next_archived(replica)
        except StorageError:
            if not replica.history.reload():
                raise
            self._archived = None  # they were merged meanwhile
            archived = self._next_archived(replica)
        if archived is None:
            self._tidied = self._number
            return False
        replica.state.departures.forget(archived)
        return True

    def _next_archived(self, replica: Replica) -> list[Finished] | None:
        if self._archived is None:
            self._archived = chain.from_iterable(segment.frames() for segment in replica.history.since(self._tidied))
        return next(self._archived, None)

    def _merge_step(self, replica: Replica) -> bool:
        """Merge a piece of the history; only who compacted does so, and once for each compaction."""
        if self._merge is None:
            if not self._has_compacted:
                return False
            self._has_compacted = False
            parts = replica.history.plan_merge()
            if not parts:
                return False
            self._merge = Merge(self._files, self._directory, replica.history, parts)
        self._merge.step()
        if self._merge.is_done:
            self._merge = None
            self._has_compacted = True  # the merged one may be as long as its neighbour now
        return True

    def _compact(self, replica: Replica, floor: int) -> None:
        """Do one slice of a compaction, or end it."""
        state = replica.state
        if self._compaction is None:
            if replica.waste >= max(floor, state.live_bytes, self._patience):
                now = self._clock.now()
                self._compaction = Compaction(
                    self._files, self._directory, replica.number + 1, state, replica.payloads, now, self._stretch_bytes
                )
        elif self._compaction.is_complete:
            compaction, self._compaction = self._compaction, None
            replica.seal(compaction.finish())
            self._has_compacted = True
        else:
            self._compaction.step()
