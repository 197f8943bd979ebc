"""What changed below a directory since the last report that was taken. Knows nothing of the protocol.

A baseline is what the files were when the last report was taken. A report is made once the files have not changed for
the debounce time; it is made again, under the same id, until somebody says that it was taken.
"""

import dataclasses
import fnmatch
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

__all__ = ["FILES_LIMIT", "Report", "Snapshot", "TooManyFilesError", "Watch", "scan"]

FILES_LIMIT = 100_000
"""The most files that one watch looks at."""

Snapshot = dict[str, tuple[int, int]]
"""Path relative to the root, to modification time (ns) and size."""


class TooManyFilesError(Exception):
    """The patterns match more files than a watch looks at."""


@dataclasses.dataclass(frozen=True)
class Report:
    """A set of changes. The id follows from what the files are now, so that the same change is the same report."""

    event_id: str
    created: list[str]
    modified: list[str]
    deleted: list[str]


def scan(root: Path, paths: list[str], ignore: list[str]) -> Snapshot:
    """The files below `root` that match a pattern of `paths` and none of `ignore`.

    Raises:
        TooManyFilesError: there are more than `FILES_LIMIT`.
    """
    found: Snapshot = {}
    for pattern in paths:
        for path in root.glob(pattern):
            name = path.relative_to(root).as_posix()
            if name in found or any(fnmatch.fnmatch(name, skipped) for skipped in ignore):
                continue
            try:
                status = path.stat()
            except OSError:
                continue  # gone meanwhile
            if path.is_file():
                found[name] = (status.st_mtime_ns, status.st_size)
            if len(found) > FILES_LIMIT:
                raise TooManyFilesError(f"{paths} match more than {FILES_LIMIT} files; name fewer, or ignore some")
    return found


class Watch:
    """One trigger's view of the files.

    Args:
        baseline: of the last report that was taken; None begins with what is there.
        debounce_seconds: how long the files have to be left alone before a report.
    """

    def __init__(self, baseline: Snapshot | None, debounce_seconds: float) -> None:
        self.baseline = baseline
        self._debounce_seconds = debounce_seconds
        self._latest: Snapshot | None = None
        self._since = 0.0

    def look(self, now: float, files: Snapshot) -> Report | None:
        """Compare; a report when there is something to report and the files have come to rest. `now` in seconds."""
        if self.baseline is None:
            self.baseline = files
        if files != self._latest:
            self._latest, self._since = files, now
        if files == self.baseline or now - self._since < self._debounce_seconds:
            return None
        return _report(self.baseline, files)

    def take(self, event_id: str) -> bool:
        """Somebody took the report `event_id`: what it showed is the baseline. False when it is not the latest."""
        if self.baseline is None or self._latest is None or _report(self.baseline, self._latest).event_id != event_id:
            return False
        self.baseline = self._latest
        return True


def _report(before: Mapping[str, tuple[int, int]], now: Mapping[str, tuple[int, int]]) -> Report:
    created = sorted(now.keys() - before.keys())
    deleted = sorted(before.keys() - now.keys())
    modified = sorted(name for name in now.keys() & before.keys() if now[name] != before[name])
    states = [[name, now.get(name)] for name in (*created, *modified, *deleted)]
    return Report(hashlib.sha256(json.dumps(states).encode()).hexdigest(), created, modified, deleted)
