"""The twin's journal and its configuration."""

from pathlib import Path

from refusal import RefusalError

KINDS = {"run_started", "phase_started", "phase_completed", "run_completed", "run_failed"}
VERBS = ["save", "load", "list", "query_ids", "delete", "record", "events", "schema"]
CHECKPOINT_VERBS = ["checkpoint_save", "checkpoint_load", "checkpoint_list", "checkpoint_prune"]
METHODS = [f"journal/{verb}" for verb in VERBS + CHECKPOINT_VERBS]
CONFIG_METHODS = ["config/load", "config/validate"]
MODEL = {"schema": "animus.workflow-config.v2", "version": 2, "config": {}}


def serve(state, method, params):
    kept = state.setdefault("journal", {"runs": {}, "checkpoints": {}, "events": []})
    verb = method.removeprefix("journal/")
    if verb.startswith("checkpoint"):
        return checkpoint(kept["checkpoints"].setdefault(params["workflow_id"], {}), verb, params)
    return _VERBS[verb](kept, params)


def save(kept, params):
    kept["runs"][params["run"]["workflow_id"]] = params["run"]


def chosen(kept, params):
    found = [
        run
        for run in kept["runs"].values()
        if (not params.get("status") or run["status"] in params["status"])
        and params.get("workflow_ref") in {None, run.get("workflow_ref")}
    ]
    limit = params.get("limit") or len(found)
    return found[:limit], len(found) > limit


def listed(kept, params):
    runs, more = chosen(kept, params)
    return {"runs": runs, "truncated": more}


def query_ids(kept, params):
    runs, more = chosen(kept, params)
    return {"ids": [run["workflow_id"] for run in runs], "truncated": more}


def record(kept, params):
    if params["event"]["kind"] not in KINDS:
        raise RefusalError(-32602, "kind")
    kept["events"].append(params["event"])


def events(kept, params):
    found = [event for event in kept["events"] if params.get("run_id") in {None, event["run_id"]}]
    return {"events": found, "truncated": False}


def checkpoint(kept, verb, params):
    if verb == "checkpoint_save":
        kept[str(params["checkpoint_num"])] = params["blob"]
        return None
    if verb == "checkpoint_load":
        return {"blob": kept.get(str(params["checkpoint_num"]))}
    if verb == "checkpoint_list":
        return {"checkpoint_nums": sorted(map(int, kept))}
    for number in sorted(kept, key=int)[: -params["keep"]]:
        del kept[number]
    return None


_VERBS = {
    "save": save,
    "load": lambda kept, params: {"run": kept["runs"].get(params["workflow_id"])},
    "list": listed,
    "query_ids": query_ids,
    "delete": lambda kept, params: kept["runs"].pop(params["workflow_id"], None) and None,
    "record": record,
    "events": events,
    "schema": lambda _kept, _params: {f"supports_{what}": True for what in ("checkpoints", "events", "filtering")},
}


def serve_config(_state, method, params):
    root = Path(params["project_root"])
    if not root.is_dir():
        raise RefusalError(-32602, "no such project")
    files = sorted(root.glob(".animus/workflows/*.yaml"))
    if method == "config/load":
        return {"config": MODEL, "cache_token": {"version": str(len(files)), "external_inputs": False}}
    broken = [file for file in files if file.read_text().count("{") != file.read_text().count("}")]
    return {"diagnostics": [{"severity": "error", "message": "broken", "file": file.name} for file in broken]}
