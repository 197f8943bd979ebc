"""The twin's trigger: it looks for new files when it is told which."""

import threading
import time
import uuid

from refusal import RefusalError

METHODS = ["trigger/watch", "trigger/ack", "trigger/schema"]
SCHEMA = {"kinds": ["file_watcher"], "supports_resume": False, "supports_dedup": False, "supports_ack": True}


def serve(method, params, project, tell, is_named):
    """`tell` writes a notification; `is_named` says whether events name their trigger."""
    if method == "trigger/schema":
        return SCHEMA
    if method == "trigger/ack":
        if not params.get("event_id"):
            raise RefusalError(-32602, "event_id")
        return {"event_id": params["event_id"], "acked": True}
    for row in (params.get("config") or {}).get("triggers", []):
        threading.Thread(target=_look, args=(row, project, tell, is_named), daemon=True).start()
    return {"watching": True}


def _look(row, project, tell, is_named):
    known = _found(row, project)
    while True:
        time.sleep(0.05)
        found = _found(row, project)
        if found - known:
            named = {"trigger_id": row["id"]} if is_named else {}
            tell({"event_id": uuid.uuid4().hex, **named, "payload": {"created": sorted(found - known)}})
        known = found


def _found(row, project):
    return {str(path) for pattern in row["config"]["paths"] for path in project.glob(pattern)}
