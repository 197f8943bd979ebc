"""The judge itself: frames against the table, errors of the harness told from findings, and the suite in pytest."""

import pytest

from animus_conformance import Requirement, Status, run_checks
from animus_conformance.judgement import Judgement, decode_frame
from animus_conformance.requirement import CheckFailedError, HarnessError

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    "frame",
    [
        {"id": 1, "result": {}, "error": {"code": 1, "message": "m"}},
        {"id": 1},
        {"id": 1, "error": {"code": 2**40, "message": "m"}},
        {"id": 1, "error": {"code": 1}},
        {"id": 1, "result": {"total": 1}},
        {"id": 1, "result": {"total": 1, "pending": None, "assigned": 0, "held": 0}},
        {"result": {}},
        {"method": "queue/lease", "id": 1},
        {"method": "agent/no_such"},
        {"method": "agent/output", "params": {"text": "no session"}},
        {"method": "agent/output", "id": 3, "params": {"text": "t", "session_id": "s"}},
    ],
    ids=str,
)
def test_frame_that_does_not_fit_the_table_is_a_finding(frame):
    judgement = Judgement()
    judgement.asking(1, "queue/stats")
    with pytest.raises(CheckFailedError):
        judgement.received({"jsonrpc": "2.0", **frame})


def test_frame_that_fits_is_none():
    judgement = Judgement()
    judgement.asking(1, "queue/stats")
    judgement.received({"jsonrpc": "2.0", "id": 1, "result": {"total": 0, "pending": 0, "assigned": 0, "held": 0}})
    judgement.received({"jsonrpc": "2.0", "method": "x/vendor", "params": [1]})


def test_harness_never_sends_what_the_table_forbids():
    with pytest.raises(HarnessError):
        Judgement().sending({"id": 1, "method": "queue/lease", "params": {}})
    with pytest.raises(HarnessError):
        Judgement().sending({"method": "agent/output", "params": {}})


@pytest.mark.parametrize("line", [b"hello", b"[]", b"1", b"\xff", b'{"id":1}', b'{"jsonrpc":"1.0","id":1}'])
def test_stray_output_is_a_finding(line):
    with pytest.raises(CheckFailedError):
        decode_frame(line)


def test_frame_that_no_host_would_read_is_a_finding():
    with pytest.raises(CheckFailedError, match="hosts read"):
        decode_frame(b'{"jsonrpc":"2.0","method":"x","params":"' + b"x" * 9_000_000 + b'"}')


def test_fault_of_the_harness_is_told_from_one_of_the_plugin(twin):
    def broken(_plugin):
        raise ZeroDivisionError

    requirement = Requirement("x:y", "text", "core", None, (), (), "1.1.0", broken)
    (outcome,) = run_checks(twin(), [requirement])
    assert outcome.status is Status.HARNESS_ERROR
    assert "ZeroDivisionError" in outcome.detail


def test_suite_is_one_line_in_a_plugins_own_tests(pytester, twin):
    command = ", ".join(repr(word) for word in twin("health:answered"))
    pytester.makepyfile(
        "from animus_conformance.pytest_suite import conformance_suite\n"
        f"test_conformance = conformance_suite({command}, kinds=[])\n"
    )
    done = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "-k", "ping or health or eof:exit")
    done.assert_outcomes(passed=3, failed=1)
    done.stdout.fnmatch_lines(["*failed: health:answered*", "*repeat with: animus-conformance run*"])
