"""The queue on disk: a lock, a journal, a history, and the state they add up to.

A batch begins with the first operation that needs the state and ends with `commit`: one frame, one sync. What other
processes wrote meanwhile is read first, so every operation sees everything that was acknowledged to anybody. After
a failed commit the state in memory is dropped and the next batch reads it back from disk.
"""

from collections.abc import Iterator
from pathlib import Path

from animus_queue_default.clock import Clock
from animus_queue_default.fault import QueueError, StorageError
from animus_queue_default.model.entry import Finished
from animus_queue_default.model.record import Record
from animus_queue_default.state.queue_state import QueueState
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.founding import FIRST, Predecessor, found_journal, sweep_litter
from animus_queue_default.storage.journal import encode_record, journal_numbers
from animus_queue_default.storage.lock import LOCK_TIMEOUT_SECONDS, Lock
from animus_queue_default.storage.opening import require_unspoiled, unopened, whole_load
from animus_queue_default.storage.outline import STRETCH_BYTES
from animus_queue_default.storage.replica import Batch, Replica
from animus_queue_default.storage.segment import segment_spans
from animus_queue_default.storage.upkeep import Upkeep

__all__ = ["COMPACTION_FLOOR_BYTES", "Store"]

COMPACTION_FLOOR_BYTES = 1024 * 1024
"""A journal is compacted when half of it is waste, and not for less waste than this."""


class Store:
    """One queue directory, as a `Ledger`.

    Args:
        directory: where the queue's files are; created with the first entry.
        clock: for the lock's deadline and headers.
        files: the operating system.
        predecessor: what to take over when there is no journal yet.
        lock_timeout_seconds: how long a batch waits for other processes.
        compaction_floor_bytes: waste below which a journal is left alone.
        stretch_bytes: how much of a journal one stretch of its outline covers.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        files: Files | None = None,
        *,
        predecessor: Predecessor | None = None,
        lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
        compaction_floor_bytes: int = COMPACTION_FLOOR_BYTES,
        stretch_bytes: int = STRETCH_BYTES,
    ) -> None:
        self.directory = directory
        self._clock = clock
        self._files = files or Files()
        self._predecessor = predecessor
        self._lock = Lock(self._files, directory / "lock", clock, lock_timeout_seconds)
        self._floor = compaction_floor_bytes
        self._stretch_bytes = stretch_bytes
        self._replica: Replica | None = None
        self.state = QueueState()
        """The queue as of this batch."""
        self._upkeep = Upkeep(self._files, directory, clock, stretch_bytes)
        self._batch: Batch = []
        self._refusal: QueueError | None = None
        self._spoiled_by: BaseException | None = None
        self.last_fault: BaseException | None = None
        """What went wrong last, until a batch succeeds."""

    def begin(self, *, create: bool = False) -> None:
        """Take the lock and catch up, unless this batch has done so already.

        Args:
            create: make a missing directory; without it a queue that does not exist is empty and stays missing.

        Raises:
            LockTimeoutError: another process held the lock too long.
            StorageError: a file cannot be read, is damaged or too new.
        """
        if self._lock.is_held or not (create or self._replica is not None or self._exists()):
            return
        if self._refusal is not None:
            # The rest of the batch does not wait for the same lock or read the same damage again.
            raise self._refusal
        try:
            if not (self._lock.acquire() and self._replica is not None and self._replica.catch_up()):
                self._forget()
                with whole_load():
                    self._load()
        except BaseException as error:
            self._fail(error)
            if isinstance(error, QueueError):
                self._refusal = error
            elif isinstance(error, OSError):
                self.last_fault = self._refusal = unopened(self.directory, error)
                raise self._refusal from error
            raise

    def emit(self, record: Record) -> None:
        """Make `record` true now and durable with the batch."""
        # Encoded first: the state may go on changing an entry that the record carries.
        self._batch.append((record, encode_record(record)))
        self.state.apply(record)

    def commit(self) -> None:
        """End the batch: everything emitted is durable when this returns.

        Raises:
            StorageError: it could not be made durable; nothing of the batch was kept.
        """
        self._refusal = None
        spoiled_by, self._spoiled_by = self._spoiled_by, None
        replica = self._replica
        if not self._lock.is_held or replica is None:
            require_unspoiled(spoiled_by)
            return
        batch, self._batch = self._batch, []
        try:
            if spoiled_by is not None:
                require_unspoiled(spoiled_by)
            if batch:
                replica.append(batch)
                self._upkeep.mirror(batch)
            else:
                replica.journal.make_certain()  # nothing is answered from what a loss of power could undo
        except BaseException as error:
            self._fail(error)
            raise
        self.last_fault = self._upkeep.step(replica, self._floor)
        self._lock.release()

    def finished(self, skip: int = 0) -> Iterator[Finished]:
        """Entries that left the queue but for the last `skip`, the latest first."""
        if self._replica is None:
            return
        self._upkeep.finish_tidying(self._replica)
        recent = self.state.departures.spots()
        for spot in recent[len(recent) - 1 - skip :: -1] if skip < len(recent) else ():
            yield self.state.departures.read(spot)
        yield from self._replica.history.backwards(max(0, skip - len(recent)))

    def spoil(self, error: BaseException) -> None:
        """An operation failed half way, by `error`: the batch must not be kept."""
        self._spoiled_by = error

    def close(self) -> None:
        """Give everything back. A batch that was not committed is lost, and its commit says so."""
        if self._lock.is_held:
            self._spoiled_by = StorageError("the queue was closed in the middle of a batch, of which nothing was kept")
        self._forget()
        self._lock.close()

    def _exists(self) -> bool:
        try:
            if self._files.is_directory(self.directory):
                return True
            return self._predecessor is not None and self._predecessor.exists()
        except OSError as error:
            self.last_fault = unopened(self.directory, error)
            raise self.last_fault from error

    def _fail(self, error: BaseException) -> None:
        self.last_fault = error
        self._forget()
        if self._lock.is_held:
            self._lock.release()

    def _forget(self) -> None:
        """Drop what is known, so that the next batch reads it from disk."""
        self._upkeep.abandon()
        if self._replica is None:
            self.state.close()
        else:
            self._replica.close()
        self._replica = None
        self.state = QueueState()
        self._batch = []

    def _load(self) -> None:
        names = self._files.names(self.directory)
        sweep_litter(self._files, self.directory, names)
        numbers = journal_numbers(names)
        if not numbers:
            spans = segment_spans(names)
            numbers = [max(span.last for span in spans) + 1 if spans else FIRST]
            predecessor = None if spans else self._predecessor
            found_journal(self._files, self.directory, numbers[0], self._clock.now(), predecessor)
        replica = Replica(self._files, self.directory, self.spoil, self._upkeep.mirror, self._stretch_bytes)
        try:
            replica.load(numbers[0])
        except BaseException:
            replica.close()
            raise
        self._replica = replica
        self.state.close()
        self.state = replica.state
        self._spoiled_by = None  # by what the outline said, which was not used then
        self._upkeep.compact_wasteful(replica, self._floor)
