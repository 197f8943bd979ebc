"""The twin's queue, both generations, over one JSON object."""

import hashlib
import json
import os
import uuid
from datetime import UTC, datetime, timedelta

from refusal import RefusalError

MANIFEST_ENV = [{"name": "ANIMUS_QUEUE_LEASE_TTL_SECS", "sensitive": False, "required": False}]
EXTRA = {"priority_weighted": False, "max_lease_batch": 5, "generation_fenced_leases_v1": True}
FENCED = {
    "queue/v2/enqueue": {"subject_dispatch", "idempotency_key", "repository", "run_at", "expire_after_secs"},
    "queue/v2/lease": {"max", "owner_id", "workflow_ids", "exclude"},
    "queue/v2/lease/renew": {"execution", "ttl_secs"},
    "queue/v2/lease/recover": {"execution", "new_owner_id", "ttl_secs"},
    "queue/v2/completion": {"execution", "status", "workflow_ref"},
    "queue/v2/release_pending": {"execution", "reason"},
}
FENCE_FIELDS = {"schema", "version", "workflow_id", "workflow_generation", "subject", "queue_lease", "repository"}
METHODS = [
    "queue/enqueue",
    "queue/list",
    "queue/lease",
    "queue/stats",
    "queue/hold",
    "queue/release",
    "queue/drop",
    "queue/reorder",
    "queue/mark_assigned",
    "queue/completion",
    "queue/release_pending",
    "queue/next_deadline",
    *FENCED,
]


def now():
    return datetime.now(UTC)


def text_of(moment):
    return moment.isoformat().replace("+00:00", "Z")


def subject_of(dispatch):
    subject = dispatch.get("subject")
    if not subject:
        raise RefusalError(-32602, "no subject")
    if "Task" in subject:
        subject = {"kind": "animus.task", "id": subject["Task"]["id"]}
    return subject["kind"].removeprefix("animus."), subject["id"]


def serve(state, method, params):
    queue = state.setdefault("queue", {"entries": [], "done": {}, "keys": {}, "generations": {}})
    if method in FENCED:
        return fenced(queue, method, params)
    return unfenced(queue, method.removeprefix("queue/"), params)


def never_broken(_requirement):
    return False


broken = never_broken  # the twin puts its own here


def due(entry):
    return entry["run_at"] is None or datetime.fromisoformat(entry["run_at"]) <= now()


def sweep(queue):
    def expired(entry):
        if entry["status"] != "pending" or entry["run_at"] is None or entry["expire"] is None:
            return False
        return datetime.fromisoformat(entry["run_at"]) + timedelta(seconds=entry["expire"]) < now()

    if not broken("queue:enqueue:expired"):
        queue["entries"] = [entry for entry in queue["entries"] if not expired(entry)]


def add(queue, params):
    kind, native = subject_of(params["subject_dispatch"])
    entry = {
        "entry_id": str(uuid.uuid4()),
        "subject": f"{kind}:{native}",
        "key": native,
        "dispatch": params["subject_dispatch"],
        "status": "pending",
        "at": text_of(now()),
        "run_at": params.get("run_at"),
        "expire": params.get("expire_after_secs"),
        "workflow_id": None,
        "generation": 0,
        "lease": None,
        "lease_generation": 0,
        "repository": params.get("repository"),
    }
    queue["entries"].append(entry)
    return entry


def wire(entry):
    shown = {
        "entry_id": entry["entry_id"],
        "subject_id": entry["subject"],
        "subject_dispatch": entry["dispatch"],
        "status": entry["status"],
        "enqueued_at": entry["at"],
        "run_at": entry["run_at"],
        "workflow_id": entry["workflow_id"],
    }
    return {name: value for name, value in shown.items() if value is not None}


def counts(queue):
    statuses = [entry["status"] for entry in queue["entries"]]
    deferred = sum(entry["status"] == "pending" and not due(entry) for entry in queue["entries"])
    each = {status: statuses.count(status) for status in ("pending", "assigned", "held")}
    return {"total": len(statuses), **each, "deferred": deferred}


def find(queue, entry_id):
    return next((entry for entry in queue["entries"] if entry["entry_id"] == entry_id), None)


def unfenced(queue, verb, params):  # noqa: PLR0911 - one return a method
    if verb == "enqueue":
        entry = add(queue, params)
        return {"enqueued": True, "entry_id": entry["entry_id"], "subject_id": entry["subject"]}
    if verb == "list":
        wanted = params.get("status") or ["pending", "assigned", "held"]
        found = [entry for entry in queue["entries"] if entry["status"] in wanted]
        first = params.get("offset") or 0
        page = found[first : first + (params.get("limit") or 500)]
        return {"entries": [wire(entry) for entry in page], "total": len(found), "stats": counts(queue)}
    if verb == "stats":
        return counts(queue)
    if verb == "next_deadline":
        waiting = sorted(
            entry["run_at"] for entry in queue["entries"] if entry["status"] == "pending" and not due(entry)
        )
        return {"next_run_at": waiting[0]} if waiting else {}
    if verb == "lease":
        return {"leased": [wire(entry) for entry in lease(queue, params)]}
    if verb == "reorder":
        return reorder(queue, params["entry_ids"])
    return mutate(queue, verb, params)


def lease(queue, params):
    ids = params.get("workflow_ids")
    if ids is not None and len(ids) != params["max"]:
        raise RefusalError(-32206, "count")
    sweep(queue)
    leased = []
    most = params["max"] + broken("queue:lease:limit")
    for entry in queue["entries"]:
        if len(leased) == most:
            break
        if entry["status"] == "pending" and due(entry) and entry["key"] not in (params.get("exclude_subjects") or []):
            entry["status"] = "assigned"
            entry["workflow_id"] = ids[len(leased)] if ids and len(leased) < len(ids) else str(uuid.uuid4())
            leased.append(entry)
    return leased


def reorder(queue, entry_ids):
    before = [entry["entry_id"] for entry in queue["entries"]]
    named = [entry for entry in (find(queue, entry_id) for entry_id in dict.fromkeys(entry_ids)) if entry]
    queue["entries"] = named + [entry for entry in queue["entries"] if entry not in named]
    after = [entry["entry_id"] for entry in queue["entries"]]
    return {"reordered_count": sum(a != b for a, b in zip(before, after, strict=True))}


def mutate(queue, verb, params):
    if verb == "completion" and params["status"] not in {"completed", "failed", "cancelled"}:
        raise RefusalError(-32602, "status")
    entry = find(queue, params["entry_id"])
    if verb == "release_pending":
        if entry is None or entry["status"] != "assigned":
            raise RefusalError(-32208, "not assigned")
        if entry["lease"]:
            raise RefusalError(-32209, "fenced")
        entry.update(status="pending", workflow_id=None)
        return {"entry_id": entry["entry_id"], "status": "pending"}
    if entry is None:
        return {"changed": False, "not_found": True}
    if verb == "drop":
        queue["entries"].remove(entry)
    elif verb == "completion":
        if entry["status"] != "assigned" or params.get("workflow_id", entry["workflow_id"]) != entry["workflow_id"]:
            return {"changed": False, "not_found": True}
        queue["entries"].remove(entry)
    else:
        wanted = {"hold": ("pending", "held"), "release": ("held", "pending"), "mark_assigned": ("pending", "assigned")}
        expected, then = wanted[verb]
        if entry["status"] != expected:
            raise RefusalError(-32203, "not pending")
        entry["status"] = then
    return {"changed": True, "not_found": False}


def fenced(queue, method, params):
    if set(params) - FENCED[method] or set(params.get("execution") or {}) - FENCE_FIELDS:
        raise RefusalError(-32602, "unknown field")
    sweep(queue)
    verb = method.removeprefix("queue/v2/")
    if verb == "enqueue":
        return fenced_enqueue(queue, params)
    if verb == "lease":
        return fenced_lease(queue, params)
    return act(queue, verb, params)


def fenced_enqueue(queue, params):
    kind, native = subject_of(params["subject_dispatch"])
    subject, key = f"{kind}:{native}", params.get("idempotency_key")
    content = {name: value for name, value in params.items() if name != "idempotency_key"}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    if key in queue["keys"]:
        receipt, bound = queue["keys"][key]
        if bound != digest:
            raise RefusalError(-32602, "already bound")
        return {**receipt, "enqueued": False}
    live = next((entry for entry in queue["entries"] if entry["subject"] == subject), None)
    if live:
        named = {"qualified_id": subject, "generation": live["generation"]}
        return {"enqueued": False, "entry_id": live["entry_id"], "subject": named, "warning": "active generation"}
    entry = add(queue, params)
    entry["generation"] = queue["generations"][subject] = queue["generations"].get(subject, 0) + 1
    named = {"qualified_id": subject, "generation": entry["generation"]}
    receipt = {"enqueued": True, "entry_id": entry["entry_id"], "subject": named}
    if key:
        queue["keys"][key] = [receipt, digest]
    return receipt


def fenced_lease(queue, params):
    ids = params["workflow_ids"]
    if not params["owner_id"].strip() or params["max"] < 1 or len(ids) != params["max"] or len(set(ids)) != len(ids):
        raise RefusalError(-32602, "lease")
    if not all(workflow_id.strip() for workflow_id in ids):
        raise RefusalError(-32602, "blank")
    leased, blocked = [], []
    for entry in queue["entries"]:
        if len(leased) == params["max"] or entry["status"] != "pending" or not due(entry):
            continue
        taken = {place(other) for other in queue["entries"] if other["status"] == "assigned"}
        if entry["repository"] and place(entry) in taken:
            blocked.append({"entry_id": entry["entry_id"], "reason": "repository_ref_collision"})
            continue
        entry["status"] = "assigned"
        entry["workflow_id"] = entry["workflow_id"] or ids[len(leased)]
        grant(entry, params["owner_id"])
        leased.append({"entry": wire(entry), "execution": fence_of(entry)})
    return {"leased": leased, "blocked": blocked}


def place(entry):
    held = entry["repository"]
    return held and (held["repository"].strip().lower(), held["head_ref"])


def ttl():
    return int(os.environ.get("ANIMUS_QUEUE_LEASE_TTL_SECS", "120"))


def grant(entry, owner):
    entry["lease_generation"] += 1
    expires = text_of(now() + timedelta(seconds=ttl()))
    entry["lease"] = {
        "entry_id": entry["entry_id"],
        "owner_id": owner,
        "generation": entry["lease_generation"],
        "expires_at": expires,
    }


def fence_of(entry):
    fence = {
        "schema": "animus.execution-fence.v1",
        "version": 1,
        "workflow_id": entry["workflow_id"],
        "workflow_generation": 1,
        "subject": {"qualified_id": entry["subject"], "generation": entry["generation"]},
        "queue_lease": entry["lease"],
    }
    return {**fence, "repository": entry["repository"]} if entry["repository"] else fence


def ticket(fence):
    lease = {name: value for name, value in (fence["queue_lease"] or {}).items() if name != "expires_at"}
    return [fence["workflow_id"], fence["workflow_generation"], fence["subject"], lease, fence.get("repository")]


def act(queue, verb, params):  # noqa: PLR0911 - one return an outcome
    fence = params["execution"]
    entry_id = fence["queue_lease"]["entry_id"]
    if verb == "lease/recover" and params["new_owner_id"] in {"", fence["queue_lease"]["owner_id"]}:
        raise RefusalError(-32602, "owner")
    entry = find(queue, entry_id)
    if entry is None:
        return finished(queue, entry_id, verb)
    if not entry["lease"] or ticket(fence) != ticket(fence_of(entry)):
        return {"outcome": "stale_fence"}
    if entry["status"] != "assigned":
        return {"outcome": "not_assigned"}
    is_over = datetime.fromisoformat(entry["lease"]["expires_at"]) < now()
    if verb == "lease/renew":
        return {"outcome": "stale_fence"} if is_over else {"outcome": "applied", "execution": fence_of(entry)}
    if verb == "lease/recover":
        if not is_over:
            return {"outcome": "lease_still_live", "execution": fence_of(entry)}
        grant(entry, params["new_owner_id"])
        return {"outcome": "applied", "execution": fence_of(entry)}
    if verb == "completion":
        queue["entries"].remove(entry)
        queue["done"][entry_id] = params["status"]
    else:
        entry["status"] = "pending"
    return {"outcome": "applied"}


def finished(queue, entry_id, verb):
    if entry_id not in queue["done"]:
        return {"outcome": "not_found"}
    return {"outcome": "already_applied" if verb == "completion" else "not_assigned"}
