import pytest

from animus_workflow_runner_default.authoring.model import Backoff, Command, Phase, Retry, Runtime, Worktree


def phase_of(load_text, text) -> Phase:
    loaded = load_text(f"phases:\n  p: {text}\n")
    assert [str(item) for item in loaded.diagnostics if item.severity == "error"] == []
    return loaded.config.phases["p"]


def test_command_phase_has_the_defaults_of_the_format(load_text):
    phase = phase_of(load_text, "{mode: command, command: {program: pytest}}")
    assert phase.command == Command(program="pytest")
    assert phase.command is not None
    assert phase.command.timeout_secs == 1800
    assert phase.command.success_exit_codes == [0]
    assert (phase.command.on_success_verdict, phase.command.on_failure_verdict) == ("advance", "rework")
    assert phase.idempotency == "unknown"
    assert phase.retry.max_attempts == 3


def test_every_key_of_the_command_block_arrives(load_text):
    text = (
        "{mode: command, command: {program: make, args: [t, '{{x}}'], env: {A: '${B}'}, cwd_mode: path, cwd_path: sub,"
        " timeout_secs: 0, success_exit_codes: [0, 5], parse_json_output: true, expected_result_kind: k,"
        " expected_schema: {type: object}, on_success_verdict: skip, on_failure_verdict: fail, failure_risk: high,"
        " confidence: 0.5, category: lint, failure_pattern: '^E (.*)', excerpt_max_chars: 9}}"
    )
    assert phase_of(load_text, text).command == Command(
        program="make",
        args=["t", "{{x}}"],
        env={"A": "${B}"},
        cwd_mode="path",
        cwd_path="sub",
        timeout_secs=0,
        success_exit_codes=[0, 5],
        parse_json_output=True,
        expected_result_kind="k",
        expected_schema={"type": "object"},
        on_success_verdict="skip",
        on_failure_verdict="fail",
        failure_risk="high",
        confidence=0.5,
        category="lint",
        failure_pattern="^E (.*)",
        excerpt_max_chars=9,
    )


def test_every_key_of_an_agent_phase_arrives(load_text):
    text = (
        "{mode: agent, agent_id: coder, directive: d, system_prompt: s, runtime: {model: m, timeout_secs: 5},"
        " capabilities: {writes_files: true}, output_contract: {kind: k, required_fields: [a], fields: {a: {type:"
        " string}}}, output_json_schema: {type: object}, decision_contract: {required_evidence: [tests_passed],"
        " min_confidence: 0.8, max_risk: low, allow_missing_decision: true, required_fields: [why], fields: {why:"
        " {type: array, items: {type: string}}}}, retry: {max_attempts: 0, backoff: {initial_secs: 1, factor: 2,"
        " max_secs: 9}}, default_tool: t, idempotency: idempotent, worktree: false}"
    )
    phase = phase_of(load_text, text)
    assert phase.agent == "coder"
    assert phase.runtime == Runtime(model="m", timeout_secs=5)
    assert phase.capabilities.writes_files
    assert phase.output_contract is not None
    assert phase.output_contract.fields["a"].type == "string"
    assert phase.decision_contract is not None
    assert phase.decision_contract.allow_missing_decision
    assert phase.decision_contract.max_risk == "low"
    assert phase.decision_contract.fields["why"].items is not None
    assert phase.retry == Retry(max_attempts=0, backoff=Backoff(initial_secs=1, factor=2, max_secs=9))
    assert phase.worktree == Worktree(mode="skip")
    assert phase.source == ".animus/workflows/flow.yaml:2"


def test_contract_that_asks_for_nothing_special_checks_nothing_special(load_text):
    contract = phase_of(
        load_text, "{mode: agent, agent: coder, decision_contract: {required_fields: [a]}}"
    ).decision_contract
    assert contract is not None
    assert (contract.min_confidence, contract.max_risk, contract.allow_missing_decision) == (None, None, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{mode: command}", "2:13: a phase of mode 'command' needs the block 'command:'"),
        ("{mode: manual}", "2:13: a phase of mode 'manual' needs the block 'manual:'"),
        (
            "{mode: manual, manual: {instructions: i}, command: {program: x}}",
            "2:57: the block 'command:' belongs to the mode 'command'; this phase has the mode 'manual'",
        ),
        ("{mode: agent, agent: codr}", "2:27: unknown agent 'codr'; did you mean 'coder'?"),
        (
            "{mode: agent, agent: coder, agent_id: coder}",
            "2:44: 'agent_id' is another name of 'agent'; keep one of them",
        ),
        ("{mode: agent}", "2:13: nothing says what plays the agent; write 'tool' (in 'runtime:' or in the agent)"),
        (
            "{mode: command, command: {program: x, cwd_mode: path}}",
            "2:54: 'cwd_mode: path' needs 'cwd_path'",
        ),
        ("{mode: command, command: {program: x, cwd_path: a}}", "2:54: 'cwd_path' needs 'cwd_mode: path'"),
        (
            "{mode: command, command: {program: x, cwd_mode: path, cwd_path: ../a}}",
            "2:70: the path '../a' escapes project root; it is relative and without '..'",
        ),
        (
            "{mode: command, command: {program: x, failure_pattern: '('}}",
            "2:61: not a regular expression: missing ), unterminated subpattern at position 0",
        ),
        (
            "{mode: command, command: {program: ''}}",
            "2:41: 'program' takes a string that is not empty, not the string ''",
        ),
        (
            "{mode: command, command: {program: x, success_exit_codes: []}}",
            "2:64: 'success_exit_codes' takes a list that is not empty, not an empty list",
        ),
        (
            "{mode: command, command: {program: x, env: {'A=B': c}}}",
            "2:57: 'A=B' is no name of an environment variable",
        ),
        (
            "{mode: command, command: {program: x, expected_schema: [1]}}",
            "2:61: 'expected_schema' takes a JSON schema, a mapping",
        ),
        (
            "{mode: agent, agent: coder, decision_contract: {required_evidence: [test_passed]}}",
            "2:74: unknown kind of evidence 'test_passed'; did you mean 'tests_passed'?",
        ),
        (
            "{mode: manual, manual: {instructions: i, timeout_secs: 0}}",
            "2:61: 'timeout_secs' takes a whole number (at least 1), not the number 0",
        ),
        (
            "{mode: agent, agent: coder, runtime: {retry_on: [transent]}}",
            (
                "2:55: 'retry_on' takes 'provider_exhaustion', 'target_unavailable', 'transient', 'unknown', "
                "not the string 'transent'; did you mean 'transient'?"
            ),
        ),
    ],
)
def test_phase_that_makes_no_sense_is_refused(errors_of, text, message):
    assert errors_of(f"phases:\n  p: {text}\n") == [f"flow.yaml:{message}"]


def test_setting_of_an_agent_in_a_command_phase_is_a_warning(warnings_of):
    text = "phases:\n  p: {mode: command, agent: coder, command: {program: x}}\n"
    assert warnings_of(text) == ["flow.yaml:2:22: 'agent' has no effect in a phase of mode 'command'"]


def test_contract_of_a_phase_without_an_agent_is_a_warning(warnings_of):
    text = "phases:\n  p: {mode: manual, decision_contract: {}, manual: {instructions: i}}\n"
    assert warnings_of(text) == ["flow.yaml:2:21: 'decision_contract' has no effect in a phase of mode 'manual'"]


def test_phase_of_an_agent_with_a_fault_disables_its_workflows(load_text):
    text = "agents:\n  a: {tool: 3}\nphases:\n  p: {mode: agent, agent: a}\nworkflows:\n  - {id: w, phases: [p]}\n"
    loaded = load_text(text)
    assert loaded.config.workflows == {}
    assert "flow.yaml:2:13: 'tool' takes a string, not the number 3" in loaded.config.disabled["w"]
