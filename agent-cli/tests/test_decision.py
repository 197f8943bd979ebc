import pytest

from animus_agent_cli.decision import LINE_LIMIT_BYTES, DecisionScanner, answer_object, decision_in, schema_instruction

ADVANCE = {"verdict": "advance"}


def scan(*chunks):
    scanner = DecisionScanner()
    for chunk in chunks:
        scanner.write(chunk)
    scanner.close()
    return scanner.decision


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"verdict": "advance"}', ADVANCE),
        (b'  {"verdict": "advance"}\r', ADVANCE),
        (b'{"kind": "Phase_Decision", "verdict": "rework"}', {"kind": "Phase_Decision", "verdict": "rework"}),
        (b'{"phase_decision": {"verdict": "advance"}, "x": 1}', ADVANCE),
        (b'{"decision": {"verdict": "advance"}}', ADVANCE),
        (b'{"verdict": "no such word"}', {"verdict": "no such word"}),
        (b'{"verdict": 7}', {"verdict": 7}),
        (b'{"kind": "log", "verdict": "fail"}', None),
        (b'{"decision": "advance"}', None),
        (b'{"level": "info"}', None),
        (b'verdict {"verdict": "advance"}', None),
        (b'["verdict"]', None),
        (b'{"verdict": NaN}', None),
        (b'{"verdict": "\\ud800"}', None),
        (b'{"verdict": "adv\xff"}', None),
        (b'{"verdict": ' + b"[" * 100_000 + b"}", None),
    ],
)
def test_line_is_a_decision_only_when_it_says_so(line, expected):
    assert decision_in(line) == expected


def test_last_decision_counts_and_other_lines_do_not_hide_it():
    output = b'{"verdict": "fail"}\nmore\n{"verdict": "advance"}\n{"took": 3, "verdicts": 0}\nbye'
    assert scan(output) == ADVANCE


def test_decision_may_be_cut_anywhere_and_need_no_line_end():
    output = b'log\n{"verdict": "advance"}'
    assert all(scan(output[:cut], output[cut:]) == ADVANCE for cut in range(len(output)))


def test_line_beyond_the_limit_is_output_and_no_decision():
    scanner = DecisionScanner()
    scanner.write(b'{"verdict": "' + b"x" * LINE_LIMIT_BYTES)
    scanner.write(b'"}')
    assert scanner.decision is None
    scanner.write(b'\n{"verdict": "advance"}\n')
    assert scanner.decision == ADVANCE


def test_integers_that_fit_no_encoder_become_floats():
    assert decision_in(b'{"verdict": "advance", "n": 123456789012345678901234567890}')["n"] == pytest.approx(
        1.23e29, rel=0.01
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ('words {"a": 1} more {"b": {"c": 2}}\n', {"b": {"c": 2}}),
        ('```json\n{\n  "a": {}\n}\n```', {"a": {}}),
        ('if (x) { y(); } then {"v": 1}', {"v": 1}),
        ('{"a": 1} and more words', None),
        ("[1, 2]", None),
        ("{" * 100_000 + "}", None),
        ('{"a": "\\ud800"}', None),
        ("", None),
    ],
)
def test_answer_ends_in_an_object_or_has_none(text, expected):
    assert answer_object(text) == expected


def test_object_that_begins_far_from_the_end_is_not_looked_for():
    assert answer_object('{"a": "' + "x" * 1_000_000 + '"}') is None


def test_instruction_holds_the_schema():
    assert '{"type": "object"}' in schema_instruction({"type": "object"})
