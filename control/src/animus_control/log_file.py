"""The daemon's log: what it and its plugins wrote to standard error, a stamped line each. Reading needs no daemon.

A plugin writes free text. Its line gets the moment and the plugin's name in front, and its level is what the text
begins with, if that is the word of one. A line without a stamp is the daemon's own last words, such as a traceback.
"""

import datetime
import os
import re
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from animus_control.listener import Listener, Listeners
from animus_plugin_protocol.wire.control import DaemonLogsParams
from animus_plugin_protocol.wire.log_storage import LogEntry, LogLevel, LogSource

__all__ = ["DAEMON", "LOG_LIMIT_BYTES", "DaemonLog", "is_wanted", "previous_log", "read_log"]

LOG_LIMIT_BYTES = 10 * 1024 * 1024
"""At this size the file becomes the previous one, which replaces the one before."""

DAEMON = "daemon"
_ORDER = list(LogLevel)
_STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([\w.-]+): (.*)")
_LEVEL = re.compile(r"\W{0,2}(trace|debug|info|warn|error|critical|fatal|traceback)(?:ing)?\b", re.IGNORECASE)
_AS_LEVEL = {"critical": LogLevel.ERROR, "fatal": LogLevel.ERROR, "traceback": LogLevel.ERROR}
_START = datetime.datetime.fromtimestamp(0, datetime.UTC)


class DaemonLog:
    """Writes to our standard error, which a detached daemon has in its file, and tells who follows.

    Args:
        path: that file; it is replaced by a new one at its bound. Elsewhere standard error is somebody else's business.
        redacted: takes secrets out of a line.
        is_stamped: whether moments are written; people at a terminal know what time it is.
        limit_bytes: the bound.
    """

    def __init__(
        self,
        path: Path,
        redacted: Callable[[str], str],
        *,
        is_stamped: bool = True,
        limit_bytes: int = LOG_LIMIT_BYTES,
    ) -> None:
        self._path, self._redacted, self._is_stamped, self._limit_bytes = path, redacted, is_stamped, limit_bytes
        self._followers: Listeners[LogEntry] = Listeners()

    def write(self, writer: str, text: str) -> None:
        """One line of a plugin, or of the daemon itself (`DAEMON`)."""
        stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        line = self._redacted(text)
        sys.stderr.write(f"{stamp} {writer}: {line}\n" if self._is_stamped else f"{writer}: {line}\n")
        sys.stderr.flush()
        if self._followers:
            self._followers.tell(_entry(stamp, writer, line))
        self._bound()

    def follow(self) -> Listener[LogEntry]:
        """Entries from now on, for as long as the listener is kept."""
        return self._followers.add()

    def _bound(self) -> None:
        """Begin a new file when ours is full. Who still writes to the old one is cut off from nothing but the name."""
        try:
            ours, named = os.fstat(sys.stderr.fileno()), self._path.stat()
        except (OSError, ValueError):  # no file, or no descriptor behind standard error
            return
        if (ours.st_ino, ours.st_dev) != (named.st_ino, named.st_dev) or ours.st_size <= self._limit_bytes:
            return
        self._path.replace(previous_log(self._path))
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.dup2(descriptor, sys.stderr.fileno())
        os.close(descriptor)


def read_log(path: Path, wanted: DaemonLogsParams) -> list[LogEntry]:
    """The latest entries that are wanted, oldest first."""
    entries = (entry for file in (previous_log(path), path) for entry in _entries(file) if is_wanted(entry, wanted))
    return list(deque(entries, maxlen=wanted.limit))


def is_wanted(entry: LogEntry, wanted: DaemonLogsParams) -> bool:
    """Whether an entry fits the filter; its limit is not looked at."""
    if wanted.level is not None and _ORDER.index(entry.level) < _ORDER.index(wanted.level):
        return False
    if wanted.search is not None and wanted.search not in entry.message:
        return False
    return wanted.plugin in {None, entry.target} and (wanted.since is None or entry.ts >= wanted.since)


def previous_log(path: Path) -> Path:
    """Where the file goes when it is full."""
    return path.with_suffix(".previous.log")


def _entries(path: Path) -> Iterator[LogEntry]:
    last = _START.isoformat()
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        for raw in file:
            line = raw.rstrip(b"\r\n").decode(errors="replace")
            stamped = _STAMPED.fullmatch(line)
            if stamped is not None and _is_moment(stamped[1]):
                last = stamped[1]
                yield _entry(stamped[1], stamped[2], stamped[3])
            elif line:
                yield _entry(last, DAEMON, line)


def _entry(stamp: str, writer: str, text: str) -> LogEntry:
    word = _LEVEL.match(text)
    level = LogLevel.INFO if word is None else _level(word[1].lower())
    source = LogSource.DAEMON if writer == DAEMON else LogSource.PLUGIN
    return LogEntry(
        id=f"{stamp}-{zlib.crc32(f'{writer}: {text}'.encode()):08x}",
        ts=datetime.datetime.fromisoformat(stamp),
        level=level,
        source=source,
        target=writer,
        message=text,
        source_name=None if source is LogSource.DAEMON else writer,
    )


def _is_moment(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _level(word: str) -> LogLevel:
    return _AS_LEVEL.get(word) or LogLevel(word)
