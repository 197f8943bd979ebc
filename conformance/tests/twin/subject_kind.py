"""The twin's subjects, of one kind."""

from refusal import RefusalError

MOMENT = "2026-01-01T00:00:00Z"
VERBS = ["list", "get", "create", "update", "status", "delete", "next", "watch", "unwatch", "schema"]
METHODS = [f"{prefix}/{verb}" for prefix in ("subject", "task") for verb in VERBS]
STATUSES = ["ready", "in-progress", "blocked", "done", "cancelled"]


def serve(state, method, params):
    kept = state.setdefault("subjects", {"last": 0, "by_id": {}})
    verb = method.partition("/")[2]
    return globals()[f"_{verb}"](kept, params)


def _find(kept, subject_id):
    if subject_id not in kept["by_id"]:
        raise RefusalError(-32602, f"no subject {subject_id}", "not_found")
    return kept["by_id"][subject_id]


def _list(kept, params):
    wanted = params.get("filter") or params
    found = [
        subject
        for subject in kept["by_id"].values()
        if (not wanted.get("status") or subject["status"] in wanted["status"])
        and (not wanted.get("kind") or subject["kind"] in wanted["kind"])
        and set(wanted.get("labels_all", [])) <= set(subject.get("labels", []))
    ]
    first = int(wanted.get("cursor") or 0)
    last = first + (wanted.get("limit") or len(found))
    page = {"subjects": found[first:last], "fetched_at": MOMENT}
    return {**page, "next_cursor": str(last)} if last < len(found) else page


def _get(kept, params):
    return _find(kept, params["id"])


def _create(kept, params):
    kept["last"] += 1
    subject = {
        "id": f"task:TASK-{kept['last']}",
        "kind": "task",
        "title": params["title"],
        "status": params.get("status") or "ready",
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    description = params.get("body") or params.get("description")
    subject |= {"description": description} if description else {}
    subject |= {name: params[name] for name in ("labels", "custom", "assignee") if params.get(name)}
    kept["by_id"][subject["id"]] = subject
    return subject


def _update(kept, params):
    subject, patch = _find(kept, params["id"]), params["patch"]
    labels = [label for label in subject.get("labels", []) if label not in patch.get("labels_remove", [])]
    subject["labels"] = labels + patch.get("labels_add", [])
    if "assignee" in patch:
        subject["assignee"] = patch["assignee"]
    custom = {**subject.get("custom", {}), **patch.get("custom", {})}
    subject["custom"] = {
        key: value for key, value in custom.items() if value is not None or key not in patch.get("custom", {})
    }
    return subject


def _status(kept, params):
    if params["status"] not in STATUSES:
        raise RefusalError(-32602, "status", "invalid_request")
    subject = _find(kept, params["id"])
    subject["status"] = params["status"]
    return subject


def _delete(kept, params):
    _find(kept, params["id"])
    del kept["by_id"][params["id"]]
    return {"ok": True}


def _next(kept, _params):
    return next((subject for subject in kept["by_id"].values() if subject["status"] == "ready"), None)


def _watch(_kept, _params):
    return {"watching": True}


def _unwatch(_kept, _params):
    return {"watching": False}


def _schema(_kept, _params):
    able = {f"supports_{what}": True for what in ("watch", "create", "delete", "pagination")}
    return {"kinds": ["task"], "status_values": STATUSES, **able}
