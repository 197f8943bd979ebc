"""What a key does once its file is loaded: at the agent that is asked, at the program that runs, in the run's end."""

import json

import pytest

REMEMBERING = """
agents: {{a: {{tool: scripted, memory: {memory}}}}}
workflows: [{{id: w, worktree: skip, phases: [p]}}]
phases: {{p: {{mode: agent, agent: a, directive: work}}}}
"""


def remembered(start_host, define, agent_reply, memory: str) -> list[str]:
    """What stands under the heading of the memory in the prompt of the fourth run, after three that left something."""
    define(REMEMBERING.format(memory=memory))
    host, prompts = start_host(host_calls=True), []

    def answer(call):
        prompts.append(call["params"]["prompt"])
        return agent_reply(f'{{"kind": "agent_memory", "text": "marked {len(prompts)}"}}\nWorked.')

    host.on_host_call = answer
    for number in range(4):
        assert host.execute("w", workflow_id=f"m{number}")["workflow_status"] == "completed"
    section = prompts[-1].partition("Agent memory:\n")[2].partition("\n\n")[0]
    return [line.removeprefix("- ") for line in section.splitlines() if line.startswith("- ")]


@pytest.mark.parametrize(
    ("memory", "lines"),
    [
        ("{enabled: false}", []),
        ("{enabled: true, max_entries: 2}", ["marked 2", "marked 3"]),
        ("{enabled: true, write_policy: explicit}", ["marked 1", "marked 2", "marked 3"]),
        ("{enabled: true, write_policy: phase_summary, max_entries: 3}", ["p: advance.", "marked 3", "p: advance."]),
        ("{enabled: true, max_entries: 9, max_context_chars: 12}", ["marked 3"]),
    ],
)
def test_an_agent_remembers_as_its_profile_says(start_host, define, agent_reply, memory, lines):
    assert remembered(start_host, define, agent_reply, memory) == lines


PHASE = "phases: {{p: {{mode: agent, directive: work, {more}}}}}"


def test_agent_id_names_the_agent_and_the_default_tool_serves_where_nobody_names_one(bench):
    bench.define("agents: {a: {system_prompt: I am a.}}\n" + PHASE.format(more="agent_id: a, default_tool: fallback"))
    _, agent = bench.run("done")
    assert agent.targets == ["fallback"]
    assert "I am a." in agent.asked[0].system_prompt


def test_customizations_of_a_persona_are_told_to_the_agent(bench):
    persona = "{style: terse, traits: [kind], customizations: {language: plattdeutsch}}"
    bench.define(f"agents: {{a: {{tool: t, persona: {persona}}}}}\n" + PHASE.format(more="agent: a"))
    _, agent = bench.run("done")
    assert "language: plattdeutsch" in agent.asked[0].system_prompt


def test_prompt_out_of_a_file_is_the_agents_prompt(bench, tmp_path):
    (tmp_path / ".animus").mkdir()
    (tmp_path / ".animus" / "role.md").write_text("I came out of a file.\n")
    bench.define("agents: {a: {tool: t, system_prompt_file: role.md}}\n" + PHASE.format(more="agent: a"))
    _, agent = bench.run("done")
    assert "I came out of a file." in agent.asked[0].system_prompt


def test_servers_of_agent_assignment_and_phase_reach_the_agent_together(bench):
    bench.define(
        "mcp_servers:\n"
        "  own: {command: a}\n  given: {command: b, assign_to: [dev]}\n  bound: {command: c}\n  other: {command: d}\n"
        "phase_mcp_bindings: {p: {servers: [bound]}}\n"
        "agents: {dev: {tool: t, mcp_servers: [own]}}\n" + PHASE.format(more="agent: dev")
    )
    _, agent = bench.run("done")
    assert {"own", "given", "bound"} <= set(agent.asked[0].mcp_servers)
    assert "other" not in agent.asked[0].mcp_servers


def test_variables_a_tool_declares_reach_its_program(bench):
    bench.define('tools: {mine: {executable: my-agent, env: {LEVEL: "7"}}}\n' + PHASE.format(more="default_tool: mine"))
    _, agent = bench.run("done")
    assert agent.asked[0].environment["LEVEL"] == "7"


def test_field_is_described_to_the_agent_and_one_that_is_missing_is_asked_for(bench):
    contract = "{required_fields: [why], fields: {cost: {type: number, description: in euros of today}}}"
    bench.define(
        PHASE.format(more=f"default_tool: t, decision_contract: {contract}, runtime: {{max_continuations: 1}}")
    )
    decision = {"verdict": "advance", "confidence": 1.0}
    outcome, agent = bench.run(json.dumps(decision), json.dumps(decision | {"why": "so", "cost": 1}))
    assert "in euros of today" in agent.asked[0].prompt
    assert "field 'why' is missing" in agent.asked[1].prompt
    assert outcome.decision.verdict == "advance"


SKILL = "---\nname: careful\ndescription: d\n---\nMeasure twice.\n"


@pytest.mark.parametrize("where", ["agent", "phase"])
def test_text_of_a_skill_is_in_the_prompt(bench, tmp_path, where):
    folder = tmp_path / ".animus" / "skills" / "careful"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(SKILL)
    of_agent, of_phase = (", skills: [careful]" * (where == holder) for holder in ("agent", "phase"))
    bench.define(f"agents: {{a: {{tool: t{of_agent}}}}}\n" + PHASE.format(more=f"agent: a{of_phase}"))
    _, agent = bench.run("done")
    assert "Measure twice." in agent.asked[0].prompt + agent.asked[0].system_prompt


MODES = """
tools_allowlist: [sh]
workflows: [{id: w, worktree: skip, phases: [asked, run, looked]}]
phases:
  asked: {mode: agent, directive: work, default_tool: scripted}
  run: {mode: command, command: {program: sh, args: [-c, touch ran]}}
  looked: {mode: manual, manual: {instructions: look}}
"""


def test_mode_says_who_does_the_work(start_host, define, project, agent_reply):
    define(MODES)
    host = start_host(host_calls=True)
    host.on_host_call = lambda _call: agent_reply("done")
    result = host.execute("w", workflow_id="m1")
    assert (len(host.calls), (project / "ran").exists(), result["waiting"]["kind"]) == (1, True, "gate")


KEPT = """
workflows:
  - {id: w, worktree: {mode: auto, cleanup: CLEANUP}, phases: [p]}
phases: {p: {mode: command, command: {program: env}}}
"""


@pytest.mark.parametrize("cleanup", ["true", "false"])
def test_worktree_goes_or_stays_as_its_workflow_says(host, define, repository, git, cleanup):
    define(KEPT.replace("CLEANUP", cleanup))
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "definitions")
    assert host.execute("w", workflow_id="k1")["workflow_status"] == "completed"
    assert bool(list((host.state_dir / "worktrees").iterdir())) is (cleanup == "false")
