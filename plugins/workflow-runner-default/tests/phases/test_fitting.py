"""Targets that the author says do not do are left out before anything is called."""

FILE = """
tools:
  blind: {executable: blind, supports_write: false}
  small: {executable: small, context_window: 50}
  large: {executable: large, context_window: 100000}
agents: {a: {KEYS}}
phases: {p: {mode: agent, agent: a, directive: work, capabilities: {CAPABILITIES}}}
"""


def define(bench, keys, capabilities="{}"):
    bench.define(FILE.replace("{KEYS}", keys).replace("{CAPABILITIES}", capabilities))


def test_prompt_that_is_too_long_goes_to_the_tool_that_takes_it(bench):
    define(bench, "{tool: small, fallback_tools: [large]}")
    outcome, agent = bench.run("done", description="x" * 1_000)
    assert agent.targets == ["large"]
    assert any("small is left out: the prompt has about" in line for line in bench.lines)
    assert outcome.decision is None


def test_prompt_that_fits_nobody_fails_the_phase(bench):
    define(bench, "{tool: small}")
    outcome, agent = bench.run("done", description="x" * 1_000)
    assert agent.asked == []
    assert "has nobody to play its agent: small is left out" in outcome.reason


def test_tool_that_a_dispatch_names_has_to_fit_too(bench):
    define(bench, "{tool: large}", "{writes_files: true}")
    outcome, agent = bench.run("done", tool="blind")
    assert agent.asked == []
    assert "'supports_write: false', and the phase has 'capabilities.writes_files'" in outcome.reason
