"""Every key of a command phase, each by what changes when it is written."""

import pytest

FLOW = """
tools_allowlist: [sh]
workflows: [{id: w, worktree: skip, phases: [{p: {on_verdict: {done: {target: _end}}}}]}]
phases:
  p: {mode: command, retry: {max_attempts: 0}, command: {program: sh, args: [-c, "SCRIPT"], KEYS}}
"""
JSON = r"echo {\\\"kind\\\": \\\"k\\\", \\\"n\\\": 1}"


def run(host, define, script: str, keys: str):
    define(FLOW.replace("SCRIPT", script).replace("KEYS", keys))
    result = host.execute("w", workflow_id="k1")
    return result, result["phase_results"][0]["outcome"]


@pytest.mark.parametrize(
    ("script", "keys", "status"),
    [
        ("exit 3", "success_exit_codes: [0, 3]", "completed"),
        ("exit 3", "success_exit_codes: [3]", "completed"),
        ("exit 0", "success_exit_codes: [3]", "escalated"),
        ("exit 1", "on_failure_verdict: advance", "completed"),
        ("exit 1", "on_failure_verdict: fail", "escalated"),
        ("exit 0", "on_success_verdict: done", "completed"),
        ("exit 0", "on_success_verdict: fail", "escalated"),
    ],
)
def test_exit_code_becomes_the_verdict_the_author_wrote(host, define, script, keys, status):
    assert run(host, define, script, keys)[0]["workflow_status"] == status


@pytest.mark.parametrize(
    ("keys", "status", "reason"),
    [
        ("parse_json_output: true, expected_result_kind: k", "completed", None),
        ("parse_json_output: true, expected_result_kind: other", "failed", "expected 'other'"),
        ("parse_json_output: true, expected_schema: {type: object, required: [n]}", "completed", None),
        ("parse_json_output: true, expected_schema: {type: object, required: [z]}", "failed", "z"),
    ],
)
def test_payload_has_to_be_what_is_expected(host, define, keys, status, reason):
    result, _ = run(host, define, JSON, keys)
    assert result["workflow_status"] == status, result
    assert reason is None or reason in result["reason"]


def test_decision_of_an_exit_code_has_the_confidence_and_risk_that_are_written(host, define):
    _, outcome = run(host, define, "exit 1", "failure_risk: high, confidence: 0.25")
    assert (outcome["decision"]["confidence"], outcome["decision"]["risk"]) == (0.25, "high")


def test_failure_is_described_as_the_author_asks(host, define):
    keys = "category: smoke, failure_pattern: 'BROKEN (\\w+)', excerpt_max_chars: 12"
    _, outcome = run(host, define, "echo 0123456789 BROKEN one; exit 1", keys)
    result = outcome["result"]
    assert (result["failure_category"], result["failing_tests"]) == ("smoke_failed", ["one"])
    assert result["stdout_excerpt"] == "...9 BROKEN one"


def test_declared_environment_reaches_the_command(host, define):
    result, _ = run(host, define, "test $FROM_FILE = yes", "env: {FROM_FILE: 'yes'}")
    assert result["workflow_status"] == "completed"
