"""Channels of agents: which an agent has, and names that mean nothing."""

import pytest

from animus_workflow_runner_default.authoring.channels import channels_of, may_write_to

FILE = """
agent_channels: {{design: {{participants: [a, b]}}, ops: {{participants: [b], description: x, max_context_chars: 9}}}}
agents: {{a: {{tool: x, communication: {{{talk}}}}}, b: {{tool: x, communication: {{enabled: true}}}}}}
phases: {{p: {{mode: agent, agent: a}}}}
workflows: [{{id: w, phases: [p]}}]
"""


@pytest.mark.parametrize(
    ("talk", "names"),
    [
        ("enabled: true", ["design"]),
        ("enabled: true, channels: [ops]", ["ops"]),
        ("enabled: true, channels: [ops, design]", ["ops", "design"]),
        ("enabled: false, channels: [ops]", []),
        ("channels: [ops]", []),
    ],
)
def test_profile_is_the_gate_and_participants_stand_in_for_it(load_text, talk, names):
    loaded = load_text(FILE.format(talk=talk), with_phases=False)
    assert loaded.diagnostics == []
    assert channels_of(loaded.config.agents["a"], loaded.config.agent_channels) == names
    assert loaded.config.agent_channels["ops"].max_context_chars == 9


@pytest.mark.parametrize(
    ("talk", "may"),
    [
        ("enabled: true, can_message: [b]", True),
        ("enabled: true, can_message: ['*']", True),
        ("enabled: true, can_message: [a]", False),
        ("can_message: [b]", False),
        ("enabled: true", False),
    ],
)
def test_agent_writes_to_those_its_profile_names(load_text, talk, may):
    config = load_text(FILE.format(talk=talk), with_phases=False).config
    assert may_write_to(config.agents["a"], "b") is may


@pytest.mark.parametrize(
    ("talk", "message"),
    [
        ("channels: [desing]", "unknown channel 'desing'; did you mean 'design'?"),
        ("can_message: [bb]", "unknown agent 'bb'"),
        ("chanels: [design]", "unknown communication key 'chanels'; did you mean 'channels'?"),
        ("max_context_chars: 0", "'max_context_chars' takes a whole number (at least 1)"),
    ],
)
def test_name_that_means_nothing_is_refused_where_it_stands(errors_of, talk, message):
    found = errors_of(FILE.format(talk=talk), with_phases=False)
    assert found[0].startswith("flow.yaml:3:")
    assert message in found[0]


def test_agent_whose_channel_has_a_fault_is_not_run(load_text):
    text = FILE.format(talk="channels: [design]").replace("participants: [a, b]", "participants: []")
    loaded = load_text(text, with_phases=False)
    assert "w" in loaded.config.disabled


def test_channel_may_not_look_like_an_inbox(errors_of):
    text = "agent_channels: {'@b': {participants: [coder]}}\n"
    assert errors_of(text) == ["flow.yaml:1:18: a channel's name does not begin with '@'"]


def test_participant_that_is_no_agent_is_only_a_name(warnings_of):
    text = "agent_channels: {c: {participants: [coder, somebody]}}\n"
    (found,) = warnings_of(text)
    assert found.startswith("flow.yaml:1:44: 'somebody' is no agent here")
