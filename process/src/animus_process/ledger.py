"""The processes that are out there, one file each, readable by whoever comes after us."""

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from animus_process.clock import Clock, SystemClock
from animus_process.record import ProcessRecord, RecordError
from animus_process.system import Liveness, liveness
from animus_process.tree import KILL_SECONDS, signal_tree, wait_gone

__all__ = ["SWEEP_GRACE_SECONDS", "ProcessLedger", "UnreadableRecord"]

SWEEP_GRACE_SECONDS = 1.0
"""How long an orphaned tree may take to end by itself before it is killed."""

_SUFFIX = ".json"
_TEMPORARY_SUFFIX = ".tmp"
_MOST_SPARES = 64


class UnreadableRecord(NamedTuple):
    """A file in the ledger that is no record: it is left where it is."""

    path: Path
    reason: str


def _say_unreadable(unreadable: UnreadableRecord) -> None:
    sys.stderr.write(
        f"process record {str(unreadable.path)!r} cannot be read and was skipped: {unreadable.reason}; "
        f"look at it, then delete it\n"
    )


class ProcessLedger:
    """A directory with one record file per running process.

    All components of one project share one directory: each record says who owns the process, and only a dead owner's
    processes are ever swept. Nothing is synced to the disk: a record has to outlive the process that wrote it, which
    the system's cache does, and it has no use after the machine went down, which took all processes with it.

    Attributes:
        directory: made (0700) when the first record is written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._on_record: set[str] = set()
        # Files of records that were forgotten while others stand, for the next ones: what makes a new file slow is the
        # inode, above all where many were given back a moment ago.
        self._spares: list[str] = []

    def record(self, pid: int, *, purpose: str, run_id: str | None = None, mark: str | None = None) -> ProcessRecord:
        """Write down a process before it is let through its gate; on return every other process can read it.

        Args:
            pid: the process, waiting at its gate.
            purpose: a word for people.
            run_id: the run it works for.
            mark: ``ANIMUS_PROCESS_MARK`` of its environment; None looks there (Linux only).

        Raises:
            OSError: the record could not be written; the gate must stay shut.
            ValueError: `pid` is this process or init.
        """
        record_id = f"{pid}-{os.urandom(6).hex()}"
        record = ProcessRecord.of(pid, purpose=purpose, run_id=run_id, mark=mark, record_id=record_id)
        temporary, descriptor = self._open_temporary(record_id)
        data = record.encode()
        try:
            try:  # plain calls: a record is made for each command
                if os.write(descriptor, data) < len(data):
                    raise OSError(errno.ENOSPC, f"process record {temporary!r} was not written whole; make room there")
                os.ftruncate(descriptor, len(data))
            finally:
                os.close(descriptor)
            os.rename(temporary, self._path(record))  # noqa: PTH104
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        self._on_record.add(record_id)
        return record

    def _open_temporary(self, record_id: str) -> tuple[str, int]:
        if self._spares:
            spare = self._spares.pop()
            with contextlib.suppress(FileNotFoundError):
                return spare, os.open(spare, os.O_WRONLY | os.O_CLOEXEC)
        path = self._temporary(record_id)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            return path, os.open(path, flags, 0o600)
        except FileNotFoundError:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return path, os.open(path, flags, 0o600)

    def _temporary(self, record_id: str) -> str:
        return f"{self.directory}/.{record_id}.{os.getpid()}{_TEMPORARY_SUFFIX}"

    def forget(self, record: ProcessRecord) -> None:
        """Remove the record of a process that is gone; removing it twice is fine."""
        self._on_record.discard(record.record_id)
        path = self._path(record)
        if self._on_record and len(self._spares) < _MOST_SPARES:
            spare = self._temporary(record.record_id)
            with contextlib.suppress(FileNotFoundError):
                os.rename(path, spare)  # noqa: PTH104
                self._spares.append(spare)
            return
        Path(path).unlink(missing_ok=True)
        while self._spares and not self._on_record:
            Path(self._spares.pop()).unlink(missing_ok=True)

    def load(self) -> tuple[list[ProcessRecord], list[UnreadableRecord]]:
        """Every record, and every file that should be one and is not."""
        records: list[ProcessRecord] = []
        unreadable: list[UnreadableRecord] = []
        for path in self._files(_SUFFIX):
            try:
                record = ProcessRecord.decode(path.read_bytes())
            except FileNotFoundError:
                continue
            except (RecordError, OSError) as error:
                unreadable.append(UnreadableRecord(path, str(error)))
                continue
            if path.name != f"{record.record_id}{_SUFFIX}":
                unreadable.append(UnreadableRecord(path, f"it holds the record {record.record_id!r}"))
                continue
            records.append(record)
        return records, unreadable

    def sweep(
        self,
        *,
        grace_seconds: float = SWEEP_GRACE_SECONDS,
        kill_seconds: float = KILL_SECONDS,
        clock: Clock | None = None,
        on_unreadable: Callable[[UnreadableRecord], None] = _say_unreadable,
    ) -> list[ProcessRecord]:
        """End the trees of every record whose owner is dead, and remove those records. Blocks.

        An owner of whom nothing certain is known counts as alive. A record whose tree the system would not end stays.

        Args:
            grace_seconds: time after SIGTERM before SIGKILL, for all trees together.
            kill_seconds: time the system may take after SIGKILL, for each tree.
            clock: where time comes from.
            on_unreadable: told of each file that is no record; says so on standard error by default.

        Returns:
            The records that were removed.
        """
        clock = clock or SystemClock()
        records, unreadable = self.load()
        for item in unreadable:
            on_unreadable(item)
        orphans = [record for record in records if liveness(record.owner_pid, record.owner_start_time) is Liveness.DEAD]
        for record in orphans:
            signal_tree(record, signal.SIGTERM)
        deadline = clock.monotonic() + grace_seconds
        swept: list[ProcessRecord] = []
        for record in orphans:
            left = max(0.0, deadline - clock.monotonic())
            if wait_gone(record, left, clock, kill=False, reap_root=True) or wait_gone(
                record, kill_seconds, clock, kill=True, reap_root=True
            ):
                self.forget(record)
                swept.append(record)
        self._remove_half_written()
        return swept

    def _remove_half_written(self) -> None:
        """A writer that died in the middle never opened its gate, so nothing runs for what it left."""
        for path in self._files(_TEMPORARY_SUFFIX):
            writer = path.name.removesuffix(_TEMPORARY_SUFFIX).rpartition(".")[2]
            if writer.isdigit() and liveness(int(writer), None) is Liveness.DEAD:
                path.unlink(missing_ok=True)

    def _files(self, suffix: str) -> list[Path]:
        try:
            return sorted(path for path in self.directory.iterdir() if path.name.endswith(suffix))
        except FileNotFoundError:
            return []

    def _path(self, record: ProcessRecord) -> str:
        return f"{self.directory}/{record.record_id}{_SUFFIX}"
