"""Taking over the ``.animus`` files of the reference queue, once.

``queue.json`` has two shapes: an object with ``entries``, and an older bare array. Entries without an id get one; it
is written to the journal in the same step, so every process sees the same ids from then on. ``queue-history.jsonl``
beside it says how entries ended; the last line of an id counts, and what a crash left of a line does not. The files are
left as they are.
"""

from pathlib import Path
from typing import Any

import msgspec

from animus_plugin_protocol.wire.queue_care import QueuePortableEntry
from animus_queue_default.fault import CorruptFileError
from animus_queue_default.model.entry import Entry, Finished
from animus_queue_default.model.identity import Mint, mint_id
from animus_queue_default.model.moment import MomentError, parse_moment
from animus_queue_default.model.record import Added, Generations, Record
from animus_queue_default.model.status import Outcome
from animus_queue_default.storage.files import Files
from animus_queue_default.wire.porting import checked_count, from_portable

__all__ = ["HISTORY_NAME", "LegacyQueueFile"]

HISTORY_NAME = "queue-history.jsonl"
"""The reference queue's file of finished entries."""
_NO_SEQ = 0
"""Live entries count from 1."""


class _File(msgspec.Struct):
    entries: list[QueuePortableEntry] = []
    subject_generations: dict[str, int] = {}


class _Ended(msgspec.Struct, kw_only=True):
    outcome: Outcome
    finished_at: str
    finished_by: str
    entry: QueuePortableEntry
    reason: str | None = None


_decode_ended = msgspec.json.Decoder(_Ended).decode


class LegacyQueueFile:
    """The reference queue's file as a `Predecessor`.

    Args:
        path: where it would be; its history lies beside it.
        files: the operating system.
        mint: makes ids for entries that have none.
    """

    def __init__(self, path: Path, files: Files, mint: Mint = mint_id) -> None:
        self._path = path
        self._files = files
        self._mint = mint

    def exists(self) -> bool:
        """Whether there is such a file, or its history, with something in it."""
        paths = (self._path, self._path.with_name(HISTORY_NAME))
        return any((self._files.read_whole(path) or b"").strip() for path in paths)

    def records(self, now: int) -> list[Record]:
        """The facts the files amount to, in file order; none if there is no file.

        Raises:
            CorruptFileError: one cannot be read.
        """
        data = (self._files.read_whole(self._path) or b"").strip()
        try:
            content = _parse(data) if data else _File()
            entries = self._convert(content.entries, now)
            generations = [(subject, _count(subject, count)) for subject, count in content.subject_generations.items()]
        except (msgspec.MsgspecError, MomentError, ValueError) as error:
            raise _unreadable(self._path, str(error)) from error
        records: list[Record] = [Added(entry) for entry in entries]
        live = {entry.entry_id for entry in entries}
        records += [finished for finished in self._history(now) if finished.entry_id not in live]
        if generations:
            records.append(Generations(tuple(generations)))
        return records

    def _convert(self, items: list[QueuePortableEntry], now: int) -> list[Entry]:
        known: set[str] = set()
        entries: list[Entry] = []
        for seq, item in enumerate(items, start=1):
            # Ids are unique here: the second entry of an id gets a new one.
            is_new = item.entry_id and item.entry_id not in known
            entry_id = item.entry_id if item.entry_id and is_new else self._mint()
            known.add(entry_id)
            try:
                entry = from_portable(_as_due(item), seq=seq, position=seq - 1, entry_id=entry_id, now=now)
            except ValueError as error:
                raise ValueError(f"entries[{seq - 1}]: {error}") from error
            entries.append(entry)
        return entries

    def _history(self, now: int) -> list[Finished]:
        path = self._path.with_name(HISTORY_NAME)
        lines = (self._files.read_whole(path) or b"").split(b"\n")
        ended: dict[str, Finished] = {}
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                finished = _finished(_decode_ended(line), now)
            except (msgspec.MsgspecError, MomentError, ValueError) as error:
                if _is_torn(line):
                    continue  # a crash left it, and who went on wrote a new line behind it
                raise _unreadable(path, f"line {number}: {error}") from error
            ended.pop(finished.entry_id, None)
            ended[finished.entry_id] = finished
        return list(ended.values())


def _parse(data: bytes) -> _File:
    content: Any = msgspec.json.decode(data)
    return msgspec.convert({"entries": content} if isinstance(content, list) else content, _File)


def _finished(ended: _Ended, now: int) -> Finished:
    if not ended.entry.entry_id:
        raise ValueError("the entry has no entry_id")
    entry = from_portable(ended.entry, seq=_NO_SEQ, position=0, entry_id=ended.entry.entry_id, now=now)
    return Finished(
        seq=_NO_SEQ,
        entry_id=entry.entry_id,
        subject=entry.subject,
        workflow_ref=entry.workflow_ref,
        outcome=ended.outcome,
        finished_at=parse_moment(ended.finished_at),
        finished_by=ended.finished_by,
        enqueued_at=entry.enqueued_at,
        standing=entry.standing,
        reason=ended.reason,
        repository=entry.repository,
        keys=entry.keys,
    )


def _is_torn(line: bytes) -> bool:
    """Whether it is the beginning of a line."""
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return line.startswith(b"{")
    return False


def _as_due(item: QueuePortableEntry) -> QueuePortableEntry:
    """The oldest queue starts an entry at once when it cannot read its ``run_at``, so there may be such entries."""
    try:
        if item.run_at is not None:
            parse_moment(item.run_at)
    except MomentError:
        return msgspec.structs.replace(item, run_at=None)
    return item


def _count(subject: str, count: int) -> int:
    return checked_count(f"subject_generations[{subject!r}]", count)


def _unreadable(path: Path, what: str) -> CorruptFileError:
    return CorruptFileError(
        f"{str(path)!r} cannot be taken over: {what}; nothing was written. Repair the file, or move it away to start"
        " without it"
    )
