"""What this process knows of the queue on disk: the current journal, and the state it adds up to.

Everything here happens under the lock.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from animus_queue_default.fault import CorruptFileError
from animus_queue_default.model.record import Record, Sealed
from animus_queue_default.state.queue_state import QueueState
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.frame import MAGIC_LENGTH
from animus_queue_default.storage.history import History
from animus_queue_default.storage.journal import Journal, encode_record, first_offset, journal_path
from animus_queue_default.storage.outline import Outline, outline_path
from animus_queue_default.storage.payload import Payloads, as_place
from animus_queue_default.storage.recorder import Recorder
from animus_queue_default.storage.stretch import apply_stretch, relocate

__all__ = ["Batch", "Replica"]

Batch = list[tuple[Record, bytes]]
"""Records that were applied, with their bytes, in order."""


class Replica:
    """One journal after the other, and what they say.

    Args:
        files: the operating system.
        directory: where the queue's files are.
        on_fault: is told when a record cannot be read again in the middle of an operation.
        mirror: is given what another process wrote, before it is applied.
        stretch_bytes: how much of a journal one stretch of its outline covers.
    """

    def __init__(
        self,
        files: Files,
        directory: Path,
        on_fault: Callable[[BaseException], object],
        mirror: Callable[[Batch], object],
        stretch_bytes: int,
    ) -> None:
        self._files = files
        self._directory = directory
        self._mirror = mirror
        self._stretch_bytes = stretch_bytes
        self.payloads = Payloads(on_fault)
        self._journal: Journal | None = None
        self._outline: Outline | None = None
        self._recorder = Recorder(0)
        self._relocation: Iterator[bool] = iter(())
        self.history = History(files, directory)
        self.state = QueueState(self.history, self.payloads)
        self.number = 0

    @property
    def journal(self) -> Journal:
        """The current journal."""
        if self._journal is None:
            raise AssertionError("the queue was not loaded")
        return self._journal

    @property
    def waste(self) -> int:
        """How many bytes of the journal are not needed any more."""
        journal = self._journal
        return 0 if journal is None else journal.end - self.state.live_bytes

    def load(self, number: int) -> None:
        """Read journal `number`, and those that follow it.

        Raises:
            StorageError: one cannot be read, is damaged or too new.
        """
        sealed = self._load_one(number)
        while sealed is not None:
            # A crash came between the seal and the removal of the old file.
            old, old_number = self.journal, self.number
            old.make_certain()
            self.payloads.close()
            self.remove(old.path, old_number)
            sealed = self._load_one(sealed.number)
        self.history.load(self.number, tidy=True)

    def catch_up(self) -> bool:
        """Apply what others wrote; False when the way from one journal to the next is gone already."""
        journal = self._journal
        if journal is None:
            return False
        sealed = self._replay() if journal.is_longer() else None
        while sealed is not None:
            self.journal.make_certain()
            try:
                self.follow(sealed)
            except FileNotFoundError:
                return False
            sealed = self._replay()
        return True

    def append(self, batch: Batch) -> None:
        """Make a batch that was applied durable.

        Raises:
            StorageError: it could not be written.
        """
        journal = self.journal
        place = as_place(self.number, first_offset(journal.append([raw for _, raw in batch])))
        settle, note = self.state.settle, self._recorder.note
        for record, raw in batch:
            length = len(raw)
            settle(record, place, length)
            note(record, raw, place)
            place += length
        if journal.end - self._recorder.start >= self._stretch_bytes:
            self._write_stretch()

    def seal(self, sealed: Sealed) -> None:
        """Let another journal be in charge, and go on there."""
        old, old_number = self.journal, self.number
        old.append([encode_record(sealed)])
        self._journal = None  # if the next one cannot be opened now, nothing may be written behind the seal
        self._files.reach("after-seal")
        self.follow(sealed)
        self.remove(old.path, old_number)

    def follow(self, sealed: Sealed) -> None:
        """Go on in the journal the seal names.

        Raises:
            FileNotFoundError: that is gone already.
            NewerFormatError: a newer version wrote it.
        """
        journal = Journal(self._files, journal_path(self._directory, sealed.number), sealed.offset)
        self.payloads.open(sealed.number, journal)
        journal.require_known_format()
        self._journal = journal
        self.number = sealed.number
        self._open_outline()
        self._recorder.restart(sealed.offset)
        self._relocation = self._relocate(sealed)
        self.history.load(sealed.number)

    def step(self) -> bool:
        """Learn a part of where the records lie in the current journal; False if there is no more to learn."""
        return next(self._relocation, False)

    def remove(self, path: Path, number: int) -> None:
        """Delete a journal that was replaced."""
        self._files.remove(path)
        self._files.remove(outline_path(self._directory, number))

    def close(self) -> None:
        """Give everything back; the state must not be used any more."""
        self.state.close()
        self.payloads.close()
        self.history.close()
        if self._outline is not None:
            self._outline.close()

    def _open(self, number: int) -> Journal:
        if self._outline is not None:
            self._outline.close()
        self.payloads.close()
        self.state.close()
        self.state = QueueState(self.history, self.payloads)
        self.number = number
        self._files.sync_directory(self._directory)  # whoever named the file may have died before that was durable
        self._journal = journal = Journal(self._files, journal_path(self._directory, number))
        self.payloads.open(number, journal)
        self._open_outline()
        self._recorder.restart(0)
        self._relocation = iter(())
        return journal

    def _open_outline(self) -> None:
        if self._outline is not None:
            self._outline.close()
        self._outline = Outline(self._files, outline_path(self._directory, self.number))

    def _load_one(self, number: int) -> Sealed | None:
        """Read one journal into an empty state."""
        journal = self._open(number)
        if self._outline is not None and not self._load_outlined(journal, self._outline):
            # An outline that contradicts its journal is worth nothing; the journal is the truth.
            self._outline.remove()
            journal = self._open(number)
        return self._replay()

    def _load_outlined(self, journal: Journal, outline: Outline) -> bool:
        """Read as much of the journal as the outline tells of; False if what it tells makes no sense."""
        heads = outline.heads()
        if heads:
            self._replay(MAGIC_LENGTH + 1)  # the header
        for head in heads:
            if head.start < journal.end:
                continue
            if self._replay(head.start) is not None:
                return False
            if journal.end != head.start:
                continue
            if journal.checksum(head.start, head.end) != head.checksum:
                continue
            try:
                apply_stretch(self.state, outline.read(head))
            except (msgspec.MsgspecError, CorruptFileError, ValueError, LookupError):
                return False
            journal.skip_to(head.end)
            self._recorder.restart(head.end)
        return True

    def _replay(self, upto: int | None = None) -> Sealed | None:
        """Apply what is new in the journal, frame by frame; returns its seal if it has one."""
        journal = self.journal
        for frame in journal.read_new(upto):
            self._mirror([(record, raw) for record, raw, _ in frame])
            for record, raw, offset in frame:
                if isinstance(record, Sealed):
                    return record
                place = as_place(self.number, offset)
                try:
                    self.state.apply(record, place, len(raw))
                except CorruptFileError as error:
                    raise CorruptFileError(f"{str(journal.path)!r}: {error}; nothing was written to it") from error
                self._recorder.note(record, raw, place)
            if self._recorder.start < MAGIC_LENGTH:
                self._recorder.restart(journal.end)  # the frame of the header is in no stretch
            elif journal.end - self._recorder.start >= self._stretch_bytes:
                self._write_stretch()
        return None

    def _write_stretch(self) -> None:
        start, end = self._recorder.start, self.journal.end
        stretch = self._recorder.take(end, self.state)
        if self._outline is None:
            return
        try:
            checksum = self.journal.checksum(start, end)
            if checksum is not None:
                self._outline.append(start, end, checksum, stretch)
        except OSError:
            # No room for it: whoever opens the queue next has to read the journal instead.
            self._outline.close()
            self._outline = None

    def _relocate(self, sealed: Sealed) -> Iterator[bool]:
        """Learn from the outline of the current journal where its records lie, then let go of older journals.

        Where the outline has gaps the older journal stays open, although it has no name any more.
        """
        outline = Outline(self._files, outline_path(self._directory, sealed.number))
        try:
            heads = outline.heads()
            at = heads[0].start if heads else 0
            for head in heads:
                if head.start != at or head.end > sealed.offset:
                    break
                relocate(self.state, outline.read(head))
                at = head.end
                yield True
            if at == sealed.offset:
                self.payloads.close_before(sealed.number)
        except (OSError, msgspec.MsgspecError):
            return
        finally:
            outline.close()
