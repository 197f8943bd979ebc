"""The file that tells an agent about its run (``ANIMUS_CONTEXT_FILE``): private, and gone when the session is.

A session of a run has it among the run's files, which are cleared away with the run. Any other has it in the system's
directory for such files, where a killed provider would leave it for ever: so its name says whose it is, and whoever
makes one there removes those of processes that are gone.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Generator
from pathlib import Path

__all__ = ["context_file"]

_LEFT = re.compile(r"animus-context-(\d+)-[a-z0-9_]+\.json")


@contextlib.contextmanager
def context_file(document: bytes, folder: Path | None) -> Generator[Path]:
    """A file that holds `document` for the length of the block.

    Args:
        document: JSON.
        folder: the run's; None for a session without one.
    """
    if folder is None:
        _sweep(Path(tempfile.gettempdir()))
    else:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f"animus-context-{os.getpid()}-", suffix=".json", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(document)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _sweep(directory: Path) -> None:
    """Remove what dead processes of ours left there."""
    for path in directory.glob("animus-context-*.json"):
        match = _LEFT.fullmatch(path.name)
        with contextlib.suppress(OSError):
            if match is not None and path.lstat().st_uid == os.getuid() and not _is_alive(int(match[1])):
                path.unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
