"""The log_storage_backend kind (protocol section 13)."""

import enum
from typing import Annotated, Any

import msgspec

from animus_plugin_protocol.wire.presence import Moment, Wire, always

__all__ = [
    "LogEntry",
    "LogLevel",
    "LogQuery",
    "LogQueryParams",
    "LogQueryResult",
    "LogSource",
    "LogStorageEventNote",
    "LogStorageSchema",
    "LogStoreParams",
    "LogStoreResult",
    "SupportsFiltering",
]


class LogLevel(enum.StrEnum):
    """How urgent an entry is. Closed."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class LogSource(enum.StrEnum):
    """Who wrote an entry. Closed."""

    DAEMON = "daemon"
    PLUGIN = "plugin"
    CLI = "cli"
    WORKFLOW = "workflow"


class LogEntry(Wire, frozen=True, kw_only=True):
    """One stored entry."""

    id: str
    ts: Moment
    level: LogLevel
    source: LogSource
    target: str
    message: str
    source_name: str | None = None
    fields: Any = None


class LogStoreParams(Wire, frozen=True, kw_only=True):
    """Store entries."""

    entries: list[LogEntry]


class LogStoreResult(Wire, frozen=True, kw_only=True):
    """How many were stored."""

    stored: int


class LogQuery(Wire, frozen=True, kw_only=True):
    """Which entries: `since` is included, `until` is not.

    In `target_glob` ``*`` stands for text within one dotted segment and ``**`` for any text.
    """

    min_level: LogLevel | None = None
    source: LogSource | None = None
    source_name: str | None = None
    target_glob: str | None = None
    since: Moment | None = None
    until: Moment | None = None
    limit: Annotated[int, msgspec.Meta(ge=0)] | None = None
    cursor: str | None = None
    follow: bool = always(default=False)


class LogQueryParams(LogQuery, frozen=True, kw_only=True):
    """The params of ``log_storage/query`` and ``log_storage/tail``."""


class LogQueryResult(Wire, frozen=True, kw_only=True):
    """A page of entries."""

    entries: list[LogEntry]
    next_cursor: str | None = None


class LogStorageEventNote(Wire, frozen=True, kw_only=True):
    """An entry of the tail whose request was `id`, or the error that ends it."""

    id: Any
    entry: LogEntry | None = None
    error: Any = None


class SupportsFiltering(Wire, frozen=True, kw_only=True):
    """What a query may filter by."""

    by_level: bool = always(default=False)
    by_source: bool = always(default=False)
    by_target: bool = always(default=False)
    by_time_range: bool = always(default=False)
    by_glob: bool = always(default=False)


class LogStorageSchema(Wire, frozen=True, kw_only=True):
    """What this store can do; windows are in milliseconds."""

    supports_query: bool
    supports_tail: bool
    supports_dedup: bool
    supports_filtering: SupportsFiltering
    max_query_window: int | None = None
    retention_hint: int | None = None
