"""Keys of agents that only the agent itself acts on, as they reach it through the host."""

FLOW = """
agents: {a: {tool: t, name: Ann, role: reviewer, RUNTIME}}
workflows: [{id: w, worktree: skip, phases: [p]}]
phases: {p: {mode: agent, agent: a, directive: x}}
"""


def asked(start_host, define, agent_reply, runtime: str):
    define(FLOW.replace("RUNTIME", runtime))
    host = start_host(host_calls=True)
    host.on_host_call = lambda _call: agent_reply("done")
    assert host.execute("w")["workflow_status"] == "completed"
    return host.calls[0]["params"]


def test_settings_of_the_runtime_reach_the_agent(start_host, define, agent_reply):
    params = asked(
        start_host,
        define,
        agent_reply,
        "network_access: false, web_search: true, codex_config_overrides: ['a=1'], permission_mode: plan, "
        "tool_profile: work",
    )
    assert (params["network_access"], params["web_search"]) == (False, True)
    assert (params["config_overrides"], params["permission_mode"]) == (["a=1"], "plan")
    assert params["tool_profile"] == "work"


def test_agent_is_told_what_it_is_good_at(start_host, define, agent_reply):
    params = asked(start_host, define, agent_reply, "capabilities: {planning: true, tool_use: true, cooking: false}")
    assert "\n\nCapabilities: planning" in params["system_prompt"]


def test_agent_is_told_who_it_is(start_host, define, agent_reply):
    params = asked(start_host, define, agent_reply, "description: d")
    assert "Ann, reviewer" in params["system_prompt"]
