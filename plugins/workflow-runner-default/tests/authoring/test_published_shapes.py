"""The shapes that published projects use, each as small as it can be. Whole projects: `test_corpus`."""

import pytest

from animus_workflow_runner_default.authoring.model import END_TARGET

MONITOR = """\
default_workflow_ref: check
mcp_servers:
  files:
    command: npx
    args:
      - "-y"
      - "some-server"
    env: {}
  hub:
    command: npx
    args: ["-y", "hub-server"]
    env:
      HUB_TOKEN: "${HUB_TOKEN}"
agents:
  analyst:
    description: Looks at numbers
    model: claude-haiku-4-5
    tool: claude
    mcp_servers: [files, ao]
    system_prompt: |
      You look at numbers. Answer like this:
        {"verdict": "healthy"}
phases:
  probe:
    mode: command
    directive: Probe everything
    capabilities:
      mutates_state: true
      writes_files: true
      requires_commit: false
    command:
      program: bash
      args:
        - "-c"
        - |
          for i in 1 2; do echo "$i"; done
      cwd_mode: project_root
      timeout_secs: 120
  analyse:
    mode: agent
    agent: analyst
    directive: Analyse.
    runtime:
      fallback_models: [gpt-5]
    decision_contract:
      required_fields: [verdict, affected, reasoning]
  incident:
    mode: agent
    agent: analyst
    directive: Write it up.
workflows:
  - id: check
    name: "Check"
    description: "Probe, analyse, write up"
    phases:
      - probe
      - analyse:
          on_verdict:
            healthy:
              target: _end
            degraded:
              target: incident
            fail:
              target: probe
          max_rework_attempts: 2
      - incident
    post_success:
      notify: true
  - id: squashed
    name: Squashed
    phases: [probe]
    post_success:
      merge:
        strategy: squash
        target_branch: main
        create_pr: false
        auto_merge: false
        cleanup_worktree: true
schedules:
  - id: every-five
    cron: "*/5 * * * *"
    workflow_ref: check
    enabled: true
    description: "Often"
  - id: dangling
    cron: "0 9 * * 1"
    workflow_ref: nowhere
    enabled: true
"""


@pytest.fixture
def monitor(load_text):
    return load_text(MONITOR, with_phases=False)


def test_published_shape_loads_without_an_error(monitor):
    assert [str(item) for item in monitor.diagnostics if item.severity == "error"] == []
    assert list(monitor.config.workflows) == ["check", "squashed"]
    assert monitor.config.disabled == {}


def test_custom_verdicts_route_to_the_end_and_to_phases(monitor):
    routes = monitor.config.workflows["check"].phases[1].on_verdict
    assert {verdict: route.target for verdict, route in routes.items()} == {
        "healthy": END_TARGET,
        "degraded": "incident",
        "fail": "probe",
    }


def test_decision_contract_may_only_name_fields(monitor):
    contract = monitor.config.phases["analyse"].decision_contract
    assert contract.required_fields == ["verdict", "affected", "reasoning"]


def test_command_phases_without_an_allowlist_are_allowed_by_their_file(monitor):
    assert monitor.config.tools_allowlist is None


def test_unset_token_of_a_server_does_not_stop_the_load(monitor):
    assert monitor.config.mcp_servers["hub"].env == {"HUB_TOKEN": "${HUB_TOKEN}"}


def test_what_has_no_effect_is_said(monitor):
    warnings = [f"{item.position.line}: {item.message}" for item in monitor.diagnostics if item.severity == "warning"]
    own = "Animus's own MCP server"  # which is there or not, as this installation has it
    assert [text for text in warnings if "yet" not in text and own not in text] == [
        "87: 'dangling' is switched off: there is no usable workflow 'nowhere'; known: check, squashed",
    ]
