"""The workflow_runner kind.

The runs are of command phases in workflow YAML below ``.animus/workflows``, on a project that is no git repository.
"""

import time
from typing import Any, Final

from animus_conformance.config_source import write_workflows
from animus_conformance.core import PING_SECONDS
from animus_conformance.dispatching import dispatch, moment, require, require_equal, subject_of
from animus_conformance.peer import Peer
from animus_conformance.requirement import CheckFailedError, NotApplicableError, Suite
from animus_conformance.under_test import PluginUnderTest
from animus_conformance.writing import patient
from animus_plugin_protocol import ErrorCode, methods

__all__ = ["WORKFLOWS", "WORKFLOW_RUNNER"]

WORKFLOWS: Final = """
tools_allowlist: [sh]
phases:
  mark:
    mode: command
    command: {program: sh, args: [-c, 'echo mark >> "$ANIMUS_PROJECT_ROOT/marks"']}
  broken:
    mode: command
    command: {program: sh, args: [-c, 'echo broken >> "$ANIMUS_PROJECT_ROOT/marks"; exit 3']}
  slow:
    mode: command
    idempotency: idempotent
    command:
      program: sh
      args: [-c, 'echo slow >> "$ANIMUS_PROJECT_ROOT/marks"; [ -e "$ANIMUS_PROJECT_ROOT/go" ] || sleep 30']
  approval:
    mode: manual
    manual: {instructions: Look at it.}
workflows:
  - {id: passing, worktree: skip, phases: [mark]}
  - {id: failing, worktree: skip, phases: [broken]}
  - {id: slow, worktree: skip, phases: [mark, slow]}
  - {id: gated, worktree: skip, phases: [approval, mark]}
"""

_BASE: Final = (methods.WORKFLOW_EXECUTE,)
_SIGNAL: Final = (methods.WORKFLOW_SIGNAL,)
_RUN_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_GONE: Final = (ErrorCode.WORKFLOW_NOT_FOUND, ErrorCode.INVALID_PARAMS)
_CONCLUDED: Final = frozenset({"completed", "failed", "escalated", "cancelled"})

WORKFLOW_RUNNER: Final = Suite("workflow_runner", "workflow_runner")


def _ask(workflow_ref: str, workflow_id: str = "wf-1", name: str = "TASK-1", **more: Any) -> dict[str, Any]:
    return {"workflow_id": workflow_id, "subject_dispatch": dispatch(name, workflow_ref=workflow_ref), **more}


def _execute(peer: Peer, workflow_ref: str, **more: Any) -> dict[str, Any]:
    result: dict[str, Any] = peer.call(methods.WORKFLOW_EXECUTE, _ask(workflow_ref, **more), seconds=_RUN_SECONDS)
    return result


def _marks(plugin: PluginUnderTest) -> list[str]:
    path = plugin.project / "marks"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def _wait_mark(plugin: PluginUnderTest, mark: str, count: int = 1) -> None:
    deadline = time.monotonic() + patient(_RUN_SECONDS)
    while _marks(plugin).count(mark) < count:
        if time.monotonic() > deadline:
            raise CheckFailedError(f"the phase {mark!r} did not begin {count} times within {_RUN_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)


def _has(peer: Peer, capability: str) -> bool:
    return bool(peer.kind_extra("workflow_runner").get(capability))


@WORKFLOW_RUNNER.plugin("runner:execute:completed", "a run whose phases pass is completed, once", needs=_BASE)
def execute_completed(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        result = _execute(peer, "passing")
    require_equal(
        (result["workflow_id"], result["workflow_status"], result["success"]), ("wf-1", "completed", True), "the run"
    )
    require_equal((result["phases_completed"], result["phases_total"]), (1, 1), "phases completed and in total")
    require_equal([phase["status"] for phase in result["phase_results"]], ["completed"], "phase_results")
    require_equal(_marks(plugin), ["mark"], "what the phases wrote")


@WORKFLOW_RUNNER.plugin("runner:execute:failed", "a run whose phase fails is no success", needs=_BASE)
def execute_failed(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        result = _execute(peer, "failing")
    require(not result["success"], "success is true although the phase failed")
    require(result["workflow_status"] in {"failed", "escalated"}, f"workflow_status is {result['workflow_status']!r}")


@WORKFLOW_RUNNER.plugin("runner:execute:unknown-workflow", "an unknown workflow is refused", needs=_BASE)
def execute_unknown_workflow(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        peer.refused(methods.WORKFLOW_EXECUTE, _ask("no-such-workflow"), *_GONE)


@WORKFLOW_RUNNER.plugin("runner:execute:subject-required", "a run without a subject is refused", needs=_BASE)
def execute_subject_required(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        params = {"workflow_id": "wf-1", "workflow_ref": "passing"}
        peer.refused(methods.WORKFLOW_EXECUTE, params, ErrorCode.INVALID_PARAMS)


@WORKFLOW_RUNNER.plugin("runner:execute:fence-echoed", "a fence comes back in the result", needs=_BASE)
def execute_fence_echoed(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    fence = {
        "schema": "animus.execution-fence.v1",
        "version": 1,
        "workflow_id": "wf-1",
        "workflow_generation": 1,
        "subject": {"qualified_id": "task:TASK-1", "generation": 1},
        "queue_lease": {"entry_id": "e", "owner_id": "o", "generation": 1, "expires_at": moment(3600)},
    }
    with plugin.started() as peer:
        if not _has(peer, "execution_fence_v1"):
            raise NotApplicableError("the runner does not advertise execution_fence_v1")
        result = _execute(peer, "passing", execution_fence=fence)
    echoed: dict[str, Any] = result.get("execution_fence") or {}
    require_equal(echoed.get("queue_lease", {}).get("generation"), 1, "the generation of the fence that came back")
    require_equal(echoed.get("workflow_id"), "wf-1", "the workflow id of the fence that came back")


@WORKFLOW_RUNNER.plugin(
    "runner:execute:repeated", "a run that is over is answered again, and not run again", needs=_BASE
)
def execute_repeated(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        first = _execute(peer, "passing")
        require_equal(_execute(peer, "passing")["workflow_status"], first["workflow_status"], "the second status")
    with plugin.started() as peer:
        require_equal(
            _execute(peer, "passing")["workflow_status"], first["workflow_status"], "the status after a restart"
        )
    require_equal(_marks(plugin), ["mark"], "what the phases wrote")


@WORKFLOW_RUNNER.plugin("runner:execute:other-subject", "a known run is not continued for another subject", needs=_BASE)
def execute_other_subject(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        _execute(peer, "passing")
        params = _ask("passing", name="TASK-2")
        peer.refused(methods.WORKFLOW_EXECUTE, params)
    require_equal(_marks(plugin), ["mark"], "what the phases wrote")


@WORKFLOW_RUNNER.plugin(
    "runner:execute:subject-ref", "a subject may come as subject_ref with workflow_ref", needs=_BASE
)
def execute_subject_ref(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        params = {"workflow_id": "wf-1", "workflow_ref": "passing", "subject_ref": subject_of("TASK-1")}
        result = peer.call(methods.WORKFLOW_EXECUTE, params, seconds=_RUN_SECONDS)
    require_equal((result["workflow_status"], result["workflow_ref"]), ("completed", "passing"), "the run")


@WORKFLOW_RUNNER.plugin("runner:ping:during-run", "pings are answered within 2 s while a phase runs", needs=_BASE)
def ping_during_run(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        peer.begin(methods.WORKFLOW_EXECUTE, _ask("slow"))
        _wait_mark(plugin, "slow")
        peer.request(methods.PING, seconds=PING_SECONDS)
        peer.request(methods.HEALTH_CHECK, seconds=PING_SECONDS)


@WORKFLOW_RUNNER.plugin("runner:cancel:ended", "$/cancelRequest ends the run and its processes", needs=_BASE)
def cancel_ended(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        if not peer.capabilities.cancellation:
            raise NotApplicableError("the plugin does not advertise cancellation")
        request_id = peer.begin(methods.WORKFLOW_EXECUTE, _ask("slow"))
        _wait_mark(plugin, "slow")
        peer.notify(methods.CANCEL_REQUEST, {"id": request_id})
        answer = peer.reply(request_id, "'workflow/execute' after $/cancelRequest")
        code = answer.get("error", {}).get("code")
        status = answer.get("result", {}).get("workflow_status")
    require(code == ErrorCode.REQUEST_CANCELLED or status == "cancelled", f"a cancelled run answered {answer}")


@WORKFLOW_RUNNER.plugin("runner:killed:resumed", "after SIGKILL a run goes on where its journal says", needs=_BASE)
def killed_resumed(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        if not _has(peer, "crash_recovery"):
            raise NotApplicableError("the runner does not advertise crash_recovery")
        peer.begin(methods.WORKFLOW_EXECUTE, _ask("slow"))
        _wait_mark(plugin, "slow")
        peer.kill()
    (plugin.project / "go").touch()
    with plugin.started() as peer:
        result = _execute(peer, "slow")
    require_equal(result["workflow_status"], "completed", "the status after SIGKILL and another execute")
    require_equal(_marks(plugin), ["mark", "slow", "slow"], "what the phases wrote")


@WORKFLOW_RUNNER.plugin(
    "runner:signal:gate", "a manual phase pauses the run until it is approved", needs=_BASE, when=_SIGNAL
)
def signal_gate(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        result = _execute(peer, "gated")
        require_equal((result["workflow_status"], result["success"]), ("paused", False), "the run at its gate")
        require_equal(_marks(plugin), [], "what the phases behind the gate wrote")
        approve = {"workflow_id": "wf-1", "signal": "approve", "phase_id": "approval", "note": "seen"}
        answer = peer.call(methods.WORKFLOW_SIGNAL, approve)
        require(answer["runnable"], f"an approved run is not runnable: {answer}")
        require_equal(_execute(peer, "gated")["workflow_status"], "completed", "the status after the approval")


@WORKFLOW_RUNNER.plugin(
    "runner:signal:gate-durable", "a gate that was approved stays so after SIGKILL", needs=_BASE, when=_SIGNAL
)
def signal_gate_durable(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        _execute(peer, "gated")
        approve = {"workflow_id": "wf-1", "signal": "approve", "phase_id": "approval", "note": "seen"}
        peer.call(methods.WORKFLOW_SIGNAL, approve)
        peer.kill()
    with plugin.started() as peer:
        require_equal(_execute(peer, "gated")["workflow_status"], "completed", "the status after SIGKILL")


@WORKFLOW_RUNNER.plugin(
    "runner:signal:rejected", "a rejected gate ends the run without its later phases", needs=_BASE, when=_SIGNAL
)
def signal_rejected(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    with plugin.started() as peer:
        _execute(peer, "gated")
        reject = {"workflow_id": "wf-1", "signal": "reject", "phase_id": "approval", "note": "no"}
        peer.call(methods.WORKFLOW_SIGNAL, reject)
        status = _execute(peer, "gated")["workflow_status"]
    require(status in _CONCLUDED - {"completed"}, f"a rejected run is {status!r}")
    require_equal(_marks(plugin), [], "what the phases behind the gate wrote")


@WORKFLOW_RUNNER.plugin(
    "runner:signal:unknown-run", "a signal to a run that is not there is -32101", needs=_BASE, when=_SIGNAL
)
def signal_unknown_run(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        params = {"workflow_id": "nobody", "signal": "cancel"}
        peer.refused(methods.WORKFLOW_SIGNAL, params, ErrorCode.WORKFLOW_NOT_FOUND)


@WORKFLOW_RUNNER.plugin("runner:run_phase:completed", "run_phase runs one phase", when=(methods.WORKFLOW_RUN_PHASE,))
def run_phase_completed(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, WORKFLOWS)
    params = {
        "execution_cwd": str(plugin.project),
        "workflow_id": "wf-phase",
        "workflow_ref": "passing",
        "subject_id": "task:TASK-1",
        "subject_title": "T",
        "subject_description": "",
        "phase_id": "mark",
        "phase_attempt": 1,
    }
    with plugin.started() as peer:
        result = peer.call(methods.WORKFLOW_RUN_PHASE, params, seconds=_RUN_SECONDS)
        require_equal(result["phase_status"], "completed", "phase_status")
        missing = {**params, "phase_id": "no-such-phase"}
        peer.refused(methods.WORKFLOW_RUN_PHASE, missing, ErrorCode.PHASE_NOT_FOUND, ErrorCode.INVALID_PARAMS)
    require_equal(_marks(plugin), ["mark"], "what the phase wrote")
