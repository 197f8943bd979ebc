"""What an agent's profile may say: servers, skills, policies, memory; what it may not is refused with its place."""

import pytest

from animus_workflow_runner_default.authoring import mcp
from animus_workflow_runner_default.authoring.mcp import bound_servers
from animus_workflow_runner_default.authoring.model import Memory, Persona, ToolPolicy

FLOW = "workflows: [{id: w, phases: [p]}]\nphases: {p: {mode: agent, agent: a}}\n"
SERVERS = """
mcp_servers:
  hub: {command: npx, args: [hub], env: {TOKEN: "${TOKEN}"}}
  web: {transport: http, url: "https://mcp.example", oauth: {bearer_env: WEB_TOKEN}}
  shared: {command: shared, assign_to: [a]}
"""


def errors(loaded) -> list[str]:
    return [
        f"{item.position.line}:{item.position.column} {item.message}"
        for item in loaded.diagnostics
        if item.severity == "error"
    ]


def warnings(loaded) -> list[str]:
    return [item.message for item in loaded.diagnostics if item.severity == "warning"]


def test_an_agent_has_its_own_servers_those_assigned_and_those_of_the_phase(load_text):
    text = "agents: {a: {tool: claude, mcp_servers: [hub]}}\nphase_mcp_bindings: {p: {servers: [web, hub]}}\n"
    loaded = load_text(text + SERVERS + FLOW, with_phases=False)
    assert errors(loaded) == []
    config = loaded.config
    agent = config.agents["a"]
    assert bound_servers(config.mcp_servers, config.phase_mcp_bindings, "p", agent) == ["hub", "shared", "web"]
    assert bound_servers(config.mcp_servers, config.phase_mcp_bindings, "other", None) == []


def test_server_may_be_described_and_its_transport_be_called_its_type(load_text):
    text = "mcp_servers: {web: {type: http, url: u, description: The web.}, hub: {type: stdio, command: hub}}\n"
    servers = load_text(text + FLOW, with_phases=False).config.mcp_servers
    assert [(name, server.is_program, server.description) for name, server in servers.items()] == [
        ("web", False, "The web."),
        ("hub", True, None),
    ]


def test_unknown_server_is_an_error_where_it_is_named(load_text):
    loaded = load_text("agents: {a: {tool: claude, mcp_servers: [hubb]}}\n" + SERVERS + FLOW, with_phases=False)
    assert any(found.startswith("1:42 unknown MCP server 'hubb'; did you mean 'hub'?") for found in errors(loaded))
    assert "w" in loaded.config.disabled


def test_unknown_server_of_a_binding_stops_the_workflow_that_needs_it(load_text):
    loaded = load_text(
        "agents: {a: {tool: claude}}\nphase_mcp_bindings: {p: {servers: [nope]}}\n" + SERVERS + FLOW, with_phases=False
    )
    assert any("unknown MCP server 'nope'" in found for found in errors(loaded))
    assert "w" in loaded.config.disabled


@pytest.mark.parametrize("name", ["ao", "animus"])
def test_the_primary_server_may_be_named(load_text, name, monkeypatch):
    monkeypatch.setattr(mcp, "find_program", lambda _: "/somewhere/bin/animus")
    loaded = load_text(f"agents: {{a: {{tool: claude, mcp_servers: [{name}]}}}}\n" + FLOW, with_phases=False)
    assert loaded.diagnostics == []


@pytest.mark.parametrize("name", ["ao", "animus"])
def test_the_primary_server_is_missed_aloud_where_there_is_none(load_text, name, monkeypatch):
    monkeypatch.setattr(mcp, "find_program", lambda _: None)
    loaded = load_text(f"agents: {{a: {{tool: claude, mcp_servers: [{name}]}}}}\n" + FLOW, with_phases=False)
    assert errors(loaded) == []
    assert any("Animus's own MCP server" in found for found in warnings(loaded))


def test_an_alias_stands_for_the_primary_server_a_project_defines(load_text):
    text = "agents: {a: {tool: claude, mcp_servers: [ao]}}\nmcp_servers: {animus: {command: mine}}\n"
    config = load_text(text + FLOW, with_phases=False).config
    assert bound_servers(config.mcp_servers, config.phase_mcp_bindings, "p", config.agents["a"]) == ["animus"]


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ("{transport: http}", "needs 'url'"),
        ("{args: [x]}", "needs 'command'"),
        ("{type: http}", "needs 'url'"),
        ("{type: stdio, transport: stdio, command: x}", "'type' is another name of 'transport'"),
        ("{command: x, url: y}", "'url' needs 'transport: http'"),
        ("{transport: http, url: u, command: x}", "'command' needs 'transport: stdio'"),
        ("{transport: http, url: u, oauth: {flow: client_credentials}}", "needs 'token_url'"),
        ("{transport: http, url: u, oauth: {}}", "needs 'bearer_env'"),
    ],
)
def test_a_server_that_makes_no_sense_is_refused(load_text, server, message):
    loaded = load_text(f"agents: {{a: {{tool: claude}}}}\nmcp_servers: {{s: {server}}}\n" + FLOW, with_phases=False)
    assert any(message in found for found in errors(loaded))


@pytest.mark.parametrize(
    "key",
    [
        "mcp_server_configs: {a: 1}",
        "memory: {scope: team}",
    ],
)
def test_what_would_not_happen_is_refused_with_its_place(load_text, key):
    loaded = load_text("agents:\n  a:\n    tool: claude\n    " + key + "\n" + FLOW, with_phases=False)
    (found,) = [item for item in errors(loaded) if item.startswith("4:")]
    assert found
    assert "w" in loaded.config.disabled


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        ("{tool: claude, permission_mode: yolo}", "'claude' has no permission mode 'yolo'"),
        ("{tool: codex, permission_mode: plann}", "did you mean 'plan'"),
        ("{tool: claude, sandbox: docker}", "'sandbox' takes"),
        ("{tool: claude, max_continuations: 11}", "at most 10"),
    ],
)
def test_settings_no_agent_has_are_refused(load_text, runtime, message):
    assert any(message in found for found in errors(load_text(f"agents: {{a: {runtime}}}\n" + FLOW, with_phases=False)))
    phase = FLOW.replace("agent: a", f"agent: a, runtime: {runtime}")
    assert any(message in found for found in errors(load_text("agents: {a: {tool: x}}\n" + phase, with_phases=False)))


def test_policies_persona_and_memory_are_compiled(load_text):
    text = """
agents:
  a:
    tool: claude
    tool_policy: {allow: ["Read*"], deny: [Bash]}
    approval_policy: {auto_allow: [Read], default: deny}
    persona: {style: terse, traits: [careful], customizations: {language: de}}
    memory: {enabled: true, max_entries: 5, write_policy: phase_summary}
"""
    agent = load_text(text + FLOW, with_phases=False).config.agents["a"]
    assert agent.tool_policy == ToolPolicy(allow=["Read*"], deny=["Bash"])
    assert agent.approval_policy.default == "deny"
    assert agent.persona == Persona(style="terse", traits=["careful"], customizations={"language": "de"})
    assert agent.memory == Memory(enabled=True, max_entries=5, write_policy="phase_summary")


SKILL = """---
name: tidy
allowed-tools: Bash
animus:
  prompt: {prefix: Before., directives: [Be tidy.], suffix: After.}
---
Keep the tree tidy.
"""


def test_skills_of_agent_and_phase_are_found_where_they_may_be(load_text, project, tmp_path):
    project.write(".animus/skills/tidy/SKILL.md", SKILL)
    project.write(".animus/skills/plan.yaml", "prompt: {system: Plan first.}\n")
    project.write(".claude/skills/theirs/SKILL.md", "---\nanimus: {model: {preferred: x}}\n---\nTheirs.\n")
    project.write("home/skills/mine.md", "Mine.")
    flow = FLOW.replace("agent: a}", "agent: a, skills: [plan, mine]}")
    loaded = load_text(
        "agents: {a: {tool: claude, skills: [tidy, theirs, plan]}}\n" + flow,
        with_phases=False,
        environ={"ANIMUS_CONFIG_DIR": str(tmp_path / "home")},
    )
    assert errors(loaded) == []
    skills = loaded.config.skills
    assert (skills["tidy"].system, skills["tidy"].directives) == ("Keep the tree tidy.", ["Be tidy."])
    assert (skills["tidy"].prefix, skills["tidy"].suffix) == ("Before.", "After.")
    assert skills["plan"].system == "Plan first."
    assert skills["theirs"].system == "Theirs."
    assert skills["mine"].system == "Mine."
    assert loaded.depends_on_surroundings


def test_a_missing_skill_is_a_warning_with_its_place(load_text):
    loaded = load_text("agents: {a: {tool: claude, skills: [nope]}}\n" + FLOW, with_phases=False)
    assert errors(loaded) == []
    assert "there is no skill 'nope'; put it into .animus/skills/nope/SKILL.md" in warnings(loaded)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\nanimus: {tool_policy: {deny: [Bash]}}\n---\nx", "asks for 'tool_policy'"),
        ("---\na: [\n---\nx", "not YAML"),
        ("x" * 300_000, "larger than"),
    ],
)
def test_a_skill_that_cannot_be_used_stops_who_names_it(load_text, project, text, message):
    project.write(".animus/skills/bad.md", text)
    loaded = load_text("agents: {a: {tool: claude, skills: [bad]}}\n" + FLOW, with_phases=False)
    assert any(message in found for found in errors(loaded))
    assert "w" in loaded.config.disabled


@pytest.mark.parametrize("name", ["../secret", ".hidden", "a/b", ""])
def test_a_skill_is_a_name_and_no_path(load_text, name):
    loaded = load_text(f"agents: {{a: {{tool: claude, skills: ['{name}']}}}}\n" + FLOW, with_phases=False)
    assert any("is no name of a skill" in found for found in errors(loaded))
