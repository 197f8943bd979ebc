"""Host calls between plugins that run behind real pipes in threads of this process."""

import asyncio
import contextlib
import datetime
import json
import os
import threading

import msgspec
import pytest

from animus_plugin_protocol import Context, Plugin, methods
from animus_plugin_protocol.errors import ErrorCode, RefusedError, RpcFault
from animus_plugin_protocol.wire.lifecycle import (
    HostCallsOffer,
    InitExtensions,
    InitializeResult,
    PluginCapabilities,
    PluginInfo,
)
from animus_plugin_protocol.wire.provider import (
    AgentCancelParams,
    AgentCancelResult,
    AgentOutputNote,
    AgentRunParams,
    AgentRunResult,
)
from animus_plugin_protocol.wire.workflow_runner import WorkflowInspectParams, WorkflowInspectResult
from animus_plugin_runtime import Connection, HostOffer, twin
from animus_plugin_runtime.agent_session import AgentSessions
from animus_plugin_runtime.host_call import HostCalls

OFFER = HostOffer(extensions=InitExtensions(host_calls=HostCallsOffer(version=1)))


class Routes:
    """Finds what the test put there."""

    def __init__(self):
        self.connections = {}

    async def connection_for(self, kind, name):
        if kind not in self.connections:
            raise RefusedError(f"nobody serves {kind!r}", code=ErrorCode.HOST_NO_SUCH_PLUGIN)
        return self.connections[kind]

    def open_connection(self, kind, name):
        return self.connections.get(kind)

    async def provider(self, name):
        return OneProcess(await self.connection_for("provider", name))


class OneProcess:
    """A provider whose sessions share a process."""

    def __init__(self, connection):
        self.connection = connection

    @contextlib.asynccontextmanager
    async def session(self):
        yield self.connection

    def see(self, session_id, note):
        pass


def now():
    return datetime.datetime.now(datetime.UTC)


def agent(prompt: str = "hi") -> AgentRunParams:
    return AgentRunParams(prompt=prompt)


def answer(session_id: str) -> AgentRunResult:
    return AgentRunResult(session_id=session_id, exit_code=0, output="done", duration_ms=1, backend="double")


def make_caller(act, *capabilities: str) -> Plugin:
    """A plugin whose inspection does whatever the test wants with its context."""
    plugin = Plugin("caller", "0.1.0", description="double")

    def inspect(params: WorkflowInspectParams, context: Context) -> WorkflowInspectResult:
        return WorkflowInspectResult(what=params.what, value=act(context))

    plugin.register_method(methods.WORKFLOW_INSPECT, inspect)
    for capability in capabilities:
        plugin.capability(capability)
    return plugin


def make_provider(run) -> Plugin:
    plugin = Plugin("callee", "0.1.0", description="double")
    sessions = []

    def agent_run(params: AgentRunParams, context: Context) -> AgentRunResult:
        sessions.append(params.session_id)
        run(params, context)
        return answer(params.session_id)

    def agent_cancel(params: AgentCancelParams) -> AgentCancelResult:
        plugin.cancelled.append(params.session_id)
        return AgentCancelResult(session_id=params.session_id, cancelled=True)

    plugin.register_method(methods.AGENT_RUN, agent_run)
    plugin.register_method(methods.AGENT_CANCEL, agent_cancel, inline=True)
    plugin.sessions = sessions
    plugin.cancelled = []
    return plugin


@pytest.fixture
def between(tmp_path):
    """Runs one inspection of the caller, with the callee as the provider, and gives its result."""

    def run(caller, callee=None, *, meanwhile=None):
        async def scene():
            routes = Routes()
            calls = HostCalls(routes, tmp_path / "runs", AgentSessions(), now)
            async with contextlib.AsyncExitStack() as stack:
                if callee is not None:
                    routes.connections["provider"] = await stack.enter_async_context(twin(callee, OFFER))
                connection = await stack.enter_async_context(twin(caller, OFFER, on_request=calls.serve))
                work = asyncio.ensure_future(
                    connection.call_raw(methods.WORKFLOW_INSPECT, WorkflowInspectParams(what="run"), timeout_seconds=60)
                )
                if meanwhile is not None:
                    await meanwhile(work, connection)
                return msgspec.json.decode(await work, type=WorkflowInspectResult).value

        return asyncio.run(asyncio.wait_for(scene(), 90))

    return run


def failing(context, **call):
    try:
        context.call_host(**{"kind": "provider", "method": methods.AGENT_RUN, "params": agent()} | call)
    except RpcFault as fault:
        return {"code": fault.code, "message": fault.message, "data": fault.data}
    raise AssertionError("the call was answered")


def test_result_passes_and_notes_come_in_order_before_it(between, tmp_path):
    def talk(params, context):
        for number in range(50):
            context.notify(methods.AGENT_TOOL_CALL, {"session_id": params.session_id, "name": str(number)})

    def act(context):
        notes = []
        raw = context.call_host("provider", methods.AGENT_RUN, agent(), run_id="run-1", on_note=notes.append)
        assert [note.seq for note in notes] == list(range(1, 51))
        assert [json.loads(bytes(note.params))["name"] for note in notes] == [str(number) for number in range(50)]
        return json.loads(bytes(raw))["output"]

    callee = make_provider(talk)
    assert between(make_caller(act, "$host/call:provider"), callee) == "done"
    assert callee.sessions[0].startswith("run-1-")
    (kept,) = (tmp_path / "runs" / "run-1").iterdir()
    assert len(kept.read_bytes().splitlines()) == 50
    assert kept.stat().st_mode & 0o777 == 0o600


def test_undeclared_call_is_refused_with_the_capability_to_declare(between):
    fault = between(make_caller(failing), make_provider(lambda *_: None))
    assert fault["code"] == ErrorCode.HOST_CALL_NOT_DECLARED
    assert "$host/call:provider" in fault["message"]


def test_call_of_a_kind_that_nobody_serves_is_refused(between):
    assert between(make_caller(failing, "$host/call:provider"))["code"] == ErrorCode.HOST_NO_SUCH_PLUGIN


@pytest.mark.parametrize("method", ["shutdown", "initialize", "exit", "$/cancelRequest", "queue/lease", "host/call"])
def test_call_of_a_method_that_is_not_the_kinds_is_refused(between, method):
    fault = between(
        make_caller(lambda context: failing(context, method=method), "$host/call:provider"),
        make_provider(lambda *_: None),
    )
    assert fault["code"] == ErrorCode.METHOD_NOT_FOUND


def test_error_of_the_callee_says_by_whom_it_came(between):
    def refuse(params, context):
        raise RefusedError("no such model", data={"category": "model_not_supported"})

    fault = between(make_caller(failing, "$host/call:provider"), make_provider(refuse))
    assert fault["message"] == "no such model"
    assert fault["data"] == {"category": "model_not_supported", "via": {"kind": "provider", "name": "callee"}}


def test_cancelling_the_caller_cancels_the_agent(between):
    started = threading.Event()

    def run(params, context):
        started.set()
        stopped = threading.Event()
        context.on_cancel(stopped.set)
        assert stopped.wait(60)
        context.raise_if_cancelled()

    async def cancel(work, _):
        await asyncio.to_thread(started.wait, 60)
        work.cancel()

    callee = make_provider(run)
    caller = make_caller(lambda context: failing(context, run_id="run-1"), "$host/call:provider")
    with pytest.raises(asyncio.CancelledError):
        between(caller, callee, meanwhile=cancel)
    assert callee.cancelled == callee.sessions


def test_call_that_takes_longer_than_its_time_ends(between):
    release = threading.Event()
    callee = make_provider(lambda *_: release.wait(60))
    caller = make_caller(lambda context: failing(context, timeout_seconds=0.1), "$host/call:provider")

    async def let_go(work, _):
        await asyncio.wait([work])
        release.set()

    assert between(caller, callee, meanwhile=let_go)["code"] == ErrorCode.TIMEOUT


def test_chain_of_calls_that_is_too_long_is_cut(tmp_path):
    """Each plugin serves its call by calling itself through the host once more."""

    codes = []

    def act(context):
        raw = context.call_host("workflow_runner", methods.WORKFLOW_INSPECT, WorkflowInspectParams(what="run"))
        return json.loads(bytes(raw))["value"]

    def inspect(context):
        try:
            return 1 + act(context)
        except RpcFault as fault:
            codes.append(fault.code)
            return 0

    async def scene():
        routes = Routes()
        calls = HostCalls(routes, tmp_path, AgentSessions(), now)
        plugin = make_caller(inspect, "$host/call:workflow_runner")
        async with twin(plugin, OFFER, on_request=calls.serve) as connection:
            routes.connections["workflow_runner"] = connection
            raw = await connection.call_raw(
                methods.WORKFLOW_INSPECT, WorkflowInspectParams(what="run"), timeout_seconds=60
            )
            return msgspec.json.decode(raw)["value"]

    assert asyncio.run(asyncio.wait_for(scene(), 90)) == 3
    assert codes == [ErrorCode.HOST_CALL_TOO_DEEP]


@contextlib.asynccontextmanager
async def raw_plugin(name, talk, *, on_request=None, capabilities=()):
    """A plugin without any library: `talk` reads and writes lines, one at a time, in one thread."""
    to_plugin, from_host = os.pipe()
    to_host, from_plugin = os.pipe()
    stdin, stdout = os.fdopen(to_plugin, "rb"), os.fdopen(from_plugin, "wb", buffering=0)
    connection = Connection(name, on_request=on_request)
    connection.initialize_result = InitializeResult(
        protocol_version="1.1.0",
        plugin_info=PluginInfo(name=name, version="0.1.0", plugin_kind="custom"),
        capabilities=PluginCapabilities(methods=list(capabilities)),
    )
    await connection.channel.open(os.fdopen(to_host, "rb", buffering=0), os.fdopen(from_host, "wb", buffering=0))

    def run():
        with stdin, stdout:
            talk(stdin, stdout)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield connection
        await asyncio.to_thread(thread.join, 60)
        assert not thread.is_alive(), f"{name} is stuck"
    finally:
        connection.channel.close_input()
        connection.channel.abort()
        await connection.wait_ended()


def line(**frame):
    return json.dumps({"jsonrpc": "2.0", **frame}).encode() + b"\n"


def host_call(number, **params):
    return line(id=f"h-{number}", method="host/call", params={"kind": "provider", "method": "agent/run"} | params)


def test_two_plugins_that_write_before_they_read_do_not_block_each_other(tmp_path):
    calls_made, big = 16, "x" * 100_000

    def caller(stdin, stdout):
        for number in range(calls_made):
            stdout.write(host_call(number, params={"prompt": big, "session_id": f"s{number}"}))
        answered = 0
        while answered < calls_made:
            frame = json.loads(stdin.readline())
            answered += "result" in frame

    def callee(stdin, stdout):
        for _ in range(calls_made):
            frame = json.loads(stdin.readline())
            session = frame["params"]["session_id"]
            for _ in range(20):
                stdout.write(line(method="agent/toolCall", params={"session_id": session, "name": big[:50_000]}))
            stdout.write(line(id=frame["id"], result={"ok": True}))

    async def scene():
        routes = Routes()
        calls = HostCalls(routes, tmp_path, AgentSessions(), now)
        async with raw_plugin("callee", callee) as routes.connections["provider"]:
            asks = {"on_request": calls.serve, "capabilities": ["$host/call:provider"]}
            async with raw_plugin("caller", caller, **asks):
                pass

    asyncio.run(asyncio.wait_for(scene(), 90))


def test_flood_to_a_caller_that_does_not_read_is_bounded_and_kept_in_full(tmp_path):
    total, text = 100_000, "x" * 150
    flooded = threading.Event()
    seen = []

    def caller(stdin, stdout):
        stdout.write(host_call(1, run_id="run-1", params={"prompt": "p", "session_id": "s"}))
        assert flooded.wait(60)
        while True:
            received = stdin.readline()
            seen.append(len(received))
            frame = json.loads(received)
            if "result" in frame:
                return
            seen_notes.append((frame["params"]["seq"], frame["params"].get("dropped", 0)))

    seen_notes = []

    def callee(stdin, stdout):
        frame = json.loads(stdin.readline())
        note = line(method="agent/toolCall", params={"session_id": "s", "name": text})
        for _ in range(total // 100):
            stdout.write(note * 100)
        stdout.write(line(id=frame["id"], result={"ok": True}))
        flooded.set()

    async def scene():
        routes = Routes()
        calls = HostCalls(routes, tmp_path, AgentSessions(), now)
        async with raw_plugin("callee", callee) as routes.connections["provider"]:
            asks = {"on_request": calls.serve, "capabilities": ["$host/call:provider"]}
            async with raw_plugin("caller", caller, **asks):
                pass

    asyncio.run(asyncio.wait_for(scene(), 90))
    assert [seq for seq, _ in seen_notes] == list(range(1, len(seen_notes) + 1))
    assert len(seen_notes) + sum(dropped for _, dropped in seen_notes) == total
    assert sum(seen) < 2 * 1024 * 1024
    (kept,) = (tmp_path / "run-1").iterdir()
    assert kept.read_bytes().count(b"\n") == total


def test_stream_of_a_run_has_a_bound(tmp_path):
    from animus_plugin_runtime import Note
    from animus_plugin_runtime.run_stream import RunStream

    note = Note("agent/output", msgspec.Raw(msgspec.json.encode(AgentOutputNote(session_id="s", text="x" * 100))))
    path = tmp_path / "stream"
    stream = RunStream(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), limit_bytes=1000)
    for _ in range(100):
        stream.write(note)
    assert path.stat().st_size <= 1000 + len(b'{"truncated":true}\n')
    assert path.read_bytes().endswith(b'{"truncated":true}\n')


@pytest.mark.parametrize("run_id", ["../escape", "a/b", "", ".hidden", "x" * 200])
def test_run_id_that_is_no_plain_name_keeps_no_stream(tmp_path, run_id):
    from animus_plugin_runtime.run_stream import RunStream

    RunStream.open(tmp_path / "runs", run_id, "callee-1").close()
    assert not (tmp_path / "runs").exists()


def test_session_the_caller_controls_by_is_the_one_its_notes_are_told_apart_by(between):
    def talk(params, context):
        context.notify(methods.AGENT_TOOL_CALL, {"session_id": params.control_session_id, "name": "n"})

    def act(context):
        notes = []
        params = msgspec.structs.replace(agent(), control_session_id="mine", session_id="the agent's own")
        context.call_host("provider", methods.AGENT_RUN, params, run_id="run-1", on_note=notes.append)
        return [json.loads(bytes(note.params))["session_id"] for note in notes]

    callee = make_provider(talk)
    assert between(make_caller(act, "$host/call:provider"), callee) == ["mine"]
    assert callee.sessions == ["the agent's own"]
