"""The plugin process as a host sees it."""

import json
import signal
import time

import pytest

from animus_process import ProcessLedger
from animus_scripted_api import CallTool, Fail, Reply, Say, Stall, Think, Usage

BOUND_SECONDS = 60
_ASK = {"policy": "ask", "timeout_secs": 300, "on_timeout": "deny"}


def test_run_answers_output_tokens_cost_lists_and_resume_id(scripted_api, start_host, params, worktree_folder):
    api = scripted_api(
        Reply((Think("hm"), CallTool("write", {"path": "a", "content": "x"})), Usage(1000, 100, 400)),
        Reply((Say("done"),), Usage(2000, 200)),
    )
    host = start_host(api, OPENAI_API_KEY="k1", ANIMUS_OAI_PRICES='{"m1": {"input": 1, "output": 10, "cached": 0.5}}')
    result = host.ask("agent/run", params())
    assert (result["exit_code"], result["output"], result["session_id"], result["backend"]) == (
        0,
        "done",
        "host-1",
        "oai",
    )
    assert result["tokens_used"] == {"input": 2600, "output": 300, "cached": 400}
    assert result["cost_usd"] == pytest.approx((2600 + 3000 + 200) / 1_000_000)
    assert (result["model"], result["thinking"]) == ("m1", ["hm"])
    assert result["tool_calls"] == [{"name": "write", "arguments": {"path": "a", "content": "x"}}]
    assert result["tool_results"][0]["success"]
    assert result["resume_id"] == host.notes("agent/sessionStarted")[0]["resume_id"]
    assert (worktree_folder / "a").read_text() == "x"
    assert api.requests[0].api_key == "k1"


def test_notes_come_in_order_and_name_the_hosts_session(scripted_api, start_host, params):
    api = scripted_api([Think("hm"), CallTool("shell", {"command": "echo made"})], Say("done"))
    host = start_host(api)
    host.ask("agent/run", params(control_session_id="control-1"))
    assert {note["params"]["session_id"] for note in host.noted} == {"control-1"}
    kinds = [note["method"].removeprefix("agent/") for note in host.noted]
    assert kinds == ["sessionStarted", "thinking", "toolCall", "toolResult", "output", "output"]
    assert host.notes("agent/toolResult")[0] == {
        "session_id": "control-1",
        "name": "shell",
        "output": "made\n[exit code 0]",
        "success": True,
    }


def test_cost_and_tokens_are_left_out_where_nothing_is_known(scripted_api, start_host, params):
    result = start_host(scripted_api(Say("x"))).ask("agent/run", params())
    assert "cost_usd" not in result


def test_commands_see_the_runs_variables_and_not_the_key(scripted_api, start_host, params):
    command = 'echo "[$MINE][$OPENAI_API_KEY]"; cat "$ANIMUS_CONTEXT_FILE"'
    api = scripted_api(CallTool("shell", {"command": command}), lambda request: Say(request.last_text))
    env = {"MINE": "a ü", "OPENAI_API_KEY": "k2"}
    result = start_host(api).ask("agent/run", params(env=env, context={"subject": "task:1"}, model="m7"))
    assert result["output"].startswith("[a ü][]\n")
    assert json.loads(result["output"].splitlines()[1])["agent_request"]["model"] == "m7"
    assert (api.requests[0].api_key, api.requests[0].model) == ("k2", "m7")


def test_failed_request_is_repeated_and_told(scripted_api, start_host, params):
    host = start_host(scripted_api(Fail(429, retry_after=0), Say("done")))
    assert host.ask("agent/run", params())["errors"][0].endswith("asking again in 0 s")
    assert host.notes("agent/error")[0]["recoverable"]


@pytest.mark.parametrize(
    ("fail", "expected"),
    [
        (Fail(401, message="bad key k1"), {"category": "unavailable", "failure": "auth"}),
        (
            Fail(429, retry_after=90),
            {"category": "run_failed", "failure": "provider_exhaustion", "retry_after_secs": 90.0},
        ),
        (Fail(503, retry_after=90), {"category": "run_failed", "failure": "transient", "retry_after_secs": 90.0}),
    ],
)
def test_failure_is_classified_and_names_the_session(scripted_api, start_host, params, fail, expected):
    host = start_host(scripted_api(fail), OPENAI_API_KEY="k1")
    fault = host.fault("agent/run", params())
    assert fault["data"].items() >= expected.items()
    assert fault["data"]["resume_id"] == host.notes("agent/sessionStarted")[0]["resume_id"]
    assert "k1" not in json.dumps([fault, host.noted])


def test_endpoint_that_is_not_there_is_unavailable(scripted_api, start_host, params):
    api = scripted_api()
    api.stop()
    assert start_host(api).fault("agent/run", params())["data"]["failure"] == "target_unavailable"


def test_missing_endpoint_is_told_by_health_and_run(start_host, params):
    host = start_host()
    assert host.ask("health/check")["status"] == "degraded"
    assert "ANIMUS_OAI_BASE_URL" in host.fault("agent/run", params())["message"]


def test_silent_endpoint_ends_the_run(scripted_api, start_host, params):
    host = start_host(scripted_api([Say("so far"), Stall(600)]), ANIMUS_OAI_STALL_SECONDS="0.3")
    fault = host.fault("agent/run", params())
    assert fault["data"]["failure"] == "transient"
    assert "was silent for 0.3 s" in fault["message"]


def test_turn_limit_names_itself_and_the_session_goes_on(scripted_api, start_host, params):
    api = scripted_api(*[CallTool("list", {})] * 2, Say("done"))
    host = start_host(api, ANIMUS_OAI_MAX_TURNS="2")
    data = host.fault("agent/run", params())["data"]
    assert (data["limit"], data["category"]) == ("turns", "run_failed")
    result = host.ask("agent/resume", params("go on", session_id=data["resume_id"], control_session_id="host-1"))
    assert (result["output"], result["resume_id"], result["session_id"]) == ("done", data["resume_id"], "host-1")


def test_time_limit_ends_the_run(scripted_api, start_host, params, worktree_folder, is_gone):
    api = scripted_api(*[CallTool("shell", {"command": "echo $$ > new; mv new pid; sleep 600"})] * 2)
    for limit in (2, 20):  # a loaded machine may need more than the first to begin the command
        fault = start_host(api).fault("agent/run", params(timeout_secs=limit))
        assert (fault["code"], fault["data"]["category"]) == (-32003, "run_failed")
        if (worktree_folder / "pid").exists():
            break
    assert is_gone((worktree_folder / "pid").read_text())


@pytest.mark.parametrize("how", ["agent/cancel", "$/cancelRequest"])
def test_cancel_amid_a_command_leaves_no_process(scripted_api, start_host, params, worktree_folder, is_gone, how):
    command = "sleep 600 & (setsid sleep 600 & echo $! > daemon); echo $$ $! > new; mv new pids; wait"
    host = start_host(scripted_api(CallTool("shell", {"command": command})))
    request_id = host.start("agent/run", params(env={"ANIMUS_RUN_ID": "r1"}))
    deadline = time.monotonic() + BOUND_SECONDS
    while not (worktree_folder / "pids").exists() and time.monotonic() < deadline:
        host.ask("$/ping")
    begun = time.monotonic()
    if how == "agent/cancel":
        assert host.ask("agent/cancel", {"session_id": "host-1"}) == {"session_id": "host-1", "cancelled": True}
    else:
        host.send({"method": "$/cancelRequest", "params": {"id": request_id}})
    error = host.answer(request_id)["error"]
    assert (error["code"], error["data"]["category"]) == (-32002, "cancelled")
    assert time.monotonic() - begun < BOUND_SECONDS
    pids = [*(worktree_folder / "pids").read_text().split(), (worktree_folder / "daemon").read_text()]
    assert all(is_gone(pid) for pid in pids)
    assert host.ask("agent/cancel", {"session_id": "host-1"})["cancelled"] is False


def test_cancel_amid_a_stream_ends_the_run(scripted_api, start_host, params):
    host = start_host(scripted_api([Say("so far"), Stall(600)]))
    request_id = host.start("agent/run", params())
    host.next_note("agent/output")
    host.ask("agent/cancel", {"session_id": "host-1"})
    assert host.answer(request_id)["error"]["code"] == -32002


def test_killed_plugin_resumes_the_session(scripted_api, start_host, params, worktree_folder, state_dir):
    api = scripted_api(
        CallTool("write", {"path": "first", "content": "1"}),
        CallTool("shell", {"command": "touch begun; sleep 600"}),
        lambda request: Say(request.text),
    )
    host = start_host(api)
    host.start("agent/run", params("the whole task"))
    resume_id = host.next_note("agent/sessionStarted")["resume_id"]
    deadline = time.monotonic() + BOUND_SECONDS
    while not (worktree_folder / "begun").exists() and time.monotonic() < deadline:
        host.ask("$/ping")
    host.kill()
    swept = ProcessLedger(state_dir / "processes").sweep()
    assert [record.purpose for record in swept] == ["tool"]

    result = start_host(api).ask("agent/resume", params("go on", session_id=resume_id, control_session_id="host-2"))
    assert "the whole task" in result["output"]
    assert "made first" in result["output"]
    assert "was interrupted while this tool worked" in result["output"]
    assert result["output"].endswith("go on")
    assert api.problems == []


def test_lost_session_is_refused(scripted_api, start_host, params):
    host = start_host(scripted_api())
    for session_id in ("00000000-0000-0000-0000-000000000000", "no such"):
        data = host.fault("agent/resume", params(session_id=session_id))["data"]
        assert data["category"] == "session_start_failed"
    assert host.fault("agent/resume", {"prompt": "p"})["data"]["category"] == "session_start_failed"


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_person_decides_about_a_command(scripted_api, start_host, params, worktree_folder, decision):
    api = scripted_api(CallTool("shell", {"command": "touch made"}), lambda request: Say(request.last_text))
    host = start_host(api)
    request_id = host.start("agent/run", params(approvals=_ASK))
    asked = host.next_note("agent/interactionRequested")
    assert asked["kind"] == "approval"
    assert asked["payload"] == {
        "action": "shell touch made",
        "tool_name": "shell",
        "arguments": {"command": "touch made"},
    }
    assert not (worktree_folder / "made").exists()
    answer = {"interaction_id": asked["interaction_id"], "session_id": "host-1"}
    assert not host.ask("agent/respond", {**answer, "response": {"decision": "perhaps"}})["accepted"]
    assert not host.ask("agent/respond", {**answer, "interaction_id": "x", "response": {"decision": "allow"}})[
        "accepted"
    ]
    assert host.ask("agent/respond", {**answer, "response": {"decision": decision, "message": "because"}})["accepted"]
    output = host.answer(request_id)["result"]["output"]
    assert (worktree_folder / "made").exists() is (decision == "allow")
    assert ("not allowed: because" in output) is (decision == "deny")
    assert not host.ask("agent/respond", {**answer, "response": {"decision": "allow"}})["accepted"]


def test_approval_that_nobody_gives_is_a_denial(scripted_api, start_host, params, worktree_folder):
    api = scripted_api(CallTool("shell", {"command": "touch made"}), lambda request: Say(request.last_text))
    result = start_host(api).ask("agent/run", params(approvals={**_ASK, "timeout_secs": 1}))
    assert "nobody answered in time" in result["output"]
    assert not (worktree_folder / "made").exists()


def test_run_waiting_for_a_person_can_be_cancelled(scripted_api, start_host, params):
    host = start_host(scripted_api(CallTool("shell", {"command": "true"})))
    request_id = host.start("agent/run", params(approvals=_ASK))
    host.next_note("agent/interactionRequested")
    host.ask("agent/cancel", {"session_id": "host-1"})
    assert host.answer(request_id)["error"]["code"] == -32002


def test_decision_travels_in_the_result(scripted_api, start_host, params):
    schema = {"type": "object", "required": ["verdict"]}
    host = start_host(scripted_api(Say("fine"), Say('{"verdict": "advance"}')))
    assert host.ask("agent/run", params(response_schema=schema))["decision_verdict"] == {"verdict": "advance"}


def test_runs_at_once_do_not_mix(scripted_api, start_host, params):
    api = scripted_api(CallTool("shell", {"command": "sleep 0.2"}), lambda request: Say(request.messages[1]["content"]))
    host = start_host(api)
    started = {name: host.start("agent/run", params(name, session_id=name)) for name in "abcdef"}
    outputs = {name: host.answer(request_id)["result"]["output"] for name, request_id in started.items()}
    assert outputs == {name: name for name in "abcdef"}


def test_session_that_runs_is_not_run_again(scripted_api, start_host, params):
    host = start_host(scripted_api(Stall(600)))
    host.start("agent/run", params())
    host.next_note("agent/sessionStarted")
    assert "is running already" in host.fault("agent/run", params())["message"]


def test_end_of_input_ends_commands_in_bounded_time(scripted_api, start_host, params, worktree_folder, is_gone):
    command = "trap '' TERM; echo $$ > new; mv new pid; sleep 600; sleep 600"
    host = start_host(scripted_api(CallTool("shell", {"command": command})))
    host.start("agent/run", params())
    deadline = time.monotonic() + BOUND_SECONDS
    while not (worktree_folder / "pid").exists() and time.monotonic() < deadline:
        host.ask("$/ping")
    begun = time.monotonic()
    assert host.close() in (0, -signal.SIGKILL)
    assert time.monotonic() - begun < BOUND_SECONDS
    assert is_gone((worktree_folder / "pid").read_text())


def test_both_tool_ids_are_offered(start_host):
    extra = start_host().initialized["kind_capabilities"]["provider"]["extra"]
    assert extra == {"tools": ["oai", "oai-agent"]}


def test_without_a_project_sessions_are_kept_for_the_user(scripted_api, start_host, params, tmp_path):
    start_host(scripted_api(Say("x")), binding=None).ask("agent/run", params())
    assert len(list((tmp_path / "config" / "provider-oai" / "sessions").iterdir())) == 1
