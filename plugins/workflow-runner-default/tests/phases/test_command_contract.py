"""A command whose output decides is held to the decision contract of its phase."""

import json

import pytest

from animus_workflow_runner_default.authoring.loading import load

FLOW = """
tools_allowlist: [sh]
phases:
  p:
    mode: command
    idempotency: idempotent
    retry: {max_attempts: 1}
    decision_contract: {min_confidence: 0.8, required_evidence: [tests_passed], required_fields: [commit]}
    command: {program: sh, args: [-c, 'cat said.json'], parse_json_output: true}
workflows: [{id: w, worktree: skip, phases: [p]}]
"""
KEPT = {
    "kind": "phase_decision",
    "verdict": "advance",
    "confidence": 0.9,
    "risk": "low",
    "reason": "fine",
    "commit": "abc",
    "evidence": [{"kind": "tests_passed", "description": "all"}],
}


@pytest.fixture
def run(host, define, project):
    def run(said):
        define(FLOW)
        (project / "said.json").write_text(json.dumps(said))
        return host.execute("w")

    return run


def test_decision_that_keeps_the_contract_advances(run):
    assert run(KEPT)["workflow_status"] == "completed"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"confidence": 0.5}, "confidence 0.5 is below the minimum 0.8"),
        ({"evidence": []}, "evidence 'tests_passed' is missing"),
        ({"commit": None, "kind": "other", "verdict": None}, "evidence 'tests_passed' is missing"),
    ],
)
def test_decision_that_does_not_is_reworked_with_the_reason(run, changed, reason):
    said = {name: value for name, value in (KEPT | changed).items() if value is not None}
    result = run(said)
    assert result["workflow_status"] == "escalated"
    assert f"decision contract: {reason}" in result["phase_results"][0]["outcome"]["reason"]


def test_decision_that_does_not_advance_needs_no_contract(run):
    result = run(KEPT | {"verdict": "fail", "evidence": []})
    assert "contract" not in result["phase_results"][0]["outcome"]["reason"]


def test_contract_of_a_command_whose_output_decides_is_no_warning(define, project):
    define(FLOW)
    assert load(project, [], {}).diagnostics == []
