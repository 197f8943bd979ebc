"""The plugin as a host sees it: a real process, frames over pipes."""

import sqlite3

import pytest


def test_manifest_names_kind_and_subject_kinds_without_a_project(run_manifest):
    manifest = run_manifest()
    assert (manifest["name"], manifest["plugin_kind"]) == ("animus-subject-default", "subject_backend")
    assert {"subject_kind:task", "subject_kind:requirement", "task/next"} <= set(manifest["capabilities"])


def test_task_lives_through_create_get_update_status_delete(host):
    made = host.ask("task/create", {"title": "Fix it", "description": "The parser.", "priority": 1, "labels": ["bug"]})
    assert (made["id"], made["kind"], made["status"], made["description"]) == (
        "task:TASK-001",
        "task",
        "ready",
        "The parser.",
    )
    assert host.ask("subject/get", {"id": "task:TASK-001"}) == made
    patch = {
        "assignee": "ada",
        "labels_add": ["ui"],
        "labels_remove": ["bug"],
        "custom": {"n": 1},
        "comment": "Looking.",
    }
    patched = host.ask("task/update", {"id": "task:TASK-001", "patch": patch})
    assert (patched["assignee"], patched["labels"], patched["custom"]) == ("ada", ["ui"], {"n": 1})
    assert patched["status_metadata"]["comments"][0]["text"] == "Looking."
    cleared = host.ask("task/update", {"id": "task:TASK-001", "patch": {"assignee": None, "custom": {"n": None}}})
    assert "assignee" not in cleared
    assert "custom" not in cleared
    assert host.ask("subject/status", {"id": "task:TASK-001", "status": "in-progress"})["status"] == "in-progress"
    assert host.ask("task/delete", {"id": "task:TASK-001"}) == {"ok": True}
    assert host.fault("task/get", {"id": "task:TASK-001"})["data"] == {"category": "not_found"}


def test_kind_comes_from_params_or_method_in_either_spelling(host):
    assert host.ask("subject/create", {"kind": "animus.task", "title": "t"})["id"] == "task:TASK-001"
    assert host.ask("requirement/create", {"title": "r"})["id"] == "requirement:REQ-001"
    assert host.ask("subject/get", {"id": "animus.task:TASK-001"})["kind"] == "task"
    assert host.ask("task/get", {"id": "TASK-001"})["id"] == "task:TASK-001"


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("subject/get", {"id": "jira:X-1"}, "'jira:X-1'|'jira' is not kept here"),
        ("subject/get", {"id": "TASK-001"}, "names no kind"),
        ("requirement/get", {"id": "task:TASK-001"}, "called for kind 'requirement'"),
        ("subject/create", {"title": "t"}, "the kind is missing"),
        ("task/create", {"title": "t", "kind": "requirement"}, "called for kind 'task'"),
        ("task/create", {"title": "t", "body": "a", "description": "b"}, "differ"),
        ("task/create", {"title": " "}, "blank"),
        ("subject/list", {"kind": ["jira"]}, "'jira' is not kept here"),
        ("task/list", {"kind": ["requirement"]}, "called for kind 'task'"),
        ("task/list", {"cursor": "nonsense"}, "cursor"),
        ("task/list", {"updated_since": "2026-03-01T12:00:00"}, "timezone"),
        ("subject/next", {"kind": "jira"}, "'jira' is not kept here"),
        ("subject/watch", {"limit": 3}, "no pages"),
        ("subject/watch", {"native_status": "open"}, "native status"),
    ],
)
def test_request_that_cannot_be_meant_is_refused_without_a_trace(host, database, method, params, message):
    fault = host.fault(method, params)
    assert fault["code"] == -32602
    assert fault["data"]["category"] == "invalid_request"
    assert any(part in fault["message"] for part in message.split("|"))
    if database.exists():
        assert sqlite3.connect(database).execute("SELECT count(*) FROM subject_record").fetchone() == (0,)


def test_missing_id_is_not_found(host):
    fault = host.fault("subject/status", {"id": "task:TASK-9", "status": "done"})
    assert (fault["code"], fault["data"]) == (-32602, {"category": "not_found"})


def test_status_table_holds_over_the_wire(host):
    host.ask("task/create", {"title": "t", "status": "cancelled"})
    assert (
        "cannot become in-progress" in host.fault("task/status", {"id": "TASK-001", "status": "in-progress"})["message"]
    )
    assert host.ask("task/status", {"id": "TASK-001", "status": "ready"})["status"] == "ready"


def test_list_takes_filters_flat_inner_and_both(host):
    for number in range(3):
        host.ask("task/create", {"title": f"t{number}", "labels": ["odd"] if number % 2 else []})
    host.ask("requirement/create", {"title": "r", "labels": ["odd"]})

    def titles(method, params):
        return [subject["title"] for subject in host.ask(method, params)["subjects"]]

    assert titles("task/list", {}) == ["t0", "t1", "t2"]
    assert titles("subject/list", {}) == ["t0", "t1", "t2", "r"]
    assert titles("subject/list", {"kind": ["requirement"]}) == ["r"]
    assert titles("subject/list", {"filter": {"labels_any": ["odd"]}}) == ["t1", "r"]
    assert titles("task/list", {"filter": {"labels_any": ["odd"]}, "limit": 5}) == ["t1"]
    assert titles("task/list", {"filter": {"native_status": "open"}}) == []


def test_list_pages_until_there_is_no_cursor(host):
    for number in range(5):
        host.ask("task/create", {"title": f"t{number}"})
    seen, cursor = [], None
    while True:
        page = host.ask("task/list", {"limit": 2} | ({"cursor": cursor} if cursor else {}))
        seen += [subject["title"] for subject in page["subjects"]]
        cursor = page.get("next_cursor")
        if cursor is None:
            break
    assert seen == ["t0", "t1", "t2", "t3", "t4"]


def test_next_is_a_bare_subject_or_null(host):
    assert host.ask("task/next", {}) is None
    host.ask("task/create", {"title": "later", "priority": 3})
    host.ask("task/create", {"title": "now", "priority": 0})
    assert host.ask("subject/next", {"kind": "task"})["title"] == "now"


def test_watch_tells_of_changes_with_the_id_of_its_request(host):
    watch_id = host.start("task/watch", {})
    assert host.answer(watch_id)["result"] == {"watching": True}
    host.ask("task/create", {"title": "t"})
    host.ask("task/status", {"id": "TASK-001", "status": "done"})
    host.ask("task/update", {"id": "TASK-001", "patch": {"labels_add": ["x"]}})
    host.ask("task/update", {"id": "TASK-001", "patch": {"labels_add": ["x"]}})
    host.ask("requirement/create", {"title": "r"})
    host.ask("task/delete", {"id": "TASK-001"})
    notes = host.notes("subject/changed")
    assert {note["id"] for note in notes} == {watch_id}
    assert [note["event"]["change_kind"] for note in notes] == ["created", "status-changed", "updated", "deleted"]
    assert notes[1]["event"]["subject"]["status"] == "done"


def test_unwatch_takes_the_id_as_text(host):
    watch_id = host.start("task/watch", {})
    host.answer(watch_id)
    assert host.ask("task/unwatch", {"watch_id": str(watch_id)}) == {"watching": False}
    host.ask("task/create", {"title": "t"})
    assert host.notes("subject/changed") == []
    assert host.fault("task/unwatch", {"watch_id": str(watch_id)})["data"] == {"category": "not_found"}


def test_schema_says_what_is_supported(host):
    schema = host.ask("subject/schema")
    assert schema["kinds"] == ["task", "requirement"]
    assert all(schema[name] for name in ("supports_watch", "supports_create", "supports_delete", "supports_pagination"))


def test_host_without_project_binding_is_refused_at_the_first_request(start_host):
    host = start_host(binding=None)
    fault = host.fault("task/list", {})
    assert (fault["code"], fault["data"]["category"]) == (-32602, "invalid_request")
    assert "project binding is missing" in fault["message"]


def test_host_without_state_dir_gets_the_place_of_its_scope(start_host, tmp_path):
    host = start_host(binding={"project_root": str(tmp_path), "repo_scope": "demo-0123456789ab"})
    host.ask("task/create", {"title": "t"})
    assert (tmp_path / "config" / "demo-0123456789ab" / "workflow.db").exists()


def test_scope_that_leaves_its_folder_is_refused(start_host, tmp_path):
    host = start_host(binding={"project_root": str(tmp_path), "repo_scope": "../elsewhere"})
    assert "repo_scope is '../elsewhere'" in host.fault("task/list", {})["message"]


def test_damaged_database_fails_requests_and_health_but_not_the_plugin(host, database):
    database.parent.mkdir(exist_ok=True)
    database.write_bytes(b"no database" * 1000)
    fault = host.fault("task/list", {})
    assert (fault["code"], fault["data"]["category"]) == (-32603, "unavailable")
    assert str(database) in fault["message"]
    assert host.ask("health/check")["status"] == "unhealthy"
    database.unlink()
    assert host.ask("task/list", {})["subjects"] == []
    assert host.ask("health/check")["status"] == "healthy"


def test_two_processes_share_one_database(start_host):
    one, two = start_host(), start_host()
    one.ask("task/create", {"title": "from one"})
    assert two.ask("task/get", {"id": "TASK-001"})["title"] == "from one"
    assert two.ask("task/create", {"title": "from two"})["id"] == "task:TASK-002"


def test_handshake_does_not_wait_for_the_database(start_host, database):
    start_host()
    assert not database.exists()
