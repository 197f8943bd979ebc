"""The first journal of a queue, and the tidying when one is opened."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from animus_queue_default.fault import CorruptFileError
from animus_queue_default.model.record import FORMAT, Header, Record
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.frame import JOURNAL_MAGIC
from animus_queue_default.storage.journal import encode_batch, encode_record, journal_path

__all__ = ["FIRST", "Predecessor", "found_journal", "sweep_litter"]

FIRST = 1
"""The number of a queue's first journal, when there is no history yet."""

_LITTER_AGE_SECONDS = 600.0
_FRAME_RECORDS = 512


class Predecessor(Protocol):
    """A queue kept in another form, taken over once: when there is no journal yet."""

    def exists(self) -> bool:
        """Whether there is something to take over."""
        ...

    def records(self, now: int) -> list[Record]:
        """The facts it amounts to."""
        ...


def found_journal(files: Files, directory: Path, number: int, now: int, predecessor: Predecessor | None) -> None:
    """Write journal `number` as the first, with what the predecessor holds, in one step.

    Raises:
        CorruptFileError: the predecessor cannot be read; nothing was written.
    """
    header = Header(format=FORMAT, number=number, written_at=now, next_seq=1, next_position=0, front_position=0)
    records: list[Record] = [header, *(() if predecessor is None else predecessor.records(now))]
    try:
        raws = [encode_record(record) for record in records]
    except OverflowError as error:
        raise CorruptFileError(f"the queue to take over holds a number out of range ({error}); repair it") from error
    frames = [encode_batch(raws[first : first + _FRAME_RECORDS]) for first in range(0, len(raws), _FRAME_RECORDS)]
    files.reach("before-founding")
    files.save(journal_path(directory, number), JOURNAL_MAGIC + b"".join(frames), midway="mid-founding")
    files.reach("after-founding")
    # The directory may be one that a process made and died before its name was durable.
    files.sync_directory(directory.parent)


def sweep_litter(files: Files, directory: Path, names: Sequence[str]) -> None:
    """Remove drafts among `names` that a dead process left, and tables of segments that were never published."""
    for name in names:
        path = directory / name
        is_stray = name.endswith(".idx") and f"{path.stem}.log" not in names
        if (is_stray or ".tmp-" in name) and files.age_seconds(path) > _LITTER_AGE_SECONDS:
            files.remove(path)
