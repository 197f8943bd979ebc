"""Statuses follow the table of exit codes, so that a caller of both doors keeps one list of words."""

import pytest

from animus_cli.failure import EXIT_CODES
from animus_control.errors import CATEGORIES, ControlError, daemon_needed
from animus_transport_http.refusal import STATUS_OF_CODE, RefusalError, refusal_of


def test_every_word_of_the_exit_codes_has_a_status():
    # nobody waits over HTTP for a run to end, so none is answered with how it ended
    assert set(STATUS_OF_CODE) == set(EXIT_CODES) - {"run_failed"}


@pytest.mark.parametrize(
    ("category", "status"),
    [
        ("invalid_request", 400),
        ("not_found", 404),
        ("conflict", 409),
        ("permission_denied", 403),
        ("unavailable", 503),
        ("internal", 500),
        ("not_supported", 501),
    ],
)
def test_each_category_of_the_daemon_has_its_status(category, status):
    assert category in CATEGORIES
    assert refusal_of(ControlError(category, "why")).status == status


def test_missing_daemon_is_told_with_the_command_that_helps():
    refusal = refusal_of(daemon_needed("no daemon serves it"))
    assert refusal.record()["details"]["remediation"]["next_step"] == "animus daemon start"
    assert ("Retry-After", "1") in refusal.headers


def test_unforeseen_error_is_internal_and_a_refusal_stays_what_it_is():
    assert refusal_of(KeyError("x")).status == 500
    refusal = RefusalError(418, "teapot", "short and stout")
    assert refusal_of(refusal) is refusal
    assert refusal.record() == {"code": "teapot", "message": "short and stout"}
