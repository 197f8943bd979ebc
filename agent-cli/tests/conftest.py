"""Real programs in real folders, and a toy agent: a shell script that prints events."""

import json
import os
import queue
import threading
from typing import Any, NamedTuple

import pytest

from animus_agent_cli import AgentCommand, AgentFacts, AgentRequest, CliProvider, UnsupportedError, Variable, event
from animus_agent_cli.agent_run import AgentRun
from animus_agent_cli.program import ProgramCall, ProgramRun
from animus_plugin_protocol import Plugin
from animus_process import Liveness, ProcessLedger, child_environment, liveness

_ANSWER_SECONDS = 60


class ShellEnd(NamedTuple):
    how: str
    exit_code: int
    errors: list[str]
    duration_seconds: float
    text: str


@pytest.fixture
def ledger(tmp_path):
    return ProcessLedger(tmp_path / "state" / "processes")


@pytest.fixture
def shell_call(tmp_path):
    """A call that runs a shell script in a folder of its own."""

    def call(script: str, **more: Any) -> ProgramCall:
        facts = {"program": "sh", "args": ["-c", script], "cwd": tmp_path, "environment": child_environment()}
        return ProgramCall(**(facts | more))

    return call


@pytest.fixture
def run_shell(shell_call, ledger):
    """Runs a shell script and answers how it ended, with what it printed."""

    def run(script: str, **more: Any) -> ShellEnd:
        printed: list[bytes] = []
        end = ProgramRun(shell_call(script, **more), ledger, on_output=printed.append).run()
        return ShellEnd(*end, b"".join(printed).decode(errors="replace"))

    return run


@pytest.fixture
def is_gone():
    return lambda pid: liveness(int(pid), None) is Liveness.DEAD


class ToyConversation:
    """An agent whose prompt is a shell script and whose lines are events: ``{"Text": ["hi"]}``."""

    def __init__(self, request: AgentRequest) -> None:
        if request.model == "no-such-model":
            raise UnsupportedError("the toy has no model 'no-such-model'", is_model=True)
        self.command = AgentCommand(args=["-c", request.prompt], is_input_open=True, environment={"TOY": "1"})

    def read(self, line):
        for name, fields in line.items():
            yield getattr(event, name)(*fields)

    def answer(self, interaction_id, answer):
        return f"{'yes' if answer.is_allowed else 'no'} {answer.text or answer.message}\n".encode()

    def end(self, exit_code, errors):
        return ()


@pytest.fixture
def toy_request(tmp_path):
    def request(script: str, **more: Any) -> AgentRequest:
        facts = {"prompt": script, "cwd": tmp_path, "folder": tmp_path, "environment": child_environment()}
        return AgentRequest(**(facts | more))

    return request


@pytest.fixture
def start_toy(toy_request, ledger):
    """An agent run of the toy, not started, and the list of what it tells."""

    def start(script: str, *, policy=None, timeout_seconds=None, tell=None, **more: Any):
        told: list[event.Event] = []
        request = toy_request(script, **more)
        conversation = ToyConversation(request)
        call = ProgramCall(
            program="sh",
            args=conversation.command.args,
            cwd=request.cwd,
            environment=request.environment,
            is_input_open=True,
            timeout_seconds=timeout_seconds,
        )
        run = AgentRun(call, conversation, ledger, policy=policy, tell=tell or told.append)
        return run, told

    return start


class Host:
    """The host's side of a plugin that runs in a thread of this process."""

    def __init__(self, plugin: Plugin, binding: dict[str, Any] | None) -> None:
        to_plugin, self._to_plugin = os.pipe()
        self._from_plugin, from_plugin = os.pipe()
        self._stdin, self._stdout = os.fdopen(to_plugin, "rb", 0), os.fdopen(from_plugin, "wb", 0)
        self._frames: queue.SimpleQueue = queue.SimpleQueue()
        self._early: dict[int, dict] = {}
        self._last_id = 0
        self.notes: list[dict] = []
        self._plugin = threading.Thread(target=plugin.run, kwargs={"stdin": self._stdin, "stdout": self._stdout})
        self._plugin.start()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        initialize = {
            "protocol_version": "1.1.0",
            "host_info": {"name": "test", "version": "0"},
            "capabilities": {"streaming": True, "progress": True, "cancellation": True},
            "init_extensions": {"project_binding": binding},
        }
        self.initialized = self.ask("initialize", initialize)
        self.send({"method": "initialized"})

    def send(self, frame: dict) -> None:
        os.write(self._to_plugin, json.dumps({"jsonrpc": "2.0", **frame}).encode() + b"\n")

    def start(self, method: str, params: Any = None) -> int:
        self._last_id += 1
        self.send({"id": self._last_id, "method": method} | ({} if params is None else {"params": params}))
        return self._last_id

    def answer(self, request_id: int) -> dict:
        while request_id not in self._early:
            self._take()
        return self._early.pop(request_id)

    def ask(self, method: str, params: Any = None) -> Any:
        answer = self.answer(self.start(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    def fault(self, method: str, params: Any = None) -> dict:
        return self.answer(self.start(method, params))["error"]

    def note(self, method: str) -> dict:
        """The first note of a method; waits for it."""
        while not any(note["method"] == method for note in self.notes):
            self._take()
        return next(note["params"] for note in self.notes if note["method"] == method)

    def told(self) -> list[str]:
        return [note["method"].removeprefix("agent/") for note in self.notes]

    def close(self) -> None:
        os.close(self._to_plugin)
        self._plugin.join(_ANSWER_SECONDS)
        self._stdout.close()
        self._reader.join(_ANSWER_SECONDS)
        self._stdin.close()

    def _take(self) -> None:
        frame = self._frames.get(timeout=_ANSWER_SECONDS)
        if "method" in frame:
            self.notes.append(frame)
        else:
            self._early[frame["id"]] = frame

    def _read(self) -> None:
        with os.fdopen(self._from_plugin, "rb") as stream:
            for line in stream:
                self._frames.put(json.loads(line))


@pytest.fixture
def toy_facts():
    return AgentFacts(
        tool="toy",
        program="sh",
        program_variable="TOY_PROGRAM",
        minimum_version=(1,),
        install_hint="get a toy",
        variables=(Variable("TOY_KEY", "a key", is_sensitive=True),),
        can_ask=True,
        honours=frozenset({"extra_args"}),
    )


@pytest.fixture
def start_host(toy_facts, tmp_path, monkeypatch):
    """Hosts of plugins around the toy; facts may be changed."""
    monkeypatch.setenv("ANIMUS_CONFIG_DIR", str(tmp_path / "config"))
    hosts = []

    def start(**changed: Any) -> Host:
        plugin = Plugin("animus-provider-toy", "0.1.0", description="a toy")
        CliProvider(toy_facts._replace(**changed), ToyConversation).register(plugin)
        binding = {"project_root": str(tmp_path), "repo_scope": "demo", "state_dir": str(tmp_path / "state")}
        hosts.append(Host(plugin, binding))
        return hosts[-1]

    yield start
    for host in hosts:
        host.close()


@pytest.fixture
def host(start_host):
    return start_host()


@pytest.fixture
def toy_params(tmp_path):
    def params(script: str, **more: Any) -> dict:
        return {"prompt": script, "cwd": str(tmp_path), "session_id": "s1"} | more

    return params
