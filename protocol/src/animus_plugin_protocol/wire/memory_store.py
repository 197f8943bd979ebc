"""The memory_store kind (protocol section 13)."""

from typing import Annotated, Any

import msgspec

from animus_plugin_protocol.wire.presence import Wire, always

__all__ = [
    "MemoryAck",
    "MemoryGetParams",
    "MemoryGetResult",
    "MemoryListScopesParams",
    "MemoryListScopesResult",
    "MemoryPutParams",
    "MemoryPutResult",
    "MemoryQueryHit",
    "MemoryQueryParams",
    "MemoryQueryResult",
    "MemoryScope",
    "MemoryScopeParams",
    "MemoryStoreCapabilities",
]

_U32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


class MemoryScope(Wire, frozen=True, kw_only=True):
    """Where a memory belongs: a project, an agent in it, or a task in it."""

    project_id: str
    agent_id: str | None = None
    task_id: str | None = None


class MemoryStoreCapabilities(Wire, frozen=True, kw_only=True):
    """What a memory store can do."""

    native_ttl: bool = always(default=False)
    native_key_get: bool = always(default=False)
    strong_consistency: bool = always(default=False)
    max_query_top_k: _U32 = always(0)


class MemoryPutParams(Wire, frozen=True, kw_only=True):
    """Keep a value."""

    scope: MemoryScope
    key: str
    value: Any
    ttl_secs: Annotated[int, msgspec.Meta(ge=0)] | None = None


class MemoryPutResult(Wire, frozen=True, kw_only=True):
    """Whether it was kept, and whether a query finds it already."""

    ack: bool
    indexed_immediately: bool
    record_id: str = ""


class MemoryGetParams(Wire, frozen=True, kw_only=True):
    """Names one value."""

    scope: MemoryScope
    key: str


class MemoryGetResult(Wire, frozen=True, kw_only=True):
    """A stored null differs from nothing only by `found`."""

    found: bool
    value: Any = None


class MemoryQueryParams(Wire, frozen=True, kw_only=True):
    """The `top_k` values most like `query`."""

    scope: MemoryScope
    query: str
    top_k: _U32


class MemoryQueryHit(Wire, frozen=True, kw_only=True):
    """One value; `score` is a 32-bit float, compare with tolerance."""

    key: str
    value: Any
    score: float


class MemoryQueryResult(Wire, frozen=True, kw_only=True):
    """The hits, best first."""

    results: list[MemoryQueryHit]


class MemoryListScopesParams(Wire, frozen=True, kw_only=True):
    """A page of scopes."""

    project_id: str | None = None
    cursor: str | None = None
    page_size: _U32 | None = None


class MemoryListScopesResult(Wire, frozen=True, kw_only=True):
    """The scopes there are."""

    scopes: list[MemoryScope]
    next_cursor: str | None = None


class MemoryScopeParams(Wire, frozen=True, kw_only=True):
    """Names one scope (delete)."""

    scope: MemoryScope


class MemoryAck(Wire, frozen=True, kw_only=True):
    """The act was taken."""

    ack: bool
