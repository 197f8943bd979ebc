import pytest

PHASE = """\
agents:
  coder: {{tool: claude}}
phases:
  p: {{mode: command, command: {{program: x}}, evals: {evals}}}
workflows:
  - {{id: w, phases: [p]}}
"""


def test_checks_of_each_kind_load(load_text):
    evals = (
        "{pass_threshold: 0.5, on_fail: rework, max_reworks: 2, checks: ["
        "{id: a, kind: command, command: make, args: [x], working_dir: $REPO_ROOT/web, expected_exit: 1},"
        "{id: b, kind: regex, pattern: 'ok', file: out.txt, must_match: false},"
        "{id: c, kind: llm_judge, agent: coder, prompt: Is it good?}]}"
    )
    loaded = load_text(PHASE.format(evals=evals), with_phases=False)
    assert [str(found) for found in loaded.diagnostics] == []
    compiled = loaded.config.phases["p"].evals
    assert [check.kind for check in compiled.checks] == ["command", "regex", "llm_judge"]
    assert (compiled.pass_threshold, compiled.on_fail, compiled.max_reworks) == (0.5, "rework", 2)


@pytest.mark.parametrize(
    ("evals", "message"),
    [
        ("{checks: []}", "'checks' takes a list that is not empty"),
        ("{checks: [{id: a, kind: command}]}", "a check of kind 'command' needs 'command'"),
        ("{checks: [{id: a, kind: regex}]}", "a check of kind 'regex' needs 'pattern'"),
        ("{checks: [{id: a, kind: llm_judge}]}", "a check of kind 'llm_judge' needs 'prompt'"),
        (
            "{checks: [{id: a, kind: regex, pattern: x, args: [b]}]}",
            "'args' does not belong to a check of kind 'regex'",
        ),
        ("{checks: [{id: a, kind: regex, pattern: '('}]}", "not a regular expression"),
        ("{checks: [{id: a, kind: regex, pattern: x, file: ../y}]}", "escapes project root"),
        ("{checks: [{id: a, kind: command, command: x, working_dir: /tmp}]}", "escapes project root"),
        ("{checks: [{id: a, kind: llm_judge, prompt: x, agent: codr}]}", "unknown agent 'codr'; did you mean 'coder'?"),
        ("{on_fail: rework, checks: [{id: a, kind: regex, pattern: x}]}", "needs 'max_reworks' of at least 1"),
        ("{max_reworks: 1, checks: [{id: a, kind: regex, pattern: x}]}", "'max_reworks' needs 'on_fail: rework'"),
        (
            "{checks: [{id: a, kind: regex, pattern: x}, {id: a, kind: regex, pattern: y}]}",
            "the check 'a' stands twice",
        ),
        ("{checks: [{id: a, kind: regexp, pattern: x}]}", "did you mean 'regex'?"),
        (
            "{check: [], checks: [{id: a, kind: regex, pattern: x}]}",
            "unknown evals key 'check'; did you mean 'checks'?",
        ),
    ],
)
def test_check_that_cannot_be_made_is_refused(errors_of, evals, message):
    errors = errors_of(PHASE.format(evals=evals), with_phases=False)
    assert message in errors[0], errors
