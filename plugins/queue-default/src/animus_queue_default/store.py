"""The queue on disk: a lock, a journal, a history, and the state they add up to.

A batch begins with the first operation that needs the state and ends with `commit`: one frame, one sync. What other
processes wrote meanwhile is read first, so every operation sees everything that was acknowledged to anybody. After
a failed commit the state in memory is dropped and the next batch reads it back from disk.
"""

from collections.abc import Iterator
from pathlib import Path

from animus_queue_default.clock import Clock
from animus_queue_default.compaction import Compaction
from animus_queue_default.entry import Finished
from animus_queue_default.fault import CorruptFileError, QueueError, StorageError
from animus_queue_default.files import Files
from animus_queue_default.founding import FIRST, Predecessor, found_journal, sweep_litter
from animus_queue_default.history import History, segment_numbers
from animus_queue_default.journal import Journal, encode_record, journal_numbers, journal_path
from animus_queue_default.lock import LOCK_TIMEOUT_SECONDS, Lock
from animus_queue_default.record import Record, Sealed
from animus_queue_default.state import QueueState
from animus_queue_default.upkeep import Tidying, require_unspoiled, unopened, whole_load

__all__ = ["COMPACTION_FLOOR_BYTES", "Store"]

COMPACTION_FLOOR_BYTES = 1024 * 1024
"""A journal is compacted when it has doubled since the last time, and not below this growth."""
_WASTE_AT_LOAD = 4


class Store:
    """One queue directory, as a `Ledger`.

    Args:
        directory: where the queue's files are; created with the first entry.
        clock: for the lock's deadline and headers.
        files: the operating system.
        predecessor: what to take over when there is no journal yet.
        lock_timeout_seconds: how long a batch waits for other processes.
        compaction_floor_bytes: growth below which a journal is left alone.
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
    ) -> None:
        self.directory = directory
        self._clock = clock
        self._files = files or Files()
        self._predecessor = predecessor
        self._lock = Lock(self._files, directory / "lock", clock, lock_timeout_seconds)
        self._floor = compaction_floor_bytes
        self._state: QueueState | None = None
        self._history = History(self._files, directory)
        self._journal: Journal | None = None
        self._number = 0
        self._base = 0
        self._compaction: Compaction | None = None
        self._tidying = Tidying()
        self._batch: list[tuple[Record, bytes]] = []
        self._refusal: QueueError | None = None
        self._replayed = 0
        self._spoiled_by: BaseException | None = None
        self.last_fault: BaseException | None = None
        """What went wrong last, until a batch succeeds."""

    @property
    def state(self) -> QueueState:
        """The queue as of this batch."""
        if self._state is None:
            self._state = QueueState(self._history)
        return self._state

    def begin(self, *, create: bool = False) -> None:
        """Take the lock and catch up, unless this batch has done so already.

        Args:
            create: make a missing directory; without it a queue that does not exist is empty and stays missing.

        Raises:
            LockTimeoutError: another process held the lock too long.
            StorageError: a file cannot be read, is damaged or too new.
        """
        if self._lock.is_held or not (create or self._exists()):
            return
        if self._refusal is not None:
            # The rest of the batch does not wait for the same lock or read the same damage again.
            raise self._refusal
        try:
            if not (self._lock.acquire() and self._journal is not None and self._catch_up(self._journal)):
                self._forget()
                with whole_load():
                    self._load()
        except BaseException as error:
            self._fail(error)
            if isinstance(error, QueueError):
                self._refusal = error
            elif isinstance(error, OSError):
                self._refusal = unopened(self.directory, error)
                raise self._refusal from error
            raise

    def emit(self, record: Record) -> None:
        """Make `record` true now and durable with the batch."""
        # Encoded first: the state may go on changing an entry that the record carries.
        self._batch.append((record, encode_record(record)))
        (self._state or self.state).apply(record)

    def commit(self) -> None:
        """End the batch: everything emitted is durable when this returns.

        Raises:
            StorageError: it could not be made durable; nothing of the batch was kept.
        """
        self._refusal = None
        spoiled_by, self._spoiled_by = self._spoiled_by, None
        if not self._lock.is_held or self._journal is None:
            require_unspoiled(spoiled_by)
            return
        batch, self._batch = self._batch, []
        try:
            require_unspoiled(spoiled_by)
            if batch:
                self._journal.append([raw for _, raw in batch])
                self._mirror(batch)
        except BaseException as error:
            self._fail(error)
            raise
        self.last_fault = None
        self._compact(self._journal)
        self._lock.release()

    def finished(self) -> Iterator[Finished]:
        """Entries that left the queue, the latest first."""
        while not self._tidying.is_done:
            self._tidying.step(self.state)
        yield from reversed(self.state.finished.values())
        for number in sorted(self._history.numbers, reverse=True):
            yield from self._history.read_backwards(number)

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
        if self._journal is not None or self._files.is_directory(self.directory):
            return True
        return self._predecessor is not None and self._predecessor.exists()

    def _fail(self, error: BaseException) -> None:
        self.last_fault = error
        self._forget()
        if self._lock.is_held:
            self._lock.release()

    def _forget(self) -> None:
        """Drop what is known, so that the next batch reads it from disk."""
        self._abandon()
        if self._journal is not None:
            self._journal.close()
        self._journal = None
        self._state = None
        self._history = History(self._files, self.directory)
        self._tidying = Tidying()
        self._batch = []

    def _load(self) -> None:
        names = self._files.names(self.directory)
        sweep_litter(self._files, self.directory, names)
        numbers = journal_numbers(names)
        if not numbers:
            segments = segment_numbers(names)
            numbers = [segments[-1] + 1 if segments else FIRST]
            predecessor = None if segments else self._predecessor
            found_journal(self._files, self.directory, numbers[0], self._clock.now(), predecessor)
        self._number = numbers[0]
        journal, sealed = self._open()
        while sealed is not None:
            # A crash came between the seal and the removal of the old file.
            journal.close()
            self._files.remove(journal.path)
            self._number = sealed.number
            journal, sealed = self._open()
        self._base = journal.end
        self._history.load(self._number)
        self._compact_at_load(journal)

    def _open(self) -> tuple[Journal, Sealed | None]:
        """Read the current file into an empty state."""
        journal = self._journal = Journal(self._files, journal_path(self.directory, self._number))
        self._state = QueueState(self._history)
        self._replayed = 0
        return journal, self._replay(journal)

    def _replay(self, journal: Journal) -> Sealed | None:
        """Apply what is new in `journal`; returns its seal if it has one."""
        for record in journal.read_new():
            if isinstance(record, Sealed):
                return record
            self._replayed += 1
            if self._compaction is not None:
                self._compaction.mirror(record, encode_record(record))
            try:
                self.state.apply(record)
            except CorruptFileError as error:
                raise CorruptFileError(f"{str(journal.path)!r}: {error}; nothing was written to it") from error
        return None

    def _catch_up(self, journal: Journal) -> bool:
        """Apply what others wrote; False when the way from one journal to the next is gone already."""
        sealed = self._replay(journal)
        while sealed is not None:
            self._abandon()
            try:
                journal = self._follow(journal, sealed)
            except FileNotFoundError:
                return False
            sealed = self._replay(journal)
        return True

    def _mirror(self, batch: list[tuple[Record, bytes]]) -> None:
        if self._compaction is not None:
            for record, raw in batch:
                self._compaction.mirror(record, raw)

    def _compact(self, journal: Journal) -> None:
        """Do one slice of a compaction, or end it.

        What fails here fails no operation: the batch is durable already. The attempt is dropped and made again
        when the journal has grown.
        """
        try:
            if not self._tidying.is_done:
                self._tidying.step(self.state)
            elif self._compaction is None:
                if journal.end - self._base >= max(self._base, self._floor):
                    now = self._clock.now()
                    self._compaction = Compaction(self._files, self.directory, self._number + 1, self.state, now)
            elif self._compaction.is_complete:
                self._switch(journal, self._compaction)
            else:
                self._compaction.step()
        except (OSError, StorageError) as error:
            self.last_fault = error
            self._abandon()
            self._base = journal.end

    def _compact_at_load(self, journal: Journal) -> None:
        """Compact a journal that is mostly waste at once.

        It was just read whole, and a short-lived process never gets to the end of a compaction in slices.
        """
        if journal.end < self._floor or self._replayed < _WASTE_AT_LOAD * (len(self.state.entries) + 1):
            return
        self._base = 0
        self._compact(journal)
        while self._compaction is not None:
            self._compact(journal)

    def _switch(self, journal: Journal, compaction: Compaction) -> None:
        """Seal the old journal: from then on the new one counts."""
        sealed = compaction.finish()
        journal.append([encode_record(sealed)])
        self._files.reach("after-seal")
        self._compaction = None
        self._follow(journal, sealed)
        self._files.remove(journal.path)

    def _follow(self, journal: Journal, sealed: Sealed) -> Journal:
        """Go on in the file the seal names."""
        journal.close()
        self._number = sealed.number
        path = journal_path(self.directory, sealed.number)
        self._journal = following = Journal(self._files, path, sealed.offset)
        self._base = sealed.offset
        # What the old journal had finished is looked up in its segment from now on. A frame of it a batch.
        self._tidying.add(self._history.index(sealed.number))
        self._tidying.step(self.state)
        return following

    def _abandon(self) -> None:
        if self._compaction is not None:
            compaction, self._compaction = self._compaction, None
            try:
                compaction.abandon()
            except OSError as error:
                self.last_fault = error
