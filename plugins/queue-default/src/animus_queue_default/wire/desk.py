"""The one queue a process serves: bound at the handshake, opened with the first request, committed per batch."""

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from animus_plugin_protocol import ErrorCode, FatalError, RefusedError, RetriableError, RpcFault
from animus_plugin_protocol.wire.lifecycle import HealthCheckResult, InitializeParams, ProjectBinding
from animus_queue_default.clock import Clock
from animus_queue_default.fault import (
    FencedEntryError,
    InvalidRequestError,
    LeaseCountError,
    LockTimeoutError,
    NotAssignedError,
    QueueError,
    StorageError,
    WrongStatusError,
)
from animus_queue_default.model.identity import Mint, mint_id
from animus_queue_default.model.lease import LeaseTerms
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.operations.unfenced import Queue
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.store import COMPACTION_FLOOR_BYTES, Store
from animus_queue_default.wire.legacy import LegacyQueueFile
from animus_queue_default.wire.place import binding_error, state_directory

__all__ = ["FLOOR_SETTING", "Desk", "as_fault"]

FLOOR_SETTING = "ANIMUS_QUEUE_COMPACTION_FLOOR_BYTES"
"""For tests: from how much waste on a journal is compacted."""


class Desk:
    """The one queue this process serves, from the handshake on.

    Used as a context manager around each handler's work: what the queue raises leaves as the error that travels.
    """

    def __init__(self, clock: Clock, files: Files | None = None, mint: Mint = mint_id) -> None:
        self.clock = clock
        self._files, self._mint = files, mint
        self._project_root: str | None = None
        self._store: Store | None = None
        self._queue: Queue | None = None
        self._fenced: FencedQueue | None = None

    def bind(self, params: InitializeParams) -> None:
        """Take the project the host names; nothing is opened yet.

        Raises:
            RefusedError: there is no project, or it is another one than before.
        """
        binding = params.init_extensions.project_binding
        if binding is None or not binding.project_root.strip():
            raise binding_error("the host named no project: init_extensions.project_binding.project_root is missing")
        if self._project_root is not None:
            if binding.project_root != self._project_root:
                raise binding_error(
                    f"this process serves {self._project_root!r}; start another one for {binding.project_root!r}"
                )
            return
        self._open(binding)
        self._project_root = binding.project_root

    def store(self, *, create: bool = False) -> Store:
        """The store, locked and caught up for this batch."""
        if self._store is None:
            raise binding_error("no project was named in initialize")
        self._store.begin(create=create)
        return self._store

    def queue(self, *, create: bool = False) -> Queue:
        """The first generation of operations, ready for this batch."""
        if self._queue is None or self._store is None:
            raise binding_error("no project was named in initialize")
        self._store.begin(create=create)
        return self._queue

    def fenced(self, *, create: bool = False) -> FencedQueue:
        """The second generation of operations, ready for this batch."""
        if self._fenced is None or self._store is None:
            raise binding_error("no project was named in initialize")
        self._store.begin(create=create)
        return self._fenced

    def flush(self) -> None:
        """Make the batch durable and let other processes go on."""
        if self._store is not None:
            try:
                self._store.commit()
            except QueueError as error:
                raise as_fault(error) from error

    def close(self) -> None:
        """Give the files back."""
        if self._store is not None:
            self._store.close()

    def health(self) -> HealthCheckResult:
        """Whether the last batch went well."""
        fault = None if self._store is None else self._store.last_fault
        if fault is None:
            return HealthCheckResult(status="healthy")
        status = "unhealthy" if isinstance(fault, StorageError) else "degraded"
        return HealthCheckResult(status=status, last_error=str(fault))

    def _open(self, binding: ProjectBinding) -> None:
        files = self._files or Files()
        terms = LeaseTerms.from_environment()
        legacy = LegacyQueueFile(Path(binding.project_root) / ".animus" / "queue.json", files)
        self._store = Store(
            state_directory(binding) / "queue",
            self.clock,
            files,
            predecessor=legacy,
            compaction_floor_bytes=_compaction_floor(),
        )
        self._queue = Queue(self._store, self.clock, terms, self._mint)
        self._fenced = FencedQueue(self._store, self.clock, terms, self._mint)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            return
        if isinstance(error, QueueError):
            raise as_fault(error) from error
        if not isinstance(error, RpcFault) and self._store is not None:
            self._store.spoil(error)


def as_fault(error: QueueError) -> RpcFault:
    """The error that travels for what the queue raised (protocol section 5)."""
    text = str(error)
    if isinstance(error, LockTimeoutError):
        return RetriableError(text, code=ErrorCode.QUEUE_LOCK_FAILED)
    if not isinstance(error, InvalidRequestError):
        return FatalError(text)
    code, data = _refusal(error)
    return RefusedError(text, code=code, data=data)


def _refusal(error: InvalidRequestError) -> tuple[int, Any]:
    match error:
        case LeaseCountError():
            return ErrorCode.QUEUE_LEASE_COUNT_MISMATCH, {"expected": error.expected, "actual": error.actual}
        case WrongStatusError():
            return ErrorCode.QUEUE_NOT_PENDING, {"actual_state": error.status}
        case NotAssignedError():
            return ErrorCode.QUEUE_NOT_ASSIGNED, {"actual_state": error.status}
        case FencedEntryError():
            return ErrorCode.QUEUE_STALE_FENCE, None
        case _:
            return ErrorCode.INVALID_PARAMS, None


def _compaction_floor() -> int:
    text = os.environ.get(FLOOR_SETTING, "")
    return int(text) if text.isascii() and text.isdigit() else COMPACTION_FLOOR_BYTES
