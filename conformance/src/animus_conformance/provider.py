"""The provider kind.

A provider of tool ``command`` is given small shell scripts to run as its agent; another one is asked with the prompts
and the ``MOCK_SCENARIO`` names that scripted agents answer to.
"""

import time
from typing import Any, Final

from animus_conformance.answer import members_of
from animus_conformance.core import PING_SECONDS
from animus_conformance.dispatching import require, require_equal
from animus_conformance.peer import Peer
from animus_conformance.requirement import CheckFailedError, NotApplicableError, Suite
from animus_conformance.under_test import PluginUnderTest
from animus_conformance.writing import patient
from animus_plugin_protocol import ErrorCode, methods

__all__ = ["PROVIDER"]

_BASE: Final = (methods.AGENT_RUN,)
_CANCEL: Final = (methods.AGENT_CANCEL,)
_RESPOND: Final = (methods.AGENT_RESPOND,)
_RUN_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_WAITING_SECONDS: Final = 0.5
"""How long a run is watched that must not end."""

_SCRIPTS: Final = {
    "streaming-short": "echo Hello",
    "streaming-medium": 'i=0; while [ $i -lt 40 ]; do echo "word$i"; i=$((i+1)); done',
    "environment": 'echo "[$CONFORMANCE_VARIABLE]"',
    "failing": "echo partly; exit 3",
    "asking": "echo the agent asks before this",
    "endless": 'echo begun; echo begun > "$ANIMUS_CONFORMANCE_MARK"; sleep 60',
}

PROVIDER: Final = Suite("provider", "provider")


def _is_command(peer: Peer) -> bool:
    return "command" in peer.kind_extra("provider").get("tools", [])


def _ask(plugin: PluginUnderTest, peer: Peer, scenario: str, **more: Any) -> dict[str, Any]:
    env = {"MOCK_SCENARIO": scenario, "ANIMUS_CONFORMANCE_MARK": str(plugin.folder / "mark"), **more.pop("env", {})}
    params: dict[str, Any] = {"prompt": f"conformance: {scenario}", "cwd": str(plugin.project), "env": env, **more}
    if _is_command(peer):
        params["command"] = {"program": "sh", "args": ["-c", _SCRIPTS[scenario]]}
    return params


def _only_scripted(peer: Peer) -> None:
    if not _is_command(peer):
        raise NotApplicableError("the provider runs no program of the harness, so its agent cannot be scripted")


def _begin_endless(plugin: PluginUnderTest, peer: Peer) -> Any:
    _only_scripted(peer)
    request_id = peer.begin(methods.AGENT_RUN, _ask(plugin, peer, "endless", session_id="s-endless"))
    deadline = time.monotonic() + patient(_RUN_SECONDS)
    while not (plugin.folder / "mark").exists():
        if time.monotonic() > deadline:
            raise CheckFailedError("the agent did not begin")
        time.sleep(_POLL_SECONDS)
    return request_id


@PROVIDER.plugin("provider:run:result", "a run answers exit code, output and session", needs=_BASE)
def run_result(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        params = _ask(plugin, peer, "streaming-short", session_id="s-1")
        result = peer.call(methods.AGENT_RUN, params, seconds=_RUN_SECONDS)
    require("Hello" in result["output"], f"output is {result['output']!r}, expected Hello in it")
    require_equal((result["exit_code"], result["session_id"]), (0, "s-1"), "exit code and session id")
    require(result["backend"], "backend is empty")


@PROVIDER.plugin("provider:run:lists", "a run answers all five lists, also when they are empty", needs=_BASE)
def run_lists(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        result = peer.call(methods.AGENT_RUN, _ask(plugin, peer, "streaming-short"), seconds=_RUN_SECONDS)
    lists = ("metadata", "tool_calls", "tool_results", "thinking", "errors")
    missing = [name for name in lists if not isinstance(result.get(name), list)]
    require(not missing, f"the result lacks {', '.join(missing)}")


@PROVIDER.plugin("provider:run:notes-first", "what an agent says is told before its run is answered", needs=_BASE)
def run_notes_first(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        params = _ask(plugin, peer, "streaming-medium", session_id="s-1")
        peer.call(methods.AGENT_RUN, params, seconds=_RUN_SECONDS)
        told = list(peer.notes)
        peer.drain()
        require_equal(len(peer.notes), len(told), "the number of notifications after the answer")
    text = "".join(note["params"]["text"] for note in told if note["method"] == methods.AGENT_OUTPUT)
    missing = [f"word{number}" for number in range(40) if f"word{number}" not in text]
    require(not missing, f"the notifications lack {missing}")


@PROVIDER.plugin("provider:run:session-named", "every agent/* notification names the session of its run", needs=_BASE)
def run_session_named(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        params = _ask(plugin, peer, "streaming-short", session_id="s-named")
        peer.call(methods.AGENT_RUN, params, seconds=_RUN_SECONDS)
        sessions = {note["params"].get("session_id") for note in peer.notes if note["method"].startswith("agent/")}
    require_equal(sessions, {"s-named"}, "the sessions that notifications name")


@PROVIDER.plugin(
    "provider:run:control-session", "notifications of a run with a control_session_id name that one", needs=_BASE
)
def run_control_session(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        ids = {"session_id": "s-own", "control_session_id": "s-host"}
        peer.call(methods.AGENT_RUN, _ask(plugin, peer, "streaming-short", **ids), seconds=_RUN_SECONDS)
        sessions = {note["params"].get("session_id") for note in peer.notes if note["method"].startswith("agent/")}
    require_equal(sessions, {"s-host"}, "the sessions that notifications name")


@PROVIDER.plugin(
    "provider:run:session-started", "agent/sessionStarted comes once, before all else of its run", needs=_BASE
)
def run_session_started(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        params = _ask(plugin, peer, "streaming-short", session_id="s-1")
        peer.call(methods.AGENT_RUN, params, seconds=_RUN_SECONDS)
        told = [note["method"] for note in peer.notes if note["method"].startswith("agent/")]
    count = told.count(methods.AGENT_SESSION_STARTED)
    if not count:
        raise NotApplicableError("the agent has no session of its own")
    require_equal((count, told[0]), (1, methods.AGENT_SESSION_STARTED), "how often it came, and what came first")


@PROVIDER.plugin("provider:run:failed", "an agent that fails is told by its exit code, not by an error", needs=_BASE)
def run_failed(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        _only_scripted(peer)
        result = peer.call(methods.AGENT_RUN, _ask(plugin, peer, "failing"), seconds=_RUN_SECONDS)
    require_equal(result["exit_code"], 3, "the exit code")
    require("partly" in result["output"], f"output is {result['output']!r}")


@PROVIDER.plugin("provider:run:environment", "the variables of the request reach the agent", needs=_BASE)
def run_environment(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        _only_scripted(peer)
        params = _ask(plugin, peer, "environment", env={"CONFORMANCE_VARIABLE": "a b ü"})
        result = peer.call(methods.AGENT_RUN, params, seconds=_RUN_SECONDS)
    require("[a b ü]" in result["output"], f"output is {result['output']!r}, expected [a b ü] in it")


@PROVIDER.plugin("provider:run:prompt-required", "a run without a prompt is -32602", needs=_BASE)
def run_prompt_required(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        peer.refused(methods.AGENT_RUN, {"cwd": str(plugin.project)}, ErrorCode.INVALID_PARAMS, odd=True)


@PROVIDER.plugin("provider:run:approvals", "a run that asks for approvals is refused where nobody can ask", needs=_BASE)
def run_approvals(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        if methods.AGENT_RESPOND in plugin.manifest().capabilities:
            raise NotApplicableError("the provider can ask for approvals")
        _only_scripted(peer)
        peer.refused(methods.AGENT_RUN, _ask(plugin, peer, "streaming-short", approvals={"mode": "ask"}))


@PROVIDER.plugin(
    "provider:respond:unknown", "an answer to what nobody asked is not accepted", needs=_BASE, when=_RESPOND
)
def respond_unknown(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        nobody = {"interaction_id": "i-nobody", "session_id": "s-nobody", "response": {"decision": "allow"}}
        answer = peer.call(methods.AGENT_RESPOND, nobody)
    require(answer["accepted"] is False, f"the answer is {answer}")


@PROVIDER.plugin(
    "provider:interaction:answered",
    "what an agent asks is told under its session, and its run waits for the answer",
    needs=_BASE,
    when=_RESPOND,
)
def interaction_answered(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        params = _ask(plugin, peer, "asking", session_id="s-asking", approvals={"mode": "ask"})
        run = peer.begin(methods.AGENT_RUN, params)
        asked = _question_before_end(peer, run)
        require_equal(asked.get("session_id"), "s-asking", "the session that is named")
        require(asked.get("kind") in {"approval", "question"}, f"kind is {asked.get('kind')!r}")
        _require_waiting(peer)
        response = {"decision": "deny", "message": "no"}
        named = {"interaction_id": asked["interaction_id"], "session_id": "s-asking", "response": response}
        answer = peer.call(methods.AGENT_RESPOND, named)
        require(answer["accepted"] is True, f"the answer is {answer}")
        peer.reply(run, "'agent/run' after agent/respond", _RUN_SECONDS)


def _require_waiting(peer: Peer) -> None:
    deadline = time.monotonic() + _WAITING_SECONDS
    while time.monotonic() < deadline:
        peer.drain()
        require(not peer.unclaimed(), "the run was answered while its agent waits for a person")
        time.sleep(_POLL_SECONDS)


def _question_before_end(peer: Peer, run: Any) -> dict[str, Any]:
    deadline = time.monotonic() + patient(_RUN_SECONDS)
    while time.monotonic() < deadline:
        peer.drain()
        for note in peer.notes:
            if note["method"] == methods.AGENT_INTERACTION_REQUESTED:
                return dict(note["params"])
        if peer.unclaimed():
            peer.reply(run, "'agent/run'")
            raise NotApplicableError("the agent asked nobody; one that is scripted asks in the scenario 'asking'")
        time.sleep(_POLL_SECONDS)
    raise CheckFailedError("the agent neither asked nor came to an end")


@PROVIDER.plugin("provider:cancel:advertised", "who serves agent/cancel advertises cancellation", when=_CANCEL)
def cancel_advertised(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        is_said = peer.capabilities.cancellation
    require(is_said, "capabilities.cancellation is false, so no host ever sends agent/cancel")


@PROVIDER.plugin(
    "provider:cancel:ended", "agent/cancel is answered, and the run ends with -32002", needs=_BASE, when=_CANCEL
)
def cancel_ended(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        request_id = _begin_endless(plugin, peer)
        answer = peer.call(methods.AGENT_CANCEL, {"session_id": "s-endless"})
        require_equal((answer["session_id"], answer["cancelled"]), ("s-endless", True), "the answer to agent/cancel")
        ended = peer.reply(request_id, "'agent/run' after agent/cancel")
    require_equal(ended.get("error", {}).get("code"), ErrorCode.REQUEST_CANCELLED, "the error code of the run")


@PROVIDER.plugin("provider:cancel:request", "$/cancelRequest ends the run with -32002", needs=_BASE)
def cancel_request(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        if not peer.capabilities.cancellation:
            raise NotApplicableError("the plugin does not advertise cancellation")
        request_id = _begin_endless(plugin, peer)
        peer.notify(methods.CANCEL_REQUEST, {"id": request_id})
        ended = peer.reply(request_id, "'agent/run' after $/cancelRequest")
    require_equal(ended.get("error", {}).get("code"), ErrorCode.REQUEST_CANCELLED, "the error code of the run")


@PROVIDER.plugin("provider:ping:during-run", "pings are answered within 2 s while an agent works", needs=_BASE)
def ping_during_run(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        _begin_endless(plugin, peer)
        peer.request(methods.PING, seconds=PING_SECONDS)
        peer.request(methods.HEALTH_CHECK, seconds=PING_SECONDS)


@PROVIDER.plugin("provider:runs:parallel", "two runs at once do not mix their output", needs=_BASE)
def runs_parallel(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        _only_scripted(peer)
        asked = {
            name: peer.begin(methods.AGENT_RUN, _ask(plugin, peer, name, session_id=name))
            for name in ("streaming-short", "failing")
        }
        answers = {name: peer.reply(request_id, f"run {name!r}", _RUN_SECONDS) for name, request_id in asked.items()}
    found = {name: members_of(answer)["result"]["output"].strip() for name, answer in answers.items()}
    require_equal(found, {"streaming-short": "Hello", "failing": "partly"}, "the outputs")
