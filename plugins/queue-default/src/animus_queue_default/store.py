"""The queue on disk: a lock, a journal, a history, and the state they add up to.

A batch begins with the first operation that needs the state and ends with `commit`: one frame, one sync. What other
processes wrote meanwhile is read first, so every operation sees everything that was acknowledged to anybody. After
a failed commit the state in memory is dropped and the next batch reads it back from disk.
"""

import os
from collections.abc import Iterator
from itertools import chain
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
        self._tidying: Iterator[list[Finished]] = iter(())
        self._is_tidy = True
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
            create: make the directory if it is missing. Without it a queue that does not exist is an empty one,
                and nothing is written.

        Raises:
            LockTimeoutError: another process held the lock too long.
            StorageError: a file cannot be read, is damaged or too new.
        """
        if self._lock.is_held:
            return
        if not (create or self._exists()):
            return
        if self._refusal is not None:
            # The rest of the batch does not wait for the same lock or read the same damage again.
            raise self._refusal
        try:
            if not (self._lock.acquire() and self._journal is not None and self._catch_up(self._journal)):
                self._forget()
                self._load()
        except BaseException as error:
            self._fail(error)
            if isinstance(error, QueueError):
                self._refusal = error
            elif isinstance(error, OSError):
                self._refusal = StorageError(
                    f"cannot open the queue in {str(self.directory)!r}: {error}; check that the directory is there"
                    " and that this user may write to it"
                )
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
            _require_unspoiled(spoiled_by)
            return
        batch, self._batch = self._batch, []
        try:
            _require_unspoiled(spoiled_by)
            if batch:
                self._journal.append([raw for _, raw in batch])
                self._mirror(batch)
        except BaseException as error:
            self._fail(error)
            raise
        self.last_fault = None
        self._compact(self._journal)
        self._lock.release()

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
        self._tidying = iter(())
        self._is_tidy = True
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
        journal = Journal(self._files, journal_path(self.directory, self._number))
        self._journal = journal
        self._state = QueueState(self._history)
        self._replayed = 0
        sealed = self._replay(journal)
        while sealed is not None:
            # A crash came between the seal and the removal of the old file.
            journal.close()
            self._files.remove(journal_path(self.directory, self._number))
            self._number = sealed.number
            journal = self._journal = Journal(self._files, journal_path(self.directory, self._number))
            self._state = QueueState(self._history)
            self._replayed = 0
            sealed = self._replay(journal)
        self._base = journal.end
        self._history.load(self._number)
        self._compact_at_load(journal)

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
            if not self._is_tidy:
                self._tidy()
            elif self._compaction is None:
                if journal.end - self._base >= max(self._base, self._floor):
                    self._compaction = self._begin_compaction()
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

    def _begin_compaction(self) -> Compaction:
        return Compaction(
            self._files,
            self.directory,
            self._number + 1,
            self.state,
            now=self._clock.now(),
            suffix=os.urandom(4).hex(),
        )

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
        self._tidying = chain(self._tidying, self._history.index(sealed.number))
        self._is_tidy = False
        self._tidy()
        return following

    def _tidy(self) -> None:
        """Forget entries that can be found in the history."""
        archived = next(self._tidying, None)
        if archived is None:
            self._is_tidy = True
        else:
            self.state.forget_finished(archived)

    def _abandon(self) -> None:
        if self._compaction is not None:
            compaction, self._compaction = self._compaction, None
            try:
                compaction.abandon()
            except OSError as error:
                self.last_fault = error


def _require_unspoiled(error: BaseException | None) -> None:
    if isinstance(error, StorageError):
        raise error
    if error is not None:
        raise StorageError(
            "an operation of the same batch failed unexpectedly, so nothing of the batch was kept; ask again"
        ) from error
