"""The server's process in front of a real daemon: the one door, streams over a daemon's death, a clean end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest

from animus_control.client import ControlClient
from animus_control.project import find_project
from animus_plugin_protocol.wire import control
from animus_transport_http.openapi import document
from animus_transport_http.route import routes

END_SECONDS = 60
_KEPT = ("PATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
_FLOW = """
tools_allowlist: [sh]
workflows:
  - {id: w, phases: [p]}
phases:
  p: {mode: command, command: {program: sh, args: [-c, 'true']}}
"""


class Scene:
    """A project, its daemon, and a server in front of it."""

    def __init__(self, folder: Path) -> None:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self.environ = kept | {"ANIMUS_CONFIG_DIR": str(folder / "a"), "HOME": str(folder)}
        self.folder = folder / "project"
        (self.folder / ".animus").mkdir(parents=True)
        (self.folder / ".animus" / "workflows.yaml").write_text(_FLOW)
        self.project = find_project(self.folder, self.environ)
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "animus_cli", *words]
        self._running.append(subprocess.Popen(command, cwd=self.folder, env=self.environ, stdout=subprocess.PIPE))
        return self._running[-1]

    def close(self) -> None:
        """End what is left, whatever became of the tests; servers before the daemon behind them."""
        for process in reversed(self._running):
            process.terminate()
            process.wait(END_SECONDS)
            process.stdout.close()

    def serve(self) -> tuple[subprocess.Popen[bytes], dict]:
        server = self.start("http", "serve", "--bind", "127.0.0.1:0", "--json")
        return server, json.loads(server.stdout.readline())["data"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory, know_plugins):
    pytest.importorskip("animus_flavor_default", reason="needs the plugins of the default flavor")
    folder = tmp_path_factory.mktemp("s", numbered=True)
    (folder / "a").mkdir()
    know_plugins(folder / "a")
    scene = Scene(folder)
    yield scene
    scene.close()


@pytest.fixture(scope="module")
def daemon(scene):
    """Starts the daemon; may be called again when it is gone."""

    def start(client) -> None:
        scene.start("daemon", "run")
        ended = time.monotonic() + END_SECONDS
        while client.get("/daemon/status").status == 503:
            assert time.monotonic() < ended

    return start


@pytest.fixture(scope="module")
def client(scene, daemon, connect):
    server, told = scene.serve()
    token = Path(told["token"])
    assert token.stat().st_mode & 0o777 == 0o600
    client = connect(urlsplit(told["url"]).port, token.read_text().strip())
    daemon(client)
    yield client
    server.terminate()
    assert server.wait(END_SECONDS) == 0


def completed_run(events, subject: str, on_event=lambda _: None) -> dict:
    """The event that says that the run about a subject is completed."""
    while True:
        event = events.next()
        on_event(event)
        happened = event["data"]
        if (happened["kind"], happened["payload"].get("subject_id")) == ("run_completed", subject):
            return happened


def dispatch_of(client, entry_id: str) -> dict:
    (entry,) = [row for row in client.get("/queue/export").data["entries"] if row["entry_id"] == entry_id]
    return entry["dispatch"]


def test_dispatch_that_is_posted_runs_to_its_end(client, scene):
    events = client.follow("/workflows/events")
    made = client.post("/subjects", {"title": "Grüße"}).data
    wish = {"subject": made["id"], "workflow_ref": "w", "actor": {"user_id": "ada"}}
    assert client.post("/queue/enqueue", wish).data["enqueued"]
    run_id = completed_run(events, made["id"])["workflow_id"]
    events.close()
    run = client.get(f"/workflows/{run_id}").data
    assert (run["status"], run["subject_id"]) == ("completed", made["id"])
    lines = [json.loads(line) for line in scene.project.audit_path.read_text().splitlines()]
    (asked,) = [
        line for line in lines if line["operation"] == "queue/enqueue" and line["params"]["subject"] == made["id"]
    ]
    assert (asked["actor"], asked["params"]["trigger_source"]) == ("ada", "http")
    assert client.get("/audit/verify").data["is_whole"]


def test_dispatch_is_the_one_that_the_other_doors_build(client, scene):
    wish = {"workflow_ref": "w", "run_at": "2999-01-01T00:00:00Z", "vars": {"a": "ü"}, "priority": "high"}
    first, second = (client.post("/subjects", {"title": "t"}).data["id"] for _ in range(2))
    with ControlClient.connect(scene.project) as other:
        theirs = other.call("queue/enqueue", control.QueueEnqueueParams(subject=first, **wish)).entry_id
    ours = dispatch_of(client, client.post("/queue/enqueue", {"subject": second, **wish}).data["entry_id"])
    theirs = dispatch_of(client, theirs)
    assert (ours.pop("trigger_source"), theirs.pop("trigger_source")) == ("http", "manual")
    assert ours.pop("actor") == {"user_id": "http"}
    for dispatch in (ours, theirs):
        assert dispatch.pop("requested_at")
        assert dispatch["subject"].pop("id")
    assert ours == theirs


def test_run_that_is_asked_for_says_where_from(client, scene):
    with ControlClient.connect(scene.project) as other:
        other.call("daemon/pause")  # so that the entries stay to be looked at
        try:
            made = client.post("/subjects", {"title": "t"}).data["id"]
            asked = client.post("/workflows/run", {"definition": "w", "subject": made}).data
            executed = client.post("/workflows/execute", {"definition": "w"}).data
            for entry in (asked, executed):
                dispatch = dispatch_of(client, entry["entry_id"])
                assert (dispatch["trigger_source"], dispatch["actor"]) == ("http", {"user_id": "http"})
        finally:
            other.call("daemon/resume")


def test_everything_that_reads_answers_as_described(client):
    described = document(management=True)
    for route in routes():
        if route.method != "GET" or route.path_field or route.is_endless or route.schema.get("required"):
            continue
        reply = client.get(route.template.removeprefix("/api/v1"))
        assert reply.status == 200, (route.template, reply)
        content = described["paths"][route.template]["get"]["responses"]["200"]["content"]
        assert reply.headers["content-type"].partition(";")[0] in content
        if "application/json" in content:
            schema = content["application/json"]["schema"] | {"components": described["components"]}
            jsonschema.Draft202012Validator(schema).validate(json.loads(reply.body))


def test_stream_goes_on_after_the_daemon_was_killed(client, daemon):
    events = client.follow("/daemon/events?limit=1")
    seen = [events.next()["data"]["seq"]]
    os.kill(client.get("/daemon/status").data["pid"], signal.SIGKILL)
    while (event := events.next()).get("event") != "closed":
        seen.append(event["data"]["seq"])
    events.close()
    assert event["data"]["reason"] == "unavailable"
    assert client.get("/queue").status == 503
    daemon(client)
    made = client.post("/subjects", {"title": "after"}).data["id"]
    client.post("/workflows/run", {"subject": made, "definition": "w"})
    events = client.follow("/daemon/events", Last_Event_ID=str(seen[-1]))
    completed_run(events, made, lambda event: seen.append(int(event["id"])))
    events.close()
    assert seen == list(range(seen[0], seen[0] + len(seen)))  # none lost, none twice


def test_asked_to_end_it_tells_its_streams_and_keeps_the_token(scene, client, connect):
    server, told = scene.serve()
    other = connect(urlsplit(told["url"]).port, Path(told["token"]).read_text().strip())
    assert other.token == client.token
    idle = other.connection()
    idle.connect()
    events = other.follow("/workflows/events")
    server.terminate()
    assert events.next() == {"event": "closed", "data": {"reason": "server_stopped"}}
    events.close()
    assert server.wait(END_SECONDS) == 0
    idle.close()
