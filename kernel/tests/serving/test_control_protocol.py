"""Streams, agents and the plugin group of the control protocol, asked of a real daemon by several clients."""

import importlib.util
import os
import stat
import sys
import time

import pytest

from animus_composition.settings import DaemonSettings
from animus_control.client import ControlClient
from animus_control.errors import ControlError
from animus_control.operations import OPERATIONS, Place
from animus_control.project import find_project
from animus_kernel.serving.instance import instance_holder
from animus_kernel.serving.launch import start_daemon, stop_daemon
from animus_kernel.serving.session import run_operation
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.log_storage import LogLevel
from animus_plugin_protocol.wire.subject import SubjectFilter, SubjectStatus

WAIT_SECONDS = 60.0
PLUGINS = ("animus_queue_default", "animus_workflow_runner_default", "animus_subject_default", "animus_flavor_default")

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in PLUGINS), reason="needs the default plugins installed"
)

WORKFLOWS = """
workflows:
  - {id: quick, phases: [say]}
  - {id: other, phases: [say]}
phases:
  say: {mode: command, idempotency: idempotent, command: {program: "true"}}
"""
# A provider that makes up its own session ids, and holds a session until a file is there.
PROVIDER = """#!{python}
import json, os, sys, threading, time, uuid
out = threading.Lock()
def send(frame):
    with out:
        sys.stdout.write(json.dumps(frame) + "\\n")
        sys.stdout.flush()
INFO = {{"name": "animus-provider-foreign", "version": "1.0.0", "plugin_kind": "provider", "description": "Foreign."}}
NEEDS = [{{"name": "SECRET_WORD", "description": "x"}}]
if "--manifest" in sys.argv:
    print(json.dumps(INFO | {{"protocol_version": "1.1.0", "capabilities": ["agent/run"], "env_required": NEEDS}}))
    sys.exit(0)
cancelled = set()
def run(request):
    params, own = request["params"], uuid.uuid4().hex
    word, _, go = params["prompt"].partition(" ")
    print("ERROR: asked for", word, os.environ.get("SECRET_WORD", ""), file=sys.stderr, flush=True)
    for number in range(3):
        note = {{"session_id": own, "text": f"{{word}}-{{number}} ", "final": False}}
        send({{"jsonrpc": "2.0", "method": "agent/output", "params": note}})
    while go and not os.path.exists(go) and request["id"] not in cancelled:
        time.sleep(0.01)
    if request["id"] in cancelled:
        send({{"jsonrpc": "2.0", "id": request["id"], "error": {{"code": -32002, "message": "cancelled"}}}})
        return
    result = {{"session_id": own, "exit_code": 0, "output": "", "duration_ms": 1, "backend": "foreign", "metadata": []}}
    result |= {{"tool_calls": [], "tool_results": [], "thinking": [], "errors": []}}
    result |= {{"model": "m-1", "tokens_used": {{"input": 3, "output": 4}}, "cost_usd": 0.5}}
    send({{"jsonrpc": "2.0", "id": request["id"], "result": result | {{"output": word + " is done"}}}})
for line in sys.stdin:
    frame = json.loads(line)
    method = frame.get("method")
    if method == "initialize":
        capabilities = {{"methods": ["agent/run"], "cancellation": True}}
        answer = {{"protocol_version": "1.1.0", "plugin_info": INFO, "capabilities": capabilities}}
        send({{"jsonrpc": "2.0", "id": frame["id"], "result": answer}})
    elif method == "agent/run":
        threading.Thread(target=run, args=(frame,), daemon=True).start()
    elif method == "$/cancelRequest":
        cancelled.add(frame["params"]["id"])
    elif method == "exit":
        break
    elif "id" in frame:
        send({{"jsonrpc": "2.0", "id": frame["id"], "result": {{}}}})
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, know_plugins):
    """A project with a daemon for the whole module."""
    home = tmp_path_factory.mktemp("a")
    root = home.parent / f"{home.name}-project"
    (root / ".animus").mkdir(parents=True)
    (root / ".animus" / "workflows.yaml").write_text(WORKFLOWS)
    (root / "animus.toml").write_text("[daemon.plugins.provider-foreign]\nidle_seconds = 600\n")
    know_plugins(home)
    (home / "plugins").mkdir(exist_ok=True)
    program = home / "plugins" / "animus-provider-foreign"
    program.write_text(PROVIDER.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (home / "secrets.toml").write_text('[secrets]\nSECRET_WORD = "env:THE_OTHER"\n')
    environ = os.environ | {"ANIMUS_CONFIG_DIR": str(home)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANIMUS_CONFIG_DIR", str(home))
        patch.setenv("THE_OTHER", "violet-umbrella")
        project = find_project(root, environ)
        start_daemon(project, DaemonSettings())
        yield project
        stop_daemon(project, timeout_seconds=60)


@pytest.fixture
def clients(project):
    """Connects, as often as it is called."""
    made = []

    def connect():
        made.append(ControlClient.connect(project))
        return made[-1]

    yield connect
    for client in made:
        client.close()


@pytest.fixture
def client(clients):
    return clients()


def until(condition):
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.02)
    raise AssertionError("nothing happened in time")


def ask_agent(client, prompt, **more):
    return client.call("agent/run", control.AgentRunParams(provider="foreign", prompt=prompt, **more))


def make_task(client, title, **fields):
    return client.call("subject/create", control.SubjectCreateParams(title=title, **fields))


def test_changes_of_subjects_reach_everybody_who_follows_them(clients):
    client, all_of_them, only_done = clients(), clients(), clients()
    everything = all_of_them.stream("subject/watch")
    wanted = control.SubjectWatchParams(kind="task", filter=SubjectFilter(status=[SubjectStatus.DONE]))
    done = only_done.stream("subject/watch", wanted)
    task = make_task(client, "A")
    client.call("subject/status", control.SubjectStatusParams(id=task.id, status=SubjectStatus.DONE))
    need = make_task(client, "B", kind="requirement")
    seen = [next(everything) for _ in range(3)]
    assert [(one.id, one.change_kind.value) for one in seen] == [
        (task.id, "created"),
        (task.id, "status-changed"),
        (need.id, "created"),
    ]
    assert next(done).subject.status is SubjectStatus.DONE
    all_of_them.cancel()
    assert list(everything) == []
    client.call("subject/delete", control.SubjectGetParams(id=task.id))
    second = make_task(client, "C", status=SubjectStatus.DONE)
    assert [next(done).id, next(done).id] == [task.id, second.id]


@pytest.mark.parametrize(
    ("params", "category"),
    [
        ({"kind": "unicorn"}, "unavailable"),
        ({"filter": SubjectFilter(limit=3)}, "invalid_request"),
        ({"filter": SubjectFilter(cursor="x")}, "invalid_request"),
    ],
)
def test_watch_that_makes_no_sense_is_refused(client, params, category):
    with pytest.raises(ControlError) as caught:
        client.stream("subject/watch", control.SubjectWatchParams(**params))
    assert caught.value.category == category


def test_follower_of_subjects_is_told_when_their_backend_has_died(clients, project):
    client, follower = clients(), clients()
    stream = follower.stream("subject/watch", control.SubjectWatchParams(kind="task"))
    pid = next(row.pid for row in client.call("daemon/health").plugins if row.name == "subject-default")
    os.kill(pid, 9)
    assert list(stream) == []  # closed with `ended`, not cut
    again = until(lambda: _watch(clients))
    made = make_task(client, "after")
    assert next(again).id == made.id


def _watch(clients):
    try:
        return clients().stream("subject/watch", control.SubjectWatchParams(kind="task"))
    except ControlError:
        return None


def test_what_a_plugin_writes_is_stamped_levelled_and_followed(clients):
    client, follower = clients(), clients()
    live = follower.stream("daemon/logs", control.DaemonLogsParams(plugin="provider-foreign", follow=True, limit=0))
    ask_agent(client, "lines")
    entry = next(live)
    assert entry.message == "ERROR: asked for lines violet-umbrella"  # a secret by reference, which it may have
    assert (entry.target, entry.level) == ("provider-foreign", LogLevel.ERROR)
    kept = list(clients().stream("daemon/logs", control.DaemonLogsParams(level=LogLevel.ERROR, search="for lines")))
    assert [one.id for one in kept] == [entry.id]


def test_agent_is_run_and_its_end_is_remembered(client):
    result = ask_agent(client, "hello")
    assert (result.status, result.model, result.output) == ("completed", "m-1", "hello is done")
    assert result.usage == control.AgentUsage(prompt_tokens=3, completion_tokens=4, cost_micro_usd=500_000)
    shown = client.call("agent/status", control.AgentStatusParams(id=result.session_id))
    assert (shown.status, shown.provider, shown.output) == ("completed", "provider-foreign", "hello is done")


def test_sessions_with_made_up_ids_are_told_apart_though_they_overlap(client, tmp_path):
    go = tmp_path / "go"
    words = ["one", "two", "three"]
    begun = {word: ask_agent(client, f"{word} {go}", detach=True).session_id for word in words}
    assert {*begun.values()} <= {row.session_id for row in client.call("daemon/agents").agents}

    def said(word):
        return client.call("agent/status", control.AgentStatusParams(id=begun[word])).output

    for word in words:
        until(lambda: said(word) == f"{word}-0 {word}-1 {word}-2 ")  # noqa: B023 - called at once
    pids = {row.pid for row in client.call("daemon/health").plugins if row.name == "provider-foreign"}
    assert len(pids) == len(words)
    go.touch()
    for word in words:
        shown = until(lambda: _ended(client, begun[word]))  # noqa: B023 - called at once
        assert (shown.status, shown.output) == ("completed", f"{word} is done")


def _ended(client, session_id):
    shown = client.call("agent/status", control.AgentStatusParams(id=session_id))
    return shown if shown.status != "running" else None


def test_cancelled_session_ends_and_says_so(client, tmp_path):
    session_id = ask_agent(client, f"x {tmp_path / 'never'}", detach=True).session_id
    client.call("agent/cancel", control.AgentSessionParams(session_id=session_id))
    shown = until(lambda: _ended(client, session_id))
    assert shown.status == "cancelled"
    with pytest.raises(ControlError, match="has ended"):
        client.call("agent/cancel", control.AgentSessionParams(session_id=session_id))


def test_session_that_is_not_detached_ends_with_its_client(clients, tmp_path):
    client, leaver = clients(), clients()
    params = control.AgentRunParams(provider="foreign", prompt=f"y {tmp_path / 'never'}")
    with pytest.raises(ControlError, match="in time"):
        leaver.call("agent/run", params, timeout_seconds=2)
    leaver.close()
    until(lambda: not client.call("daemon/agents").agents)


def test_session_whose_daemon_was_killed_is_known_to_have_failed(project, client, tmp_path, monkeypatch):
    monkeypatch.setenv("ANIMUS_CONFIG_DIR", str(project.config_dir))
    session_id = ask_agent(client, f"z {tmp_path / 'never'}", detach=True).session_id
    os.kill(client.call("daemon/status").pid, 9)
    until(lambda: instance_holder(project) is None)
    params = control.AgentStatusParams(id=session_id)
    kept = run_operation(project, "agent/status", params)
    assert (kept.status, kept.last_error) == ("failed", "the daemon that ran it is gone")
    start_daemon(project, DaemonSettings())
    with ControlClient.connect(project) as again:
        assert again.call("agent/status", params).status == "failed"


@pytest.mark.parametrize("name", ["nobody", "../../etc/passwd", "", "a\0b", "x" * 5000])
def test_unknown_session_is_not_found(client, name):
    with pytest.raises(ControlError) as caught:
        client.call("agent/status", control.AgentStatusParams(id=name))
    assert caught.value.category == "not_found"


def test_unknown_provider_is_named_before_anything_begins(client):
    with pytest.raises(ControlError, match="no provider answers to 'nobody'"):
        client.call("agent/run", control.AgentRunParams(provider="nobody", prompt="x", detach=True))


def test_plugins_are_shown_pinged_and_found(client):
    info = client.call("plugin/info", control.PluginNameParams(name="provider-foreign"))
    assert (info.kind, info.version, info.signature_verified) == ("provider", "1.0.0", False)
    assert client.call("plugin/ping", control.PluginNameParams(name="queue-default")).ok
    found = client.call("plugin/search", control.PluginSearchParams(query="foreign", kind="provider"))
    assert [entry.name for entry in found.entries] == ["provider-foreign"]
    named = {entry.id for entry in client.call("plugin/browse", control.PluginBrowseParams(installed=True)).entries}
    assert "animus-queue-default" in named


def test_workflow_is_executed_by_its_name(client):
    result = client.call("workflow/execute", control.WorkflowExecuteParams(definition="quick"))
    assert result.definition == "quick"


def test_subject_that_waits_already_is_said_to_and_refused_for_another_workflow(client):
    task = make_task(client, "twice")

    def ask(workflow):
        wish = control.QueueEnqueueParams(subject=task.id, workflow_ref=workflow, run_at="2099-01-01T00:00:00Z")
        return client.call("queue/enqueue", wish)

    first, again = ask("quick"), ask("quick")
    assert (first.enqueued, first.status) == (True, None)
    assert (again.enqueued, again.entry_id, again.status) == (False, first.entry_id, "pending")
    with pytest.raises(ControlError, match="pending for 'quick'; nothing was enqueued") as caught:
        ask("other")
    assert (caught.value.category, caught.value.details["entry_id"]) == ("conflict", first.entry_id)
    keyed = control.QueueEnqueueParams(subject=task.id, workflow_ref="other", idempotency_key="k")
    bound = client.call("queue/enqueue", keyed)
    assert (bound.entry_id, bound.workflow_ref) == (first.entry_id, "quick")
    assert "the key stands for that entry now" in bound.warning


VALUES = [None, [], {}, 7, -1, 10**30, 1.5, "", "x\0y", "../..", "x" * 300, True, {"a": {"b": []}}]
NOT_TO_BE_TRIED = {"daemon/stop", "daemon/restart", "daemon/drain", "daemon/pause", "plugin/uninstall", "plugin/update"}
"""They do what they say without any params."""


def fault_of(client, name, params):
    try:
        client.call(name, params)
    except ControlError as error:
        return error
    return None


def test_no_params_of_any_type_make_the_daemon_fail(client, project):
    """Every operation with every member of its params given every odd value, and nothing but clean errors."""
    before = client.call("daemon/status").pid
    tried = [row for row in OPERATIONS.values() if row.name not in NOT_TO_BE_TRIED and row.stream is None]
    asked = [(row.name, {name: value}) for row in tried for name in row.params.__struct_fields__ for value in VALUES]
    faults = [(name, params, fault) for name, params in asked if (fault := fault_of(client, name, params))]
    unclean = [row for row in faults if row[2].category == "internal" or not row[2].message]
    assert unclean == []
    assert len(faults) > len(asked) // 2
    assert client.call("daemon/status").pid == before
    events = client.stream("daemon/events", control.DaemonEventsParams(limit=5000))
    assert [event.payload for event in events if event.kind == "internal_error"] == []


def test_restart_keeps_the_process_and_takes_the_settings_of_now(project, clients):
    before = clients().call("daemon/status")
    manifest = project.manifest_path
    manifest.write_text(manifest.read_text() + "[daemon]\npool_size = 7\n")
    clients().call("daemon/restart")

    def again():
        client = ControlClient.connect(project)
        if client is None:
            return None
        try:
            with client:
                status = client.call("daemon/status")
        except ControlError:
            return None
        return status if status.pool_size == 7 else None

    after = until(again)
    assert after.pid == before.pid


def test_restart_with_bad_settings_is_refused_and_the_daemon_goes_on(project, clients):
    manifest = project.manifest_path
    good = manifest.read_text()
    manifest.write_text("[daemon]\npool_size = 0\n")
    try:
        with pytest.raises(ControlError, match="pool_size"):
            clients().call("daemon/restart")
    finally:
        manifest.write_text(good)
    assert clients().call("daemon/status").running


def test_every_operation_has_its_place_and_its_types():
    assert all(isinstance(operation.place, Place) for operation in OPERATIONS.values())
    streams = {operation.name for operation in OPERATIONS.values() if operation.stream}
    assert streams == {"subject/watch", "daemon/events", "daemon/logs", "workflow/events"}


def test_project_is_set_up_over_the_socket(project, client):
    planned = client.call("project/init", control.ProjectInitParams(template="script"))
    assert (planned.project_root, planned.repo_scope, planned.created) == (str(project.root), project.repo_scope, False)
    assert {file.path: file.action for file in planned.files}["animus.toml"] == "keep"
    done = client.call("project/setup", control.ProjectSetupParams(mcp=True, start_daemon=True))
    assert (project.root / ".mcp.json").is_file()
    assert ".mcp.json" in {file.path for file in done.files}
    with pytest.raises(ControlError) as refused:
        client.call("project/init", control.ProjectInitParams(template="rails"))
    assert refused.value.category == "invalid_request"
