"""The tests that failed are named as their runner prints them."""

import pytest

from animus_workflow_runner_default.phases.failure import MAX_FAILING_TESTS, excerpt, failing_tests

SAID = {
    "pytest": ("FAILED tests/test_a.py::test_b - assert 1\nERROR test_c.py", ["tests/test_a.py::test_b", "test_c.py"]),
    "unittest": ("FAIL: test_one (tests.T)\nFAILED (failures=1)", ["test_one (tests.T)"]),
    "cargo": ("test a::b ... ok\ntest a::c ... FAILED", ["a::c"]),
    "go": ("--- FAIL: TestX (0.00s)\n--- PASS: TestY", ["TestX"]),
    "jest": ("PASS a.test.js\n  ● sum adds", ["sum adds"]),
    "tap": ("ok 1 - a\nnot ok 2 - adds numbers\n    not ok 3 inner\nnot ok 4", ["adds numbers", "inner", "4"]),
    "tap, known": ("not ok 1 - later # TODO not yet\nnot ok 2 - elsewhere # skip no net\nnot okay", []),
    "NUL": ("--- FAIL: Test\0X", ["Test␀X"]),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "names"), SAID.values(), ids=SAID)
def test_failing_tests_are_named(text, names):
    assert failing_tests(text, None) == names


def test_pattern_of_the_author_replaces_ours_and_names_stay_few():
    text = "\n".join(f"broken: {number}" for number in range(100))
    assert failing_tests(text, r"^broken: (\d+)$") == [str(number) for number in range(MAX_FAILING_TESTS)]
    assert failing_tests("FAILED a", r"^broken$") == []


def test_excerpt_has_nothing_that_no_argument_takes():
    assert excerpt("a\0b", 10) == "a␀b"
