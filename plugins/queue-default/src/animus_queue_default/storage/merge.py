"""Making one history segment of two neighbours, a piece at a time."""

import os
from collections.abc import Generator, Sequence
from pathlib import Path

from animus_queue_default.storage.draft import Draft
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.frame import HISTORY_MAGIC, MAGIC_LENGTH
from animus_queue_default.storage.history import History
from animus_queue_default.storage.segment import Segment, Span
from animus_queue_default.storage.table import BUCKETS, TableRows, place_in_segment

__all__ = ["Merge"]

_PIECE_BYTES = 256 * 1024
_ROWS_AT_ONCE = 8_192


class Merge:
    """Two segments becoming one.

    The new segment spans both, so from the moment it has its name the two no longer count, whether they could be
    removed or not.

    Args:
        files: the operating system.
        directory: where the queue's files are.
        history: what the segments belong to.
        parts: the two, the older first.
    """

    def __init__(self, files: Files, directory: Path, history: History, parts: Sequence[Segment]) -> None:
        self._files = files
        self._history = history
        # Its own, so that nobody closes them when another process merges the same two.
        self._parts = [Segment(files, directory, part.span) for part in parts]
        for part in self._parts:
            part.open()
        self._target = Segment(files, directory, Span(parts[0].span.first, parts[-1].span.last))
        self._suffix = os.urandom(4).hex()  # makes this process's drafts distinct from another's
        self._draft = Draft(files, self._target.path, HISTORY_MAGIC, self._suffix)
        self._steps = self._plan()
        self.is_done = False

    def step(self) -> None:
        """Do one piece."""
        self.is_done = next(self._steps, None) is None
        self._files.reach("mid-merge")

    def abandon(self) -> None:
        """Drop the attempt."""
        self.is_done = True
        self._steps.close()
        for part in self._parts:
            part.close()
        self._draft.discard()

    def _plan(self) -> Generator[bool]:
        rows, added = TableRows(), 0
        for part in self._parts:
            shift = self._draft.end - MAGIC_LENGTH
            for offset, count in part.table.frames():
                rows.note_frame(offset + shift, count)
            for bucket in range(BUCKETS):
                for digest, place in part.table.rows(bucket):
                    rows.add(digest, place + place_in_segment(shift, 0))
                    added += 1
                if added >= _ROWS_AT_ONCE:
                    added = 0
                    yield True
            for piece in part.pieces(_PIECE_BYTES):
                self._draft.write(piece)
                yield True
        yield from rows.save(self._files, self._target.table_path, self._draft.mark(), self._suffix)
        self._draft.publish()
        self._files.reach("after-merge")
        for part in self._parts:
            self._history.remove(part)
        self._history.load(self._history.upto)
