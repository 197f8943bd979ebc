"""Opening a queue in one go, and what is said when that or a batch fails."""

import contextlib
import gc
from collections.abc import Generator
from pathlib import Path

from animus_queue_default.fault import StorageError

__all__ = ["require_unspoiled", "unopened", "whole_load"]


@contextlib.contextmanager
def whole_load() -> Generator[None]:
    """Load a queue without the cyclic collector.

    Nothing of it is garbage, and the collector would look through it again and again while it grows, and as a whole
    ever after. So what is dropped of it later has to go without the collector: see `QueueState.close`.
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
