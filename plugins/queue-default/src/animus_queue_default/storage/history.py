"""Entries that left the queue: the segments of the history, from the oldest to the latest.

A compaction moves what finished since the last one into a segment of its own. A segment belongs to the journal of
the same number; one with a higher number than the current journal was left by a crash and does not count. One that
lies within the span of another was merged into that.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from animus_queue_default.fault import StorageError
from animus_queue_default.model.entry import Finished
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.segment import Segment, Span, segment_spans
from animus_queue_default.storage.table import digest_of

__all__ = ["History", "covering_spans"]


def covering_spans(spans: Iterable[Span]) -> tuple[list[Span], list[Span]]:
    """Those of `spans` that count, and those that lie within another."""
    kept: list[Span] = []
    covered: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.first, -span.last)):
        (covered if kept and span.last <= kept[-1].last else kept).append(span)
    return kept, covered


class History:
    """All segments of one queue, as an `Archive`. Nothing of them is held in memory."""

    def __init__(self, files: Files, directory: Path) -> None:
        self._files = files
        self._directory = directory
        self.segments: list[Segment] = []
        self.upto = 0

    def load(self, upto: int, *, tidy: bool = False) -> None:
        """Look for the segments that belong to journal `upto` or one before it.

        Args:
            upto: the number of the current journal.
            tidy: remove segments that were merged into another.
        """
        self.upto = upto
        spans = [span for span in segment_spans(self._files.names(self._directory)) if span.last <= upto]
        kept, covered = covering_spans(spans)
        known = {segment.span: segment for segment in self.segments}
        self.segments = [
            known.pop(span) if span in known else Segment(self._files, self._directory, span) for span in kept
        ]
        for segment in known.values():
            segment.close()
        for span in covered if tidy else ():
            self.remove(Segment(self._files, self._directory, span))

    def remove(self, segment: Segment) -> None:
        """Delete a segment that was merged into another."""
        segment.close()
        self._files.remove(segment.path)
        self._files.remove(segment.table_path)

    def since(self, number: int) -> list[Segment]:
        """The segments that hold what had finished when a journal after `number` began; they may hold more."""
        return [segment for segment in self.segments if segment.span.last > number]

    def find_entry(self, entry_id: str) -> Finished | None:
        """The finished entry of that id."""
        for finished in self._candidates(digest_of(b"e", entry_id)):
            if finished.entry_id == entry_id:
                return finished
        return None

    def find_key(self, key: str) -> Finished | None:
        """The finished entry that idempotency key is bound to."""
        for finished in self._candidates(digest_of(b"k", key)):
            if any(bound.key == key for bound in finished.keys):
                return finished
        return None

    def backwards(self, skip: int = 0) -> Iterator[Finished]:
        """Everything but the last `skip`, the last first."""
        self._open_all()
        for segment in reversed(self.segments):
            if skip and skip >= segment.count:
                skip -= segment.count
                continue
            yield from segment.backwards(skip)
            skip = 0

    def close(self) -> None:
        """Give the files back."""
        for segment in self.segments:
            segment.close()
        self.segments = []

    def plan_merge(self) -> Sequence[Segment]:
        """Two neighbours that should become one, or none: each segment is to be less than half as long as the last."""
        self._open_all()
        sizes = [segment.size for segment in self.segments]
        for at in range(len(sizes) - 1, 0, -1):
            if 2 * sizes[at] >= sizes[at - 1]:
                return self.segments[at - 1 : at + 1]
        return ()

    def reload(self) -> bool:
        """Look for the segments again; whether there are others now, because another process merged some."""
        before = {segment.span for segment in self.segments}
        spans = segment_spans(self._files.names(self._directory))
        if before.issubset(spans) or covering_spans([*before, *spans])[0] != covering_spans(spans)[0]:
            return False  # nothing is missing, or it was not merged but lost
        self.load(self.upto)
        return True

    def _open_all(self) -> None:
        """Have every segment at hand; those that another process merged are looked for again."""
        try:
            for segment in self.segments:
                segment.open()
        except StorageError:
            if not self.reload():
                raise
            for segment in self.segments:
                segment.open()

    def _candidates(self, digest: int) -> list[Finished]:
        try:
            return self._lookup(digest)
        except StorageError:
            if not self.reload():
                raise
            return self._lookup(digest)

    def _lookup(self, digest: int) -> list[Finished]:
        return [finished for segment in reversed(self.segments) for finished in segment.lookup(digest)]
