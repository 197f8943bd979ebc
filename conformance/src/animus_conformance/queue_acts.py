"""What the queue checks do again and again, and the methods every queue has."""

from typing import Any, Final

from animus_conformance.dispatching import dispatch, require
from animus_conformance.peer import Peer
from animus_plugin_protocol import methods

__all__ = ["BASE", "MANY", "enqueue", "entries", "ids", "lease", "status"]

BASE: Final = (
    methods.QUEUE_ENQUEUE,
    methods.QUEUE_LIST,
    methods.QUEUE_LEASE,
    methods.QUEUE_STATS,
    methods.QUEUE_HOLD,
    methods.QUEUE_RELEASE,
    methods.QUEUE_DROP,
    methods.QUEUE_REORDER,
    methods.QUEUE_COMPLETION,
    methods.QUEUE_RELEASE_PENDING,
    methods.QUEUE_MARK_ASSIGNED,
)
MANY: Final = 20


def enqueue(peer: Peer, name: str | None = None, **more: Any) -> str:
    """Ask for work on a subject of its own; the id of its entry."""
    answer = peer.call(methods.QUEUE_ENQUEUE, {"subject_dispatch": dispatch(name), **more})
    require(answer["enqueued"], f"enqueue of a new subject answered {answer}")
    return str(answer["entry_id"])


def lease(peer: Peer, count: int = 1, **more: Any) -> list[dict[str, Any]]:
    """What is handed out for `count`."""
    leased: list[dict[str, Any]] = peer.call(methods.QUEUE_LEASE, {"max": count, **more})["leased"]
    return leased


def entries(peer: Peer, **more: Any) -> list[dict[str, Any]]:
    """What is listed."""
    listed: list[dict[str, Any]] = peer.call(methods.QUEUE_LIST, more)["entries"]
    return listed


def status(peer: Peer, entry_id: str) -> str | None:
    """The status of an entry, None when it is not listed."""
    return next((entry["status"] for entry in entries(peer) if entry["entry_id"] == entry_id), None)


def ids(found: list[dict[str, Any]]) -> list[str]:
    """The ids of these entries, in order."""
    return [entry["entry_id"] for entry in found]
