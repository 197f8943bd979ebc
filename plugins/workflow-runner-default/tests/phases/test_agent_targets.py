"""Whom a phase asks, in which order, and when it goes on to the next."""

import asyncio

import pytest

from animus_workflow_runner_default.phases.agent_state import AgentTarget
from animus_workflow_runner_default.phases.agent_targets import (
    agent_targets,
    merged_runtime,
)
from animus_workflow_runner_default.phases.outcome import Decided, Failed
from animus_workflow_runner_default.phases.suppression import SUPPRESSION_SECONDS

THREE = """
models:
  fast: {model: small-1, tool: one}
  careful: {model: large-1, tool: two}
agents:
  a: {models: [fast, careful], fallback_models: [fast, gpt-9]}
phases:
  p: {mode: agent, agent: a, directive: work}
"""
TWO = """
agents:
  a: {tool: one, fallback_tools: [two]}
phases:
  p: {mode: agent, agent: a, directive: work, runtime: {MORE}}
"""


def two(more: str = "{}") -> str:
    return TWO.replace("{MORE}", more)


def test_models_of_the_agent_come_first_then_its_fallbacks_each_once(bench):
    bench.define(THREE)
    phase = bench.config.phases["p"]
    runtime = merged_runtime(phase, bench.config.agents["a"])
    targets = agent_targets(bench.config, phase, runtime, tool=None, model=None)
    assert [str(target) for target in targets] == ["one (small-1)", "two (large-1)", "codex (gpt-9)"]


def test_a_dispatch_chooses_over_everything(bench):
    bench.define(THREE)
    phase = bench.config.phases["p"]
    runtime = merged_runtime(phase, bench.config.agents["a"])
    first = agent_targets(bench.config, phase, runtime, tool="mine", model="other")[0]
    assert first == AgentTarget("mine", "other")


@pytest.mark.parametrize("failure", ["provider_exhaustion", "target_unavailable", "auth"])
def test_lasting_failures_lead_to_the_next_target_without_a_retry(bench, error, failure):
    bench.define(two())
    outcome, agent = bench.run(error("no more", failure), "done")
    assert isinstance(outcome, Decided)
    assert agent.targets == ["one", "two"]
    assert bench.failures == [failure, None]


def test_the_word_of_a_provider_beats_the_words_of_its_text(bench, error):
    bench.define(two())
    outcome, agent = bench.run(error("rate limit: connection reset", "transient"), "done")
    assert isinstance(outcome, Decided)
    assert agent.targets == ["one", "one"]


def test_transient_failures_stay_on_their_target_and_back_off(bench, error, clock):
    bench.define(two())
    outcome, agent = bench.run(*[error("connection reset")] * 3)
    assert isinstance(outcome, Failed)
    assert agent.targets == ["one"] * 3
    assert clock.slept == [0.2, 0.4]


def test_a_provider_says_when_to_come_back(bench, error, clock):
    bench.define(two())
    bench.run(error("429", "transient", retry_after_seconds=7.0), "done")
    assert clock.slept == [7.0]


def test_who_asks_to_be_left_alone_for_too_long_counts_as_exhausted(bench, error, clock):
    bench.define(two())
    outcome, agent = bench.run(error("429", "transient", retry_after_seconds=3_600.0), "done")
    assert isinstance(outcome, Decided)
    assert agent.targets == ["one", "two"]
    assert clock.slept == []


def test_the_reason_names_every_target_with_its_failure(bench, error):
    bench.define(two())
    outcome, _ = bench.run(error("no credits", "provider_exhaustion"), error("not installed", "target_unavailable"))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "agent phase 'p' failed: one: no credits; two: not installed"


def test_missing_credentials_are_not_retried_even_if_the_author_says_so(bench, error):
    bench.define(two("{retry_on: [unknown, target_unavailable]}"))
    _, agent = bench.run(error("401", "auth"), "done")
    assert agent.targets == ["one", "two"]


def test_an_exhausted_target_is_asked_last_for_a_while(bench, error, clock):
    bench.define(two())
    bench.run(error("quota", "provider_exhaustion"), "done")
    bench.kept = None
    _, second = bench.run("done")
    assert second.targets == ["two"]
    bench.kept = None
    clock.advance(SUPPRESSION_SECONDS + 1)
    _, third = bench.run("done")
    assert third.targets == ["one"]


def test_a_suppressed_target_is_still_asked_when_it_is_the_only_one(bench, error):
    bench.define(two().replace(", fallback_tools: [two]", ""))
    bench.run(error("quota", "provider_exhaustion"))
    bench.kept = None
    outcome, agent = bench.run("done")
    assert isinstance(outcome, Decided)
    assert agent.targets == ["one"]


def test_a_target_that_refuses_what_one_agent_asks_is_no_worse_for_the_others(bench, error):
    bench.define(two())
    _, first = bench.run(error("cannot ask", "target_unavailable", is_refused=True), "done")
    assert first.targets == ["one", "two"]
    bench.kept = None
    _, second = bench.run("done")
    assert second.targets == ["one"]


def test_counts_go_on_where_a_dead_runner_stopped(bench, error, killed, scripted):
    """Two failures before the crash and the interruption: one try is left, not three."""
    bench.define(two())
    assert (
        asyncio.run(bench.go(scripted(error("reset by peer"), error("reset by peer"), killed()), may_restart=True))
        is None
    )
    outcome, agent = bench.run(error("reset by peer"), may_restart=True)
    assert isinstance(outcome, Failed)
    assert len(agent.asked) == 1
    assert bench.failures == ["transient", "transient", "interrupted", "transient"]
