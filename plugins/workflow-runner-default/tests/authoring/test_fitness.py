"""What a tool says it can do, against what a phase and its agent need: refused when the definitions are read."""

import pytest

from animus_workflow_runner_default.authoring.fitness import LONG_CONTEXT_TOKENS, too_long_for
from animus_workflow_runner_default.authoring.model import Tool

FILE = """
tools: {{mine: {{executable: mine, {tool}}}}}
mcp_servers: {{hub: {{command: hub}}, few: {{command: few, tools: [x]}}}}
models: {{small: {{model: m-1, tool: mine}}}}
agents: {{a: {{{agent}}}}}
phases: {{p: {{mode: agent, agent: a, {phase}}}}}
workflows: [{{id: w, phases: [p]}}]
"""
CAPABILITIES = ("mcp", "write", "streaming", "tool_use", "vision", "long_context")


def text(tool="", agent="tool: mine", phase="directive: x"):
    return FILE.format(tool=tool, agent=agent, phase=phase)


@pytest.mark.parametrize("name", CAPABILITIES)
def test_tool_that_says_it_cannot_do_what_the_agent_needs_is_refused(errors_of, name):
    agent = f"tool: mine, capabilities: {{{name}: true}}"
    (found, *_) = errors_of(text(f"supports_{name}: false", agent), with_phases=False)
    assert found.startswith("flow.yaml:6:34: tool 'mine' (.animus/workflows/flow.yaml:2) does not do here: ")
    assert f"'supports_{name}: false', and agent 'a' has 'capabilities.{name}'" in found


@pytest.mark.parametrize("name", CAPABILITIES)
@pytest.mark.parametrize("said", ["supports_{}: true", ""])
def test_tool_that_says_it_can_or_says_nothing_is_taken(errors_of, name, said):
    agent = f"tool: mine, capabilities: {{{name}: true}}"
    assert errors_of(text(said.format(name), agent), with_phases=False) == []


@pytest.mark.parametrize(
    ("tool", "agent", "phase", "why"),
    [
        ("supports_mcp: false", "tool: mine, mcp_servers: [hub]", "directive: x", "has MCP servers"),
        ("supports_write: false", "tool: mine", "capabilities: {writes_files: true}", "'capabilities.writes_files'"),
        ("supports_write: false", "tool: mine", "capabilities: {requires_commit: true}", "requires_commit"),
        ("supports_tool_use: false", "tool: mine, tool_policy: {deny: [x]}", "directive: x", "'tool_policy'"),
        ("supports_tool_use: false", "tool: mine, approval_policy: {}", "directive: x", "'approval_policy'"),
        ("", "tool: mine, mcp_servers: [few]", "directive: x", "'mcp_servers.few.tools'"),
        ("", "tool: mine, hooks: {observers: [{events: [session_end]}]}", "directive: x", "has hooks"),
    ],
)
def test_what_a_phase_asks_for_is_a_need_too(errors_of, tool, agent, phase, why):
    (found, *_) = errors_of(text(tool, agent, phase), with_phases=False)
    assert "does not do here" in found
    assert why in found


@pytest.mark.parametrize(
    ("agent", "phase"),
    [
        ("tool: claude, fallback_tools: [mine]", "directive: x"),
        ("models: [small]", "directive: x"),
        ("tool: claude", "runtime: {tool: mine}"),
    ],
)
def test_every_tool_that_the_definitions_name_is_looked_at(errors_of, agent, phase):
    agent += ", capabilities: {vision: true}"
    assert any("supports_vision" in found for found in errors_of(text("supports_vision: false", agent, phase)))


def test_empty_hooks_need_nothing(errors_of):
    assert errors_of(text(agent="tool: mine, hooks: {}"), with_phases=False) == []


def test_workflow_of_a_misfit_is_disabled(load_text):
    agent = "tool: mine, capabilities: {vision: true}"
    assert "w" in load_text(text("supports_vision: false", agent), with_phases=False).config.disabled


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("capabilities: {visoin: true}", "unknown capability 'visoin'; did you mean 'vision'?"),
        ("capabilities: {vision: yes please}", "'vision' takes true or false"),
        ("structured_capabilities: {planning: {}}", "is refused: what an agent needs of its tool"),
        ("capabilities: {memory: true}, memory: {enabled: false}", "leave one out"),
    ],
)
def test_capability_that_means_nothing_is_refused(errors_of, keys, message):
    assert any(message in found for found in errors_of(text(agent=f"tool: mine, {keys}"), with_phases=False))


def test_other_capabilities_are_the_authors_own_words(load_text):
    agent = "tool: mine, capabilities: {planning: true, queue_management: true, scheduling: false, vision: true}"
    loaded = load_text(text(agent=agent), with_phases=False)
    assert loaded.diagnostics == []
    assert loaded.config.agents["a"].abilities == ["planning", "queue_management"]
    assert loaded.config.agents["a"].capabilities.vision


def test_capability_of_remembering_turns_the_memory_on(load_text):
    agent = "tool: mine, capabilities: {memory: true}, memory: {max_entries: 3}"
    memory = load_text(text(agent=agent), with_phases=False).config.agents["a"].memory
    assert (memory.enabled, memory.max_entries) == (True, 3)


@pytest.mark.parametrize(
    ("tool", "characters", "is_too_long"),
    [
        (Tool(executable="x", context_window=1_000), 4_000, False),
        (Tool(executable="x", context_window=1_000), 4_004, True),
        (Tool(executable="x", supports_long_context=False), 4 * LONG_CONTEXT_TOKENS, False),
        (Tool(executable="x", supports_long_context=False), 4 * LONG_CONTEXT_TOKENS + 4, True),
        (Tool(executable="x", supports_long_context=True), 40 * LONG_CONTEXT_TOKENS, False),
        (Tool(executable="x"), 40 * LONG_CONTEXT_TOKENS, False),
    ],
)
def test_prompt_has_to_fit(tool, characters, is_too_long):
    assert (too_long_for(tool, characters) is not None) is is_too_long


def test_directive_of_a_command_is_its_description(load_text):
    flow = (
        "phases: {p: {mode: command, directive: Run it., command: {program: x}}}\nworkflows: [{id: w, phases: [p]}]\n"
    )
    loaded = load_text(flow, with_phases=False)
    assert loaded.diagnostics == []
    assert loaded.config.phases["p"].description == "Run it."
