"""What a store does besides its operations: loading in one go, forgetting what the history knows, naming failures."""

import contextlib
import gc
from collections.abc import Generator, Iterator
from itertools import chain
from pathlib import Path

from animus_queue_default.entry import Finished
from animus_queue_default.fault import StorageError
from animus_queue_default.state import QueueState

__all__ = ["Tidying", "require_unspoiled", "unopened", "whole_load"]


class Tidying:
    """After a compaction: forgetting, a frame of the history at a time, what can be looked up there from now on."""

    def __init__(self) -> None:
        self._archived: Iterator[list[Finished]] = iter(())
        self.is_done = True

    def add(self, archived: Iterator[list[Finished]]) -> None:
        """There is more in the history; `archived` indexes a frame each time it gives one."""
        self._archived = chain(self._archived, archived)
        self.is_done = False

    def step(self, state: QueueState) -> None:
        """Deal with one frame."""
        finished = next(self._archived, None)
        if finished is None:
            self.is_done = True
        else:
            state.forget_finished(finished)


@contextlib.contextmanager
def whole_load() -> Generator[None]:
    """Load a queue without the cyclic collector.

    Nothing of it is garbage, and the collector would look through it again and again while it grows, and as a whole
    ever after.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


def require_unspoiled(error: BaseException | None) -> None:
    """Refuse to keep a batch in which `error` happened.

    Raises:
        StorageError: there was one.
    """
    if isinstance(error, StorageError):
        raise error
    if error is not None:
        raise StorageError(
            "an operation of the same batch failed unexpectedly, so nothing of the batch was kept; ask again"
        ) from error


def unopened(directory: Path, error: OSError) -> StorageError:
    """Why the queue in `directory` cannot be opened, and what to look at."""
    return StorageError(
        f"cannot open the queue in {str(directory)!r}: {error}; check that the directory is there and that this user"
        " may write to it"
    )
