"""What the scripted plugins do, kind by kind, on one JSON file: no more than a host needs to get work through them."""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

__all__ = ["CONFIG_SOURCE", "QUEUE", "RUNNER", "SUBJECTS", "RefusedHereError", "Store"]

Row = dict[str, Any]
Verb = Callable[["Store", Row], Any]

_NOT_FOUND: Final = -32201
_NOT_ASSIGNED: Final = -32208
_NO_SUBJECT: Final = -32602


class RefusedHereError(Exception):
    """A request that this plugin refuses.

    Attributes:
        code: of the kind's own band.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Store:
    """Rows in the order in which they came, in a file of the project; read before and written after each act."""

    def __init__(self, project: Path, kind: str) -> None:
        self._path = project / f".scripted-{kind}.json"

    def rows(self) -> list[Row]:
        """All of them."""
        return json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else []

    def keep(self, rows: list[Row]) -> None:
        """From now on these."""
        self._path.write_text(json.dumps(rows), encoding="utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _enqueue(store: Store, params: Row) -> Row:
    dispatch = params["subject_dispatch"]
    subject_id = dispatch["subject"]["id"]
    entry = {
        "entry_id": uuid.uuid4().hex,
        "subject_id": subject_id,
        "task_id": None,
        "subject_dispatch": dispatch,
        "status": "pending",
        "workflow_id": None,
        "enqueued_at": _now(),
        "assigned_at": None,
        "held_at": None,
        "run_at": params.get("run_at"),
    }
    store.keep([*store.rows(), entry])
    return {"enqueued": True, "entry_id": entry["entry_id"], "subject_id": subject_id, "warning": None}


def _stats(store: Store, _params: Row) -> Row:
    rows = store.rows()
    counts = {status: sum(row["status"] == status for row in rows) for status in ("pending", "assigned", "held")}
    return {"total": len(rows), **counts, "deferred": 0}


def _list(store: Store, params: Row) -> Row:
    wanted = params.get("status") or ["pending", "assigned", "held"]
    found = [row for row in store.rows() if row["status"] in wanted]
    offset = params.get("offset") or 0
    page = found[offset : offset + (params.get("limit") or len(found))]
    return {"entries": page, "total": len(found), "stats": _stats(store, {})}


def _lease(store: Store, params: Row) -> Row:
    rows = store.rows()
    leased: list[Row] = []
    run_ids = params.get("workflow_ids") or [str(uuid.uuid4()) for _ in range(params["max"])]
    for row in rows:
        if row["status"] == "pending" and len(leased) < params["max"]:
            row |= {"status": "assigned", "workflow_id": run_ids[len(leased)], "assigned_at": _now()}
            leased.append(row)
    store.keep(rows)
    return {"leased": leased}


def _change(store: Store, entry_id: str, before: str, after: str | None) -> Row:
    rows = store.rows()
    named = [row for row in rows if row["entry_id"] == entry_id]
    changed = [row for row in named if row["status"] == before]
    for row in changed:
        row["status"] = after
    store.keep([row for row in rows if row["status"] is not None])
    return {"changed": bool(changed), "not_found": not named}


def _drop(store: Store, params: Row) -> Row:
    rows = store.rows()
    left = [row for row in rows if row["entry_id"] != params["entry_id"]]
    store.keep(left)
    return {"changed": len(left) < len(rows), "not_found": len(left) == len(rows)}


def _release_pending(store: Store, params: Row) -> Row:
    if not _change(store, params["entry_id"], "assigned", "pending")["changed"]:
        raise RefusedHereError(_NOT_ASSIGNED, "the entry is not assigned")
    return {"entry_id": params["entry_id"], "status": "pending"}


QUEUE: Final[Mapping[str, Verb]] = {
    "queue/enqueue": _enqueue,
    "queue/list": _list,
    "queue/lease": _lease,
    "queue/stats": _stats,
    "queue/hold": lambda store, params: _change(store, params["entry_id"], "pending", "held"),
    "queue/release": lambda store, params: _change(store, params["entry_id"], "held", "pending"),
    "queue/drop": _drop,
    "queue/completion": lambda store, params: _change(store, params["entry_id"], "assigned", None),
    "queue/release_pending": _release_pending,
}


def _subject(store: Store, params: Row) -> Row:
    found = [row for row in store.rows() if row["id"] == params["id"]]
    if not found:
        raise RefusedHereError(_NO_SUBJECT, f"not found: {params['id']}")
    return found[0]


def _create(store: Store, params: Row) -> Row:
    rows = store.rows()
    made: Row = {
        "id": f"task:T-{len(rows) + 1}",
        "kind": "task",
        "title": params["title"],
        "description": params.get("body") or params.get("description"),
        "status": params.get("status") or "ready",
        "priority": params.get("priority"),
        "assignee": None,
        "labels": params.get("labels") or [],
        "parent": None,
        "created_at": _now(),
        "updated_at": _now(),
    }
    store.keep([*rows, made])
    return made


def _set_status(store: Store, params: Row) -> Row:
    rows = store.rows()
    changed = _subject(store, params) | {"status": params["status"], "updated_at": _now()}
    store.keep([changed if row["id"] == params["id"] else row for row in rows])
    return changed


def _update(store: Store, params: Row) -> Row:
    status = params["patch"].get("status")
    return _subject(store, params) if status is None else _set_status(store, {"id": params["id"], "status": status})


SUBJECTS: Final[Mapping[str, Verb]] = {
    "subject/create": _create,
    "subject/get": _subject,
    "subject/list": lambda store, _params: {"subjects": store.rows(), "next_cursor": None, "fetched_at": _now()},
    "subject/status": _set_status,
    "subject/update": _update,
}


def _execute(_store: Store, params: Row) -> Row:
    """One phase that writes down that it ran."""
    dispatch = params["subject_dispatch"]
    with Path("scripted-runs").open("a", encoding="utf-8") as file:
        file.write(f"{params['workflow_id']}\n")
    phase = {"phase_id": "only", "status": "completed", "duration_secs": 0, "outcome": None, "metadata": None}
    return {
        "workflow_id": params["workflow_id"],
        "workflow_ref": dispatch["workflow_ref"],
        "workflow_status": "completed",
        "subject_id": dispatch["subject"]["id"],
        "execution_cwd": str(Path.cwd()),
        "phases_requested": ["only"],
        "phases_completed": 1,
        "phases_total": 1,
        "total_duration_secs": 0,
        "phase_results": [phase],
        "post_success": None,
        "success": True,
        "phase_events": [],
        "publication_receipt": None,
    }


def _load(_store: Store, _params: Row) -> Row:
    config = {"workflows": {"scripted": {"name": "Scripted", "phases": ["only"]}}, "default_workflow_ref": "scripted"}
    model = {"schema": "animus.workflow-config.v2", "version": 2, "config": config}
    return {"config": model, "cache_token": {"version": "1", "external_inputs": None}}


RUNNER: Final[Mapping[str, Verb]] = {"workflow/execute": _execute}
CONFIG_SOURCE: Final[Mapping[str, Verb]] = {
    "config/load": _load,
    "config/validate": lambda _store, _params: {"diagnostics": []},
}
