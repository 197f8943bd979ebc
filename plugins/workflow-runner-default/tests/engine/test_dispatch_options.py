"""What a dispatch may ask for besides a workflow: one phase only, other tools; and where single phases work."""

import pytest

FLOW = """
tools_allowlist: [sh]
workflows:
  - {id: w, phases: [a, {b: {on_verdict: {rework: {target: a}}}}, c], worktree: WORKTREE}
phases:
  a: {mode: command, command: {program: sh, args: [-c, "echo a >> MARK"]}}
  b: {mode: command, MORE command: {program: sh, args: [-c, "cd $ANIMUS_EXECUTION_CWD; pwd -P > HERE; echo b >> MARK"]}}
  c: {mode: command, command: {program: sh, args: [-c, "echo c >> MARK"]}}
"""


def flow(worktree: str = "skip", more: str = "") -> str:
    text = FLOW.replace("MARK", "$ANIMUS_PROJECT_ROOT/marker").replace("HERE", "$ANIMUS_PROJECT_ROOT/where")
    return text.replace("WORKTREE", worktree).replace("MORE", more)


def test_filter_runs_one_phase_and_nothing_else(host, define, project):
    define(flow())
    result = host.execute("w", workflow_id="f1", phase_filter="b")
    assert (result["workflow_status"], result["phases_requested"]) == ("completed", ["b"])
    assert (project / "marker").read_text().split() == ["b"]
    assert host.call("workflow/execute", {"workflow_id": "f1"})["phases_requested"] == ["b"]


def test_filter_that_names_no_phase_is_refused(host, define, rpc_error):
    define(flow())
    with pytest.raises(rpc_error, match=r"-32102: .*no phase 'x'; there are: a, b, c"):
        host.execute("w", workflow_id="f2", phase_filter="x")


@pytest.mark.parametrize(
    ("worktree", "own", "in_project"),
    [("auto", "skip", True), ("auto", "auto", False), ("skip", "required", False), ("skip", "true", False)],
)
def test_phase_may_work_elsewhere_than_its_workflow(host, define, repository, git, worktree, own, in_project):
    define(flow(worktree, f"worktree: {own},"))
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "definitions")
    result = host.execute("w", workflow_id="w1")
    assert result["workflow_status"] == "completed", result
    where = (repository / "where").read_text().strip()
    assert (where == str(repository.resolve())) is in_project


def test_worktree_of_a_run_is_described_by_its_workflow_only(tmp_path, define, host):
    define(flow("auto", "worktree: {mode: auto, base_ref: x},"))
    found = host.call("config/validate", {"project_root": str(host.project)})["diagnostics"]
    assert "'cleanup' and 'base_ref' stand with the workflow" in found[0]["message"]


AGENT = """
daemon:
  phase_routing: {global_tool: everyday, ui_ux_tool: pretty, ui_ux_model: m1, per_phase: {pinned: {tool: special}}}
agents: {own: {tool: mine}}
workflows: [{id: w, phases: [plain, page, pinned, owned], worktree: skip}]
phases:
  plain: {mode: agent, directive: x}
  page: {mode: agent, directive: x, capabilities: {is_ui_ux: true}}
  pinned: {mode: agent, agent: own, directive: x}
  owned: {mode: agent, agent: own, directive: x}
"""


def tools(host, agent_reply, **more) -> list[str]:
    host.on_host_call = lambda _call: agent_reply("done")
    result = host.execute("w", **more)
    assert result["workflow_status"] == "completed", result
    return [call.get("name") for call in host.calls]


def test_routing_gives_tools_by_phase_and_by_class(start_host, define, agent_reply):
    define(AGENT)
    host = start_host(host_calls=True)
    assert tools(host, agent_reply, workflow_id="r1") == ["everyday", "pretty", "special", "mine"]
    assert host.calls[1]["params"]["model"] == "m1"


def test_routing_of_the_dispatch_wins(start_host, define, agent_reply):
    define(AGENT)
    routing = {"per_phase": {"owned": {"tool": "now"}}, "global_tool": "other"}
    host = start_host(host_calls=True)
    assert tools(host, agent_reply, workflow_id="r2", phase_routing=routing) == ["other", "other", "special", "now"]


def test_routing_with_an_unknown_key_is_refused(host, define, rpc_error):
    define(flow())
    with pytest.raises(rpc_error, match="unknown phase_routing key 'globl_tool'; did you mean 'global_tool'"):
        host.execute("w", workflow_id="r3", phase_routing={"globl_tool": "x"})


DAILY = """
daemon: {budget: {max_cost_usd_per_day: 1}}
workflows: [{id: w, phases: [a, b], worktree: skip}]
phases:
  a: {mode: agent, directive: x, runtime: {tool: t}}
  b: {mode: agent, directive: x, runtime: {tool: t}}
"""


def test_day_over_its_budget_begins_no_agent_until_somebody_says_so(start_host, define, agent_reply):
    define(DAILY)
    host = start_host(host_calls=True)
    host.on_host_call = lambda _call: agent_reply("done", cost_usd=1.5, tokens_used={"input": 1, "output": 2})
    parked = host.execute("w", workflow_id="d1")
    assert (parked["workflow_status"], parked["waiting"]["kind"]) == ("paused", "budget"), parked
    assert "$1.5000 spent since midnight UTC, max_cost_usd_per_day is 1" in parked["waiting"]["reason"]
    other = host.execute("w", workflow_id="d2", subject={"id": "TASK-2"})
    assert other["waiting"]["kind"] == "budget", "the day is the project's, not the run's"
    assert len(host.calls) == 1
    assert host.signal("d1", "resume", force=True)["runnable"] is True
    assert host.call("workflow/execute", {"workflow_id": "d1"})["workflow_status"] == "completed"


def test_budget_of_a_run_counts_what_its_agents_said(start_host, define, agent_reply):
    define(
        DAILY.replace("daemon: {budget: {max_cost_usd_per_day: 1}}\n", "").replace(
            "phases: [a, b],", "phases: [a, b], budget: {max_tokens: 10, on_exceed: fail},"
        )
    )
    host = start_host(host_calls=True)
    host.on_host_call = lambda _call: agent_reply("done", tokens_used={"input": 6, "output": 5, "cached": 900})
    result = host.execute("w", workflow_id="t1")
    assert (result["workflow_status"], len(host.calls)) == ("failed", 1)
    assert result["reason"] == "the budget of the run is used up: 11 tokens used, max_tokens is 10"
