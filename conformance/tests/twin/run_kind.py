"""The twin's agents and runs: shell scripts in threads of their own."""

import os
import signal
import subprocess
import threading
from pathlib import Path

from refusal import RefusalError

PROVIDER_METHODS = ["agent/run", "agent/cancel", "agent/respond"]
RUNNER_METHODS = ["workflow/execute", "workflow/run_phase", "workflow/signal"]
RUNNER_EXTRA = {"execution_fence_v1": True, "crash_recovery": True}
LONG = {"agent/run", "workflow/execute"}
PHASES = {"passing": ["mark"], "failing": ["broken"], "slow": ["mark", "slow"], "gated": ["approval", "mark"]}


class CancelledError(Exception):
    """The run was ended from outside."""


class Programs:
    """What runs now, by request id and by session."""

    def __init__(self, broken):
        self.running = {}
        self.cancelled = set()
        self.broken = broken
        self.asked = {}
        self._turn = threading.Lock()

    def run(self, names, argv, **more):
        # Known before its output is: whoever sees the program at work may end it.
        with self._turn:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, **more
            )
            self.running |= dict.fromkeys(names, process)
        output = process.communicate()[0].decode()
        with self._turn:
            for name in names:
                self.running.pop(name, None)
        if self.cancelled & set(names):
            raise CancelledError
        return process.returncode, output

    def cancel(self, name):
        with self._turn:
            process = self.running.get(name)
            if process is not None:
                self.cancelled.add(name)
                os.killpg(process.pid, signal.SIGKILL)
        return process is not None


def run_agent(programs, request_id, params, write):
    broken = programs.broken
    if "prompt" not in params:
        raise RefusalError(-32602, "prompt")
    session = params.get("session_id", "s")
    host_session = params.get("control_session_id") or session
    if broken("provider:run:control-session"):
        host_session = session
    env = dict(os.environ) if broken("provider:run:environment") else {**os.environ, **params.get("env", {})}
    if params.get("env", {}).get("MOCK_SCENARIO") == "asking":
        params["command"]["args"][-1] = f"echo {ask(programs, host_session, write)}"
    command = params["command"]
    names = [f"id {request_id!r}", f"session {session}"]
    code, output = programs.run(names, [command["program"], *command["args"]], cwd=params["cwd"], env=env)
    if broken("provider:runs:parallel"):
        output = "mixed"
    named = "another" if broken("provider:run:session-named") else host_session
    started = {"method": "agent/sessionStarted", "params": {"session_id": host_session, "resume_id": f"own-{session}"}}
    said = {"method": "agent/output", "params": {"session_id": named, "text": output, "final": False}}
    result = {"session_id": session, "exit_code": code, "output": output, "duration_ms": 1, "backend": "twin"}
    result |= {name: [] for name in ("metadata", "tool_calls", "tool_results", "thinking", "errors")}
    notes = [said, started] if broken("provider:run:session-started") else [started, said]
    if broken("provider:run:notes-first"):
        write(notes[0])
        write({"id": request_id, "result": result})
        write(notes[1])
        return None
    for note in notes:
        write(note)
    return result


def ask(programs, session, write):
    """Ask for leave, and wait for the answer; what was decided."""
    interaction = f"i-{len(programs.asked)}"
    programs.asked[interaction] = answered = {"event": threading.Event(), "decision": "allow"}
    payload = {"action": "write", "tool_name": "write"}
    named = {"interaction_id": interaction, "session_id": session, "kind": "approval", "payload": payload}
    write({"method": "agent/interactionRequested", "params": named})
    if not programs.broken("provider:interaction:answered"):
        answered["event"].wait(60)
    return answered["decision"]


def respond(programs, params):
    asked = programs.asked.pop(params["interaction_id"], None)
    if asked is not None:
        asked["decision"] = params["response"]["decision"]
        asked["event"].set()
    return {"accepted": asked is not None or programs.broken("provider:respond:unknown")}


def execute(programs, request_id, params, project, store):
    """`store(change)` applies a change to the kept runs and answers what it answers."""
    dispatch = params.get("subject_dispatch") or {}
    subject = dispatch.get("subject") or params.get("subject_ref")
    ref = params.get("workflow_ref") or dispatch.get("workflow_ref")
    if not subject:
        raise RefusalError(-32602, "subject")
    if ref not in PHASES:
        raise RefusalError(-32101, "workflow")
    workflow_id = params["workflow_id"]

    run = store(lambda runs: begun(runs, workflow_id, subject, programs.broken("runner:execute:repeated")))
    if run["subject"] != subject["id"]:
        raise RefusalError(-32602, "another subject")
    while run["status"] == "running" and run["done"] < len(PHASES[ref]):
        phase = PHASES[ref][run["done"]]
        if phase == "approval":
            if not run["approved"]:
                return answer(params, ref, run, "paused")
        elif not run_phase(programs, request_id, phase, project):
            run = store(lambda runs: runs[workflow_id].update(status="failed") or runs[workflow_id])
            break
        run = store(lambda runs: runs[workflow_id].update(done=runs[workflow_id]["done"] + 1) or runs[workflow_id])
    if run["status"] == "running":
        run = store(lambda runs: runs[workflow_id].update(status="completed") or runs[workflow_id])
    return answer(params, ref, run, run["status"])


def begun(runs, workflow_id, subject, is_forgetful):
    run = runs.setdefault(workflow_id, {"subject": subject["id"], "done": 0, "status": "running", "approved": False})
    if is_forgetful and run["status"] == "completed":
        run.update(done=0, status="running")
    return run


def run_phase(programs, request_id, phase, project):
    scripts = {
        "mark": "echo mark >> marks",
        "broken": "exit 3",
        "slow": "echo slow >> marks; [ -e go ] || sleep 30",
    }
    code, _ = programs.run([f"id {request_id!r}"], ["sh", "-c", scripts[phase]], cwd=project)
    return code == 0


def answer(params, ref, run, status):
    result = {
        "workflow_id": params["workflow_id"],
        "workflow_ref": ref,
        "workflow_status": status,
        "subject_id": run["subject"],
        "execution_cwd": str(Path.cwd()),
        "phases_requested": PHASES[ref],
        "phases_completed": run["done"],
        "phases_total": len(PHASES[ref]),
        "total_duration_secs": 0,
        "phase_results": [
            {"phase_id": phase, "status": "completed", "duration_secs": 0, "outcome": None, "metadata": None}
            for phase in PHASES[ref][: run["done"]]
        ],
        "post_success": None,
        "success": status == "completed",
    }
    fence = params.get("execution_fence")
    return {**result, "execution_fence": fence} if fence else result


def steer(runs, params):
    run = runs.get(params["workflow_id"])
    if run is None:
        raise RefusalError(-32101, "no such run")
    if params["signal"] == "approve":
        run["approved"] = True
    else:
        run["status"] = "failed"
    return {"workflow_id": params["workflow_id"], "status": run["status"], "runnable": run["approved"]}


def single_phase(programs, request_id, params):
    if params["phase_id"] != "mark":
        raise RefusalError(-32102, "phase")
    passed = run_phase(programs, request_id, "mark", params["execution_cwd"])
    return {
        "phase_status": "completed" if passed else "failed",
        "duration_secs": 0,
        "outcome": None,
        "metadata": None,
    }
